// Each behaviour in which XNU differs from Linux (host/rules.h, with the source of each), and what our code does under
// it. A rule whose test does not meet it, or that has no test, is a failure.

import { describe, expect, it } from 'vitest';
import { ARCHS, missingMac, run } from './mac.js';
import { rawRules } from './raw.js';
import { ruleOn } from './rules.js';
import { fileRules } from './xnu-files.js';
import { peerRules } from './xnu-peers.js';
import { socketRules } from './xnu-sockets.js';
import { volumeRules } from './xnu-volumes.js';

describe.each(ARCHS)('under XNU, on %s', (arch) => {
  const missing = missingMac(arch);
  const tested = new Set<string>();
  const rule = ruleOn(arch, tested);

  socketRules(rule);
  peerRules(rule);
  fileRules(rule);
  volumeRules(rule);
  rawRules(arch, missing, tested);

  it.skipIf(missing !== null)('every rule of the table has a test', () => {
    const { result } = run({ arch }, (scene) => {
      const { host } = scene as unknown as { host: { rules(): { name: string }[] } };
      return host.rules().map(({ name }) => name);
    });
    expect([...tested].sort()).toEqual([...result].sort());
  });
});
