import { expect, it } from 'vitest';
import { checkOptions, toOptions } from '../dist/known-options.js';

const KNOWN = { lockTimeout: true, takeover: true, verifyPeer: true, base: true };

function refused(action: () => unknown): { code?: string; message?: string } {
  try {
    action();
    return {};
  } catch (error) {
    return error as { code: string; message: string };
  }
}

it('no options are empty ones; an object is itself', () => {
  expect(toOptions(undefined, KNOWN)).toEqual({});
  const given = { takeover: true };
  expect(toOptions(given, KNOWN)).toBe(given);
});

it.each([null, 0, '', false, 7, 'text', true, Symbol('s'), () => {}])('%o is no object of options', (value) => {
  const { code, message } = refused(() => toOptions(value as object, KNOWN as object, 'input'));
  expect(code).toBe('ERR_INVALID_ARG_TYPE');
  expect(message).toMatch(/^The "input" argument must be an object\. Received /);
});

it.each([
  // What is written in other letters is the same word.
  ['LOCKTIMEOUT', "did you mean 'lockTimeout'?"],
  ['lock_timeout', "did you mean 'lockTimeout'?"],
  ['verifyPeers', "did you mean 'verifyPeer'?"],
  ['verifPeer', "did you mean 'verifyPeer'?"],
  ['bsae', "did you mean 'base'?"],
  ['abase', "did you mean 'base'?"],
  // Two of four letters, or a third of a long one: as far as it goes.
  ['vase1', "did you mean 'base'?"],
  ['lockTimeXYZ', "did you mean 'lockTimeout'?"],
  ['takeXYer', "did you mean 'takeover'?"],
  ['vases12', 'there are lockTimeout, takeover, verifyPeer, base'],
  ['lockTimWXYZ', 'there are lockTimeout, takeover, verifyPeer, base'],
  ['tXYZover', 'there are lockTimeout, takeover, verifyPeer, base'],
  // What every object has is no option.
  ['toString', 'there are lockTimeout, takeover, verifyPeer, base'],
  ['constructor', 'there are lockTimeout, takeover, verifyPeer, base'],
])('the option %s is not known: %s', (key, hint) => {
  const { code, message } = refused(() => toOptions({ base: '/x', [key]: 5 } as object, KNOWN));
  expect(code).toBe('ERR_INVALID_ARG_VALUE');
  expect(message).toBe(`The argument 'options.${key}' is not known here (${hint}). Received 5`);
});

it('the nearest of several is meant', () => {
  const known = { timeout: true, timeouts: true, readyTimeout: true };
  expect(refused(() => toOptions({ timeoutz: 1 } as object, known)).message).toContain("mean 'timeout'?");
  expect(refused(() => toOptions({ timeoutss: 1 } as object, known)).message).toContain("mean 'timeouts'?");
  expect(refused(() => toOptions({ redyTimeout: 1 } as object, known)).message).toContain("mean 'readyTimeout'?");
});

it('each option is checked, those too that are left out, and told by its name', () => {
  const checks = {
    base: (name: string, value: unknown) => [name, value],
    takeover: (name: string, value: unknown) => `${name} ${value}`,
  };
  type Given = { base?: unknown; takeover?: unknown };
  expect(checkOptions<Given, typeof checks>({ base: 1 }, checks)).toEqual({
    base: ['options.base', 1],
    takeover: 'options.takeover undefined',
  });
  expect(checkOptions<Given, typeof checks>(undefined, checks)).toMatchObject({
    takeover: 'options.takeover undefined',
  });
  expect(refused(() => checkOptions<Given, typeof checks>({ bose: 1 } as Given, checks)).message).toContain(
    "'options.bose' is not known",
  );
});
