// The processes of a machine, as Linux tells of them in /proc, and ps elsewhere: each told anew to this process.

import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { clock } from '../../dist/clock.js';
import * as table from '../../dist/runtime/process-table.js';
import { replaceNative } from '../helpers/addon.js';
import { nodeFs, restoreAfterEach, syncBuiltinESMExports } from '../helpers/builtins.js';
import { tempDir } from '../helpers.js';

const isLinux = process.platform === 'linux';

restoreAfterEach();

/** A /proc of these processes: the text of `stat`, its threads, or nothing where it has ended meanwhile. */
function proc(processes: Record<number, { stat?: string; cgroup?: string; threads?: string[] }>): void {
  const names = ['self', '1x', '007', ...Object.keys(processes)];
  vi.spyOn(nodeFs.promises, 'readdir').mockImplementation((async (file: string) =>
    file === '/proc' ? names : expect.unreachable(file)) as never);
  const missing = () => {
    throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
  };
  const { readFileSync, readdirSync } = nodeFs;
  vi.spyOn(nodeFs, 'readFileSync').mockImplementation(((file: string, ...rest: []) => {
    const [, pid = '', name = ''] = /^\/proc\/(\d+)\/(stat|cgroup)$/.exec(file) ?? [];
    return pid === '' ? readFileSync(file, ...rest) : (processes[Number(pid)]?.[name as 'stat'] ?? missing());
  }) as never);
  vi.spyOn(nodeFs, 'readdirSync').mockImplementation(((file: string, ...rest: []) => {
    const [, pid = ''] = /^\/proc\/(\d+)\/task$/.exec(file) ?? [];
    return pid === '' ? readdirSync(file, ...rest) : (processes[Number(pid)]?.threads ?? missing());
  }) as never);
  syncBuiltinESMExports();
}

const stat = (pid: number, name: string, state: string, parent: number, session: number, startTime: number) =>
  `${pid} (${name}) ${state} ${parent} 77 ${session} ${'0 '.repeat(15)}${startTime} 0 0\n`;

describe.runIf(isLinux)('/proc', () => {
  it('tells number, parent, session and start of each, whatever it is called', async () => {
    proc({
      1: { stat: stat(1, 'init', 'S', 0, 1, 5) },
      20: { stat: stat(20, 'a (strange) name) S 9', 'R', 1, 20, 7) },
      21: {},
    });
    expect([...(await table.processTable())]).toEqual([
      [1, { pid: 1, thread: 1, parent: 0, session: 1, startTime: 5 }],
      [20, { pid: 20, thread: 20, parent: 1, session: 20, startTime: 7 }],
    ]);
  });

  it.each(['Z', 'X', 'x'])('one that has ended (%s) is none, but for a thread of it that lives', async (state) => {
    proc({
      20: { stat: stat(20, 'n', state, 1, 20, 7) },
      21: { stat: stat(21, 'n', state, 1, 20, 7), threads: ['21'] },
      22: { stat: stat(22, 'n', state, 1, 20, 7), threads: ['22', '25'] },
    });
    expect([...(await table.processTable()).values()].map(({ pid, thread }) => [pid, thread])).toEqual([[22, 25]]);
  });

  it('of many is read in turns of the event loop', async () => {
    proc(
      Object.fromEntries(Array.from({ length: 200 }, (_, at) => [at + 2, { stat: stat(at + 2, 'n', 'S', 1, 1, 7) }])),
    );
    let turns = 0;
    const count = () => {
      turns++;
      next = setImmediate(count);
    };
    let next = setImmediate(count);
    expect((await table.processTable()).size).toBe(200);
    clearImmediate(next);
    expect(turns).toBeGreaterThanOrEqual(3);
  });

  it('tells the cgroup', async () => {
    proc({
      20: { cgroup: '0::/a/b\n' },
      21: { cgroup: '1:cpu:/x\n0::/c d\n' },
      22: { cgroup: '0::\n' },
      23: { cgroup: '10::/x\n' },
      24: {},
    });
    expect([20, 21, 22, 23, 24].map(table.cgroupOf)).toEqual(['/a/b', '/c d', null, null, null]);
  });
});

describe('the processes in a cgroup', () => {
  it('are those of its list, and none where there is none', async () => {
    const read = vi.spyOn(nodeFs.promises, 'readFile').mockResolvedValue('7\n8\n');
    expect(await table.inCgroup('/a/b')).toEqual([7, 8]);
    expect(read).toHaveBeenCalledWith('/sys/fs/cgroup/a/b/cgroup.procs', 'utf8');
    read.mockRejectedValue(new Error('gone'));
    expect(await table.inCgroup('/a/b')).toEqual([]);
  });
});

describe('ps', () => {
  /** Another ps, which answers with this and writes down what it was asked. */
  function ps(script: string): () => string {
    const bin = tempDir();
    const asked = path.join(bin, 'asked');
    fs.writeFileSync(path.join(bin, 'ps'), `#!/bin/sh\necho "$*" >'${asked}'\n${script}\n`, { mode: 0o755 });
    vi.stubEnv('PATH', `${bin}:${process.env.PATH}`);
    return () => fs.readFileSync(asked, 'utf8').trim();
  }

  it('tells of them where there is no /proc', async () => {
    const asked = ps("printf '%s\\n' 'Ss  1 0 1' '  R+ 20  1 20 ' 'Z 21 1 20' 'S 22 20 0' ''");
    vi.spyOn(process, 'platform', 'get').mockReturnValue('darwin');
    expect([...(await table.processTable()).values()]).toEqual([
      { pid: 1, thread: 1, parent: 0, session: 1, startTime: null },
      { pid: 20, thread: 20, parent: 1, session: 20, startTime: null },
      { pid: 22, thread: 22, parent: 20, session: -1, startTime: null },
    ]);
    expect(asked()).toBe('-axo stat=,pid=,ppid=,sess=');
    expect(await table.withEnvironment([{ pid: 1, thread: 1, parent: 0, session: 1, startTime: null }], 'A=b')).toEqual(
      [],
    );
  });

  it('tells how one was started, or nothing', async () => {
    const asked = ps("echo ' sleep 60 '");
    expect(await table.commandOf(7)).toBe('sleep 60');
    expect(asked()).toBe('-o args= -p 7');
    ps('exit 1');
    expect(await table.commandOf(7)).toBe('');
  });
});

describe('the process of an entry', () => {
  it('is that of its number and start, which is asked for where it is not known', async () => {
    const entry = { pid: process.pid, thread: process.pid, parent: 1, session: 1 };
    expect(await table.identify({ ...entry, startTime: 5 })).toMatchObject({ pid: process.pid, startTime: 5 });
    const asked = await table.identify({ ...entry, startTime: null });
    expect([asked?.pid, await asked?.isAlive()]).toEqual([process.pid, true]);
    expect(await table.identify({ ...entry, pid: 2 ** 30, startTime: null })).toBeNull();
    expect(await table.identify({ ...entry, pid: -1, startTime: null })).toBeNull();
  });
});

describe.runIf(isLinux)('whose environment has an entry', () => {
  it('are found among those that are asked', async () => {
    const start = (env: NodeJS.ProcessEnv) => {
      const child = spawn('sleep', ['60'], { env: { PATH: process.env.PATH, ...env }, stdio: 'ignore' });
      onTestFinished(() => void child.kill('SIGKILL'));
      return child.pid ?? -1;
    };
    const [marked, other] = [start({ SOME_MARK: 'x' }), start({ SOME_MARK: 'xy' })];
    const entries = [...(await table.processTable()).values()].filter(({ pid }) => [marked, other].includes(pid));
    await vi.waitFor(async () => expect(await table.withEnvironment(entries, 'SOME_MARK=x')).toEqual([marked]), {
      timeout: 20_000,
    });
    expect(await table.withEnvironment([], 'SOME_MARK=x')).toEqual([]);
  });

  it('by a thread that lives; and one that does not answer is not asked again for ten seconds', async () => {
    const asked: number[][] = [];
    const answers = [-71, 81];
    replaceNative({
      withEntryAsync: (async (_: string, given: Uint8Array) => {
        asked.push([...new Int32Array(given.buffer)]);
        return new Uint8Array(Int32Array.from(answers).buffer);
      }) as never,
    });
    let now = 1000;
    vi.spyOn(clock, 'now').mockImplementation(() => now);
    const entries = [
      { pid: 7, thread: 71, parent: 1, session: 1, startTime: 5 },
      { pid: 8, thread: 81, parent: 1, session: 1, startTime: 6 },
      { pid: 9, thread: 9, parent: 1, session: 1, startTime: 6 },
    ];
    expect(await table.withEnvironment(entries, 'A=b')).toEqual([8]);
    expect(await table.withEnvironment(entries, 'A=b')).toEqual([8]);
    // Another process of that number is asked.
    expect(await table.withEnvironment([{ ...entries[0], startTime: 6 } as never], 'A=b')).toEqual([]);
    now += 10_000;
    expect(await table.withEnvironment(entries, 'A=b')).toEqual([8]);
    expect(asked).toEqual([[71, 81, 9], [81, 9], [71], [71, 81, 9]]);
  });
});
