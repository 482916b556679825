// Every system call of every operation fails once: strace makes it answer with an errno instead of being made.

import { afterAll, describe, expect } from 'vitest';
import { promise } from '../../helpers.js';
import { type Call, sampleOf } from './calls.js';
import { type Errno, errnosOf } from './errnos.js';
import { exceptionFor, failuresIn, isError, leftBehind, names } from './expectations.js';
import { isSoak, testTimeout } from './length.js';
import { inParallel } from './parallel.js';
import { missingStrace, type Report, strikeOperation, type Traced, traceOperation, withBase } from './strace.js';

const OPERATIONS = [
  'create',
  'replace',
  'steady',
  'proving',
  'proven',
  'locked',
  'remove',
  'sweep',
  'list',
  'probe',
  'probePath',
  'measure',
  'hold',
  'refresh',
  'listen',
  'unlinkOwn',
  'handOver',
  'connect',
  'connectVerified',
  'dial',
  'sameInode',
];

interface Fault {
  readonly operation: string;
  readonly threads: number | undefined;
  readonly call: Call;
  readonly errno: Errno;
}

// In the short form each call fails with one of its errnos, with another one from call to call.
function faultsOf(operation: string, { calls, threads }: Traced): Fault[] {
  return sampleOf(calls).flatMap((call, i) => {
    const errnos = errnosOf(call);
    const chosen = isSoak ? errnos : errnos.filter((_, j) => j === i % errnos.length);
    return chosen.map((errno) => ({ operation, threads, call, errno }));
  });
}

function judge(fault: Fault, undisturbed: Report): Promise<string[]> {
  const { operation, threads, call, errno } = fault;
  const releaseLeaked = call.names.includes('close');
  return withBase(async (base) => {
    const run = { base, operation, releaseLeaked, threads };
    const { signal, report } = await strikeOperation(run, { call, effect: `error=${errno}` });
    const wrong = report === null ? [`it was ended by ${signal}`] : judgeReport(fault, report, undisturbed);
    if (!releaseLeaked && report !== null && report.leaked.length > 0) {
      wrong.push(`descriptors are left open: ${JSON.stringify(report.leaked)}`);
    }
    return wrong.map((what) => `${operation}, where ${call.text} fails with ${errno}: ${what}`);
  });
}

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

function judgeReport(fault: Fault, report: Report, undisturbed: Report): string[] {
  const { first, second, after, end } = report;
  const answer = exceptionFor(fault.operation, fault.call, fault.errno)?.answer;
  if (answer === 'any') return [];
  if (answer === 'stays') for (const tree of [after, end]) delete tree[fault.call.about];
  const wrong = judgeAnswer(fault, report, undisturbed);
  const left = answer === 'done' ? [] : leftBehind(report, undisturbed.after);
  if (left.length > 0) wrong.push(`left behind: ${left.join(', ')}`);
  // Where a part failed, the next call has that part alone to do.
  const isRestDone = !isError(first) && !isError(second) && same(failuresIn(second), failuresIn(undisturbed.second));
  if (!isRestDone && !same(second, undisturbed.first) && !same(second, undisturbed.second)) {
    wrong.push(`the next call does not succeed: ${JSON.stringify(second)}`);
  }
  if (!same(end, undisturbed.end)) wrong.push(`in the end there is ${JSON.stringify(end)}`);
  return wrong;
}

function judgeAnswer({ operation, call, errno }: Fault, { first, after }: Report, undisturbed: Report): string[] {
  const answer = exceptionFor(operation, call, errno)?.answer;
  if (answer === 'any') return [];
  const given = JSON.stringify(first);
  if (answer === 'goes-on') {
    if (!same(first, undisturbed.first)) return [`it is not as if nothing had failed: ${given}`];
    return same(after, undisturbed.after) ? [] : [`it leaves ${JSON.stringify(after)}`];
  }
  if (answer === 'fails') return isError(first) ? [] : [`it does not fail: ${given}`];
  if (answer === undefined || answer === 'done' || answer === 'stays') {
    return names(operation, first, call, errno) ? [] : [`that is not told: ${given}`];
  }
  if (typeof answer === 'string') {
    return failuresIn(first).some(({ code }) => code === answer) ? [] : [`it is not answered by ${answer}: ${given}`];
  }
  const expected = 'result' in undisturbed.first ? answer(undisturbed.first.result as never, errno) : undefined;
  return same(first, { result: expected }) ? [] : [`it is answered by ${given}`];
}

describe('a system call that fails once', () => {
  const counts = { operations: 0, calls: 0, faults: 0 };
  for (const operation of OPERATIONS) {
    const title = `is told by ${operation}, which leaves nothing behind and succeeds the next time`;
    const test = async () => {
      const traced = await traceOperation(operation);
      const { calls, report } = traced;
      const faults = faultsOf(operation, traced);
      const wrong = await inParallel(2, faults, (fault) => judge(fault, report));
      counts.operations++;
      counts.calls += calls.length;
      counts.faults += faults.length;
      console.log(`${operation}: ${calls.length} calls, ${faults.length} faults injected`);
      expect(wrong.flat().join('\n')).toBe('');
    };
    promise(missingStrace, title, test, testTimeout);
  }

  afterAll(() =>
    console.log(`faults: ${counts.faults} injected into ${counts.calls} calls of ${counts.operations} operations`),
  );
});
