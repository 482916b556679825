// What the tests of the runtime share: a home of their own, deep enough that no socket could be bound in it, and shims.

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { onTestFinished } from 'vitest';
import { type BoxLayout, ShimProcess } from '../../dist/box/index.js';
import {
  type BoxRow,
  BoxRuntime,
  type BoxStore,
  type OpenOptions,
  type ShimCommand,
} from '../../dist/runtime/index.js';
import { MemoryBoxStore } from '../helpers/memory-box-store.js';
import { missingBetterSqlite } from '../helpers/sqlite.js';
import { fixtures, ownUid, pathOfBytes, tempDir } from '../helpers.js';

export const missingSqlite = process.getBuiltinModule('node:sqlite') === undefined ? missingBetterSqlite : null;

/** The interpreter itself: in its place there may be a script that starts other programs before it becomes one. */
export const python = spawnSync('python3', ['-c', 'import sys; print(sys.executable)'], {
  encoding: 'utf8',
}).stdout?.trim();

export interface TestHome {
  readonly base: string;
  readonly parent: string;
  readonly homeDir: string;
  readonly boxesDir: string;
  readonly store: MemoryBoxStore;
  /** Opens it with the memory store, and closes it with the test. */
  open(options?: Partial<OpenOptions>): Promise<BoxRuntime>;
  boxHome(id: string): string;
  binding(id: string): string;
  /** A row of a box that was never launched, so that the store is not one without a row. */
  insertRow(id: string): Promise<void>;
  /** Which boxes have a directory, and which a link. */
  left(): { homes: string[]; links: string[] };
}

export function makeHome(): TestHome {
  const base = tempDir();
  const homeDir = pathOfBytes(base, 300);
  const boxesDir = path.join(homeDir, 'boxes');
  const parent = path.join(base, `bl-${ownUid}`);
  const store = new MemoryBoxStore();
  return {
    base,
    parent,
    homeDir,
    boxesDir,
    store,
    open: async (options) => {
      const runtime = await BoxRuntime.open({ homeDir, base, store, ...options });
      onTestFinished(() => runtime.close());
      return runtime;
    },
    boxHome: (id) => path.join(boxesDir, id),
    binding: (id) => path.join(parent, id),
    insertRow: (id) =>
      store.insert({ id, name: null, createdAt: 0, json: JSON.stringify({ id, box_home: path.join(boxesDir, id) }) }),
    left: () => ({ homes: names(boxesDir), links: names(parent).filter((name) => name !== '.lock') }),
  };
}

/** Every row, in the order of their ids. */
export async function rowsOf(store: BoxStore): Promise<BoxRow[]> {
  const all: BoxRow[] = [];
  for await (const rows of store.pages()) all.push(...rows);
  return all.sort((a, b) => (a.id < b.id ? -1 : 1));
}

function names(directory: string): string[] {
  return fs.existsSync(directory) ? fs.readdirSync(directory).sort() : [];
}

/** Whatever a test leaves, told by a word in its command line. */
export function endWith(word: string): void {
  onTestFinished(() => {
    for (const pid of processesWith(word)) ShimProcess.ofSync(pid)?.killSync('SIGKILL');
  });
}

/** test/fixtures/guest.py as a shim; ended with the test, whatever became of its shim.pid. */
export function guest(...steps: string[]): (layout: BoxLayout) => ShimCommand {
  return (layout) => {
    endWith(layout.sockets.bindingDir);
    return {
      command: python,
      args: [path.join(fixtures, 'guest.py'), layout.sockets.bindingDir, ...steps],
      env: { ...process.env, CONSOLE: layout.consoleLog },
    };
  };
}

/** The numbers of processes that have this text in their command line. */
export function processesWith(text: string): number[] {
  const { stdout } = spawnSync('ps', ['-eo', 'pid=,state=,args='], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    env: { PATH: process.env.PATH }, // it waits for ever where a sanitizer is loaded before it
  });
  return stdout.split('\n').flatMap((line) => {
    const [pid, state, ...args] = line.trim().split(/\s+/);
    const own = Number(pid) === process.pid || args[0] === 'ps';
    return args.join(' ').includes(text) && state !== 'Z' && !own ? [Number(pid)] : [];
  });
}
