// What of doctor takes a process of its own, or many runs.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { boxsockets, json, MAIN, makeBox, scratch } from '../../cli/run.js';

const test = scratch();
const home = () => path.join(test.dir, 'h');
const nodeTruncates = Number.parseInt(process.versions.node, 10) < 24;

async function bind(id: string): Promise<void> {
  await boxsockets(['ensure', id, makeBox(home(), id), '--base', test.base]);
}

describe('doctor without a home', () => {
  it('works in a base of any length that leaves room, and finds the cut path in each', async () => {
    for (let length = 0; length < 12; length++) {
      const base = path.join(test.dir, 'x'.repeat(length + 1));
      fs.mkdirSync(base, { mode: 0o700 });
      const report = json(await boxsockets(['doctor', '--json', '--base', base]));
      expect(report.ok).toBe(true);
      const direct = report.findings.find((finding: { code: string }) => finding.code === 'direct-bind');
      expect(direct.message).toContain(nodeTruncates ? 'binds another path, cut to 108 bytes' : 'fails: EINVAL');
      expect(fs.readdirSync(base)).toEqual([]);
    }
  });

  // Whatever it is doing: measuring, making, binding, probing.
  const MOMENTS: [what: string, begun: RegExp][] = [
    ['measuring', /^\.bl-/],
    ['making its home', /^bs-/],
    ['binding', /^bl-/],
  ];

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    it.each(MOMENTS)(`${signal} while it is %s: it removes what it made, and dies of the signal`, async (_, begun) => {
      const child = spawn(process.execPath, [MAIN, 'doctor', '--base', test.base], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const exit = new Promise<[number | null, string | null]>((resolve) => {
        child.once('exit', (...end) => resolve(end));
      });
      const printed: string[] = [];
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => printed.push(String(chunk)));
      while (!fs.readdirSync(test.base).some((name) => begun.test(name)) && child.exitCode === null) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      child.kill(signal);
      const [code, died] = await exit;
      expect(fs.readdirSync(test.base)).toEqual([]);
      // It may have been done, and have said so, before the signal came.
      if (printed.length === 0) expect([code, died]).toEqual([null, signal]);
    });
  }
});

/** Runs a command until it is told to stop, and gives what it has shown. */
async function watch(args: string[], steps: [shows: string, then: () => unknown][]): Promise<string> {
  const child = spawn(process.execPath, [MAIN, ...args, '--base', test.base]);
  let shown = '';
  child.stdout.on('data', (chunk) => {
    shown += String(chunk);
  });
  for (const [text, then] of steps) {
    while (!shown.includes(text) && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 50));
    await then();
  }
  child.kill('SIGTERM');
  await once(child, 'exit');
  return shown;
}

describe('--watch', () => {
  it('of doctor draws again and again, and what was mended meanwhile is seen', async () => {
    makeBox(home(), 'b1');
    const shown = await watch(
      ['doctor', '--watch', '--quiet', '--home', home()],
      [
        ['1 warning.', () => bind('b1')],
        ['All is well', () => undefined],
      ],
    );
    expect(shown).toMatch(/^\n(! 1 of 1 box not in order: 1 warning\.\n\n)+. All is well: 1 box checked\.\n/);
  });

  it('of list shows a binding that came meanwhile', async () => {
    const shown = await watch(
      ['list', '--watch'],
      [
        ['No bindings.', () => bind('b1')],
        ['1 binding', () => undefined],
      ],
    );
    expect(shown).toMatch(/^\n(No bindings\.\n\n)+ID +STATE +HELD +TARGET\nb1 +idle /);
  });
});
