// One body, two forms: what a call answers, and what it throws, comes back to where it was asked for.

import { describe, expect, it } from 'vitest';
import { attempt, both, orNull, run, type Steps, step, together } from '../dist/twin.js';
import { forms, rejection } from './helpers.js';

const coded = (code: string): Error => Object.assign(new Error(code), { code });

describe.each(forms)('an operation ($name)', ({ name, run: go }) => {
  /** A call that answers which form was asked, or throws. */
  const asked = (fails?: Error): Steps<string> => {
    const answer = (form: string): string => {
      if (fails !== undefined) throw fails;
      return form;
    };
    return step({ sync: () => answer('sync'), async: async () => answer('async') });
  };

  it('makes its calls in its own form, one after another', async () => {
    function* twice(): Steps<string[]> {
      return [yield* asked(), yield* asked()];
    }
    expect(await go(twice())).toEqual([name, name]);
    expect(
      await go(
        both(
          (a, b) => ['sync', a, b],
          async (a, b) => ['async', a, b],
          1,
          2,
        ),
      ),
    ).toEqual([name, 1, 2]);
  });

  it('can catch what a call throws, clean up, and go on; what it does not catch it fails with', async () => {
    const cleaned: string[] = [];
    function* careful(): Steps<string> {
      try {
        yield* asked(coded('E1'));
      } catch (error) {
        cleaned.push((error as Error).message);
      }
      try {
        yield* asked(coded('E2'));
      } finally {
        cleaned.push(yield* asked());
      }
      return 'not reached';
    }
    expect(await rejection(go(careful()))).toMatchObject({ code: 'E2' });
    expect(cleaned).toEqual(['E1', name]);
  });

  it('is null where what it is about is missing, and fails for any other reason', async () => {
    expect(await go(orNull(asked()))).toBe(name);
    for (const code of ['ENOENT', 'ENOTDIR']) expect(await go(orNull(asked(coded(code))))).toBeNull();
    for (const code of ['EACCES', 'ELOOP']) {
      expect(await rejection(go(orNull(asked(coded(code)))))).toMatchObject({ code });
    }
  });

  it('made of several that need not wait for each other makes them all, and fails with the first failure', async () => {
    const ended: string[] = [];
    const operation = (label: string, turns: number, fails?: Error) => () =>
      step<void>({
        sync: () => {
          ended.push(label);
          if (fails !== undefined) throw fails;
        },
        async: async () => {
          for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
          ended.push(label);
          if (fails !== undefined) throw fails;
        },
      });
    await go(together([operation('a', 9), operation('b', 1)]));
    expect(ended.sort()).toEqual(['a', 'b']);
    ended.length = 0;
    const failing = together([
      operation('slow', 9),
      operation('bad', 1, coded('E1')),
      operation('worse', 5, coded('E2')),
    ]);
    expect(await rejection(go(failing))).toMatchObject({ code: 'E1' });
    // None goes on behind the back of whom it has told that it failed.
    expect(ended).toEqual(name === 'sync' ? ['slow', 'bad'] : ['bad', 'worse', 'slow']);
  });
});

it('runs at once only where it is told to', async () => {
  const which = step({ sync: () => 'at once', async: async () => 'on a thread' });
  expect(await run(which, true)).toBe('at once');
  expect(await run(step({ sync: () => 'at once', async: async () => 'on a thread' }), false)).toBe('on a thread');
});

it('an attempt answers with what is given where it throws', () => {
  expect(attempt(() => 1, 2)).toBe(1);
  const throws = (): number => {
    throw new Error('no');
  };
  expect(attempt(throws, 2)).toBe(2);
});
