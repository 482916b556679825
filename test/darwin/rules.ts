// The tests of XNU's rules: each names the rule that it meets.

import { expect, it } from 'vitest';
import { type Arch, missingMac, type Outcome, run, type Scene, type Setting } from './mac.js';

export type Rule = <T>(
  name: string,
  promise: string,
  body: (scene: Scene) => T | Promise<T>,
  check: (outcome: Outcome<T>) => void,
  setting?: Omit<Setting, 'arch'> & { meets?: boolean },
) => void;

/** What makes a test of a rule on that architecture, and notes that it has one. */
export function ruleOn(arch: Arch, tested: Set<string>): Rule {
  const missing = missingMac(arch);
  return (name, promise, body, check, { meets = true, ...setting } = {}) => {
    tested.add(name);
    it.skipIf(missing !== null)(`${name}: ${promise}`, () => {
      const outcome = run({ arch, ...setting }, body);
      check(outcome);
      // Where the rule is harmful, the promise is that our code never meets it.
      if (meets) expect(outcome.taken[name]).toBeGreaterThan(0);
      else expect(outcome.taken[name]).toBe(0);
    });
  };
}
