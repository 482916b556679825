// The same second on Linux, on arm64 and on x64: line by line, but for what a Mac is known to do otherwise.

import { beforeAll, describe, expect, it } from 'vitest';
import { ARCHS, macEnvironment, missingMac } from './mac.js';
import { runScene, type Told } from './scene.js';

const nameOf = (line: string) => line.slice(0, line.search(/ (threw |\[|\{|"|true|false|null|undefined)/));

/** What differs between Linux and a Mac, and why. */
const DIFFERENT: Readonly<Record<string, string>> = {
  'path 104': 'sun_path has 104 bytes, of which programs keep one for the NUL',
  'path 108': 'as above',
  limit: 'as above; the kernel takes 253',
  probe: 'its limit, and net.sock is a datagram socket',
  'probe async': 'as above',
  'in use': 'no list of the kernel says which process has the socket',
  'no socket': 'XNU says ENOTSOCK, Linux ECONNREFUSED',
};

describe('a second of everything that the addon does', () => {
  const told = new Map<string, Told>();

  beforeAll(async () => {
    told.set('linux', await runScene({}));
    for (const arch of ARCHS) {
      if (missingMac(arch) === null) told.set(arch, await runScene(macEnvironment(arch)));
    }
  });

  it('comes to its end on Linux', () => {
    expect(told.get('linux')).toMatchObject({ ended: '' });
    expect(told.get('linux')?.lines.length).toBeGreaterThan(35);
  });

  describe.each(ARCHS)('on %s', (arch) => {
    const missing = missingMac(arch);

    it.skipIf(missing !== null)('is as on Linux, but for the lines that are named', () => {
      const [linux, mac] = [told.get('linux')?.lines ?? [], told.get(arch)?.lines ?? []];
      expect(told.get(arch)?.ended).toBe('');
      expect(mac.map(nameOf)).toEqual(linux.map(nameOf));
      const differing = mac.filter((line, i) => line !== linux[i]).map(nameOf);
      expect(differing.sort()).toEqual(Object.keys(DIFFERENT).sort());
    });
  });

  it.skipIf(ARCHS.some((arch) => missingMac(arch) !== null))('is the same on both architectures', () => {
    expect(told.get('arm64')?.lines).toEqual(told.get('x64')?.lines);
  });
});
