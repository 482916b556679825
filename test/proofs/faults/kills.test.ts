// A process that is killed before or after any system call of an operation: the next one finds nothing in its way.

import * as fs from 'node:fs';
import * as net from 'node:net';
import { afterAll, describe, expect } from 'vitest';
import { BoxSockets } from '../../../dist/index.js';
import { ownUid, promise } from '../../helpers.js';
import { anonymous, type Call, type CallNumber, sampleOf } from './calls.js';
import { testTimeout } from './length.js';
import { inParallel } from './parallel.js';
import { missingStrace, runOperation, strikeOperation, traceOperation, withBase } from './strace.js';

/** An operation, and where its boxes lie that the next process ensures. */
interface Scene {
  readonly operation: string;
  readonly homes: Readonly<Record<string, 'a' | 'b'>>;
}

const SCENES: readonly Scene[] = [
  ...[
    'create',
    'steady',
    'proving',
    'remove',
    'sweep',
    'list',
    'probe',
    'probePath',
    'hold',
    'refresh',
    'listen',
    'unlinkOwn',
  ].map((operation): Scene => ({ operation, homes: { b1: 'a' } })),
  // The next process wants the binding where the killed one did, or where it was before.
  { operation: 'replace', homes: { b1: 'b' } },
  { operation: 'replace', homes: { b1: 'a' } },
];

const SIGKILL = 'signal=SIGKILL';

/** Everything below a directory: its kind, and where a link leads. */
function treeOf(directory: string): string[] {
  return fs.readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) => {
    const file = `${directory}/${name}`;
    const stat = fs.lstatSync(file);
    const kind = stat.isSymbolicLink() ? `-> ${fs.readlinkSync(file)}` : stat.isSocket() ? 'socket' : 'entry';
    return anonymous(directory, `${file} ${kind}`);
  });
}

/** What the next process does; answers with what there is in the end. It takes the lock at once, or throws. */
async function goOn(base: string, { homes }: Scene): Promise<string[]> {
  const boxes = Object.entries(homes).map(([id, home]) => new BoxSockets(id, `${base}/${home}`, { base }));
  const atOnce = { lockTimeout: 0 };
  for (const box of boxes) {
    box.ensureSync(atOnce);
    expect(fs.realpathSync(box.bindingDir)).toBe(fs.realpathSync(box.realDir));
  }
  for (const box of boxes) expect(box.probeSync()).toMatchObject({ ok: true });
  for (const box of boxes) {
    const server = net.createServer();
    await box.listen(server, 'box.sock', atOnce);
    await new Promise((resolve) => server.close(resolve));
  }
  BoxSockets.sweepStaleSync({ base, ...atOnce });
  expect(fs.readdirSync(`${base}/bl-${ownUid}`).filter((name) => /^\..*\.new$/.test(name))).toEqual([]);
  return treeOf(base).sort();
}

interface Kill extends Scene {
  readonly threads: number | undefined;
  readonly undisturbed: readonly string[];
}

function judge(kill: Kill, call: CallNumber & Partial<Call>): Promise<string[]> {
  const { operation, threads, undisturbed } = kill;
  return withBase(async (base) => {
    const at = `${operation}, killed before ${call.text ?? 'its end'}: `;
    const { signal } = await strikeOperation({ base, operation, threads }, { call, effect: SIGKILL });
    if (signal !== 'SIGKILL') return [`${at}it was not killed`];
    const wrong = await goOn(base, kill).then(
      (tree) => (tree.join() === undisturbed.join() ? [] : [`in the end there is ${tree.join(', ')}`]),
      (error: unknown) => [String(error)],
    );
    return wrong.map((what) => at + what);
  });
}

describe('a process that is killed before or after any system call', () => {
  const counts = { scenes: 0, kills: 0 };

  for (const scene of SCENES) {
    const { operation, homes } = scene;
    const test = async () => {
      const { calls, end, threads } = await traceOperation(operation);
      const undisturbed = await withBase(async (base) => {
        await runOperation({ base, operation });
        return goOn(base, scene);
      });
      const points = [...sampleOf(calls), end];
      const wrong = await inParallel(2, points, (call) => judge({ ...scene, threads, undisturbed }, call));
      counts.scenes++;
      counts.kills += points.length;
      console.log(`${operation}: ${points.length} kills survived`);
      expect(wrong.flat().join('\n')).toBe('');
    };
    promise(
      missingStrace,
      `of ${operation} is in nobody's way: the next one ensures ${Object.entries(homes).join(' and ')}, and leaves nothing`,
      test,
      testTimeout,
    );
  }

  afterAll(() => console.log(`kills: ${counts.kills} survived, in ${counts.scenes} scenes`));

  promise(missingStrace, 'has not made that call, and has made the one before it', async () => {
    const { calls } = await traceOperation('create');
    const at = calls.findIndex(({ kernel }) => kernel === 'symlinkat');
    for (const [index, made] of [
      [at, false],
      [at + 1, true],
    ] as const) {
      const call = calls[index];
      if (call === undefined) throw new Error('create makes no link');
      await withBase(async (base) => {
        await strikeOperation({ base, operation: 'create' }, { call, effect: SIGKILL });
        expect(fs.readdirSync(`${base}/bl-${ownUid}`).includes('b1')).toBe(made);
      });
    }
  });
});
