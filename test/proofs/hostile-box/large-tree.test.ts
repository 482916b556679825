// What a box leaves may be as large as its disk lets it: ten thousand entries here, a million in the soak.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { expect } from 'vitest';
import { BoxLayout } from '../../../dist/box/index.js';
import { promise, tempDir } from '../../helpers.js';

const ENTRIES = process.env.BOXSOCKETS_SOAK_SECONDS === undefined ? 10_000 : 1_000_000;
const MB = 1 << 20;

/** Half of them in one directory, the others a hundred in each. */
function fill(directory: string): void {
  for (let i = 0; i < ENTRIES; i++) {
    const place = i % 2 === 0 ? directory : path.join(directory, `d${Math.floor(i / 200)}`);
    if (i % 200 === 1) fs.mkdirSync(place);
    fs.closeSync(fs.openSync(path.join(place, `f${i}`), 'w'));
  }
}

promise(
  process.platform === 'linux' ? null : 'no /proc',
  'as many entries as a box likes go in little memory, few descriptors, and with the event loop free',
  async () => {
    const base = tempDir();
    const layout = new BoxLayout(path.join(base, 'home/boxes/large'), { base });
    layout.prepareSync();
    fill(layout.sharedDir);
    const before = process.memoryUsage().rss;
    const descriptors = fs.readdirSync('/proc/self/fd').length;
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    let [most, open] = [0, 0];
    const timer = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss - before);
      open = Math.max(open, fs.readdirSync('/proc/self/fd').length - descriptors);
    }, 5);
    const { home } = await layout.cleanup();
    clearInterval(timer);
    delay.disable();
    expect(home).toBe('removed');
    expect(fs.existsSync(layout.boxHome)).toBe(false);
    // Its names alone would take as many megabytes as there are a hundred thousand of them.
    expect(most).toBeLessThan(32 * MB);
    expect(open).toBeLessThan(80);
    expect(delay.percentile(99) / 1e6).toBeLessThan(200);
  },
  Math.max(60_000, 3 * ENTRIES),
);
