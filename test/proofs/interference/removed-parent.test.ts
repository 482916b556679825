// A program that knows nothing of us removes the parent in a loop, while boxes work in it.

import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { dist, fixtures, makeWorld, type World } from '../../helpers.js';

const WORKERS = 3;
const REMOVALS = 400;

interface Worker {
  readonly box: string;
  /** Ends it, and gives what it printed last. */
  stop(): Promise<Record<string, number>>;
}

async function startWorker(world: World, id: string): Promise<Worker> {
  const task = JSON.stringify({ dist, id, realDir: world.realDir(id), base: world.base });
  const child = spawn(process.execPath, [path.join(fixtures, 'removed-parent.js'), task], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (data) => {
    output += data;
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  await expect.poll(() => output.startsWith('works\n'), { timeout: 30_000 }).toBe(true);
  return {
    box: id,
    async stop() {
      child.stdin.end();
      expect(await ended).toBe(0);
      return JSON.parse(output.slice('works\n'.length));
    },
  };
}

/** As `rm -rf` does, over and over, with a pause of about a millisecond. */
async function removeInALoop(parent: string): Promise<number> {
  let removed = 0;
  for (let i = 0; i < REMOVALS; i++) {
    try {
      fs.rmSync(parent, { recursive: true });
      removed++;
    } catch {
      // Not there, or something was made in it meanwhile.
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return removed;
}

describe('rm -rf of the parent in a loop', () => {
  it('ends no operation otherwise than fine, or with the word that the parent does not stay', async () => {
    const world = makeWorld();
    const workers = await Promise.all(Array.from({ length: WORKERS }, (_, i) => startWorker(world, `b${i}`)));
    const removed = await removeInALoop(world.parent);
    const outcomes = await Promise.all(workers.map((worker) => worker.stop()));
    expect(removed).toBeGreaterThan(REMOVALS / 10);

    const unstable = 'ERR_BOX_SOCKETS_PARENT_UNSTABLE';
    const allowed: Record<string, string[]> = {
      // It heals once, and reports what is beyond.
      connect: ['fine', unstable, 'ENOENT'],
      listen: ['fine', unstable, 'ERR_BOX_SOCKETS_MISPLACED'],
    };
    for (const counts of outcomes) {
      for (const key of Object.keys(counts)) {
        const [name = '', answer] = key.split(': ');
        expect([key, allowed[name] ?? ['fine', unstable]]).toEqual([key, expect.arrayContaining([answer])]);
      }
    }
    // How many of each worker's were fine depends on who ran when; that some were, on us.
    const fine = outcomes.map((counts) => counts['ensureSync: fine'] ?? 0);
    expect(fine.reduce((sum, count) => sum + count)).toBeGreaterThan(10);

    // Nothing is left of it, and everything works.
    for (const { box } of workers) {
      expect(fs.readdirSync(world.realDir(box))).toEqual([]);
      world.box(box).ensureSync();
      expect(fs.readlinkSync(world.binding(box))).toBe(world.realDir(box));
    }
    expect(fs.readdirSync(world.parent).sort()).toEqual(['.lock', 'b0', 'b1', 'b2']);
  });
});
