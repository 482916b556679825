import { describe, expect, it } from 'vitest';
import { needsAncestry, toSocketPath } from '../../dist/paths/binding-paths.js';
import { pathOfBytes } from '../helpers.js';

describe('the path of a socket through a binding', () => {
  const name = 's'.repeat(20);
  const withBinding = (bytes: number) => ({
    base: '/b',
    parent: '/b/p',
    binding: pathOfBytes('/b/p', bytes),
    realDir: '/r',
    parentMode: 0o700,
  });

  it('is the name below the binding, as long as every platform takes it', () => {
    const paths = withBinding(82);
    expect(toSocketPath(paths, name)).toBe(`${paths.binding}/${name}`);
    expect(() => toSocketPath(withBinding(83), name)).toThrow(
      expect.objectContaining({ code: 'ERR_BOX_SOCKETS_PATH_TOO_LONG', length: 104, limit: 104 }),
    );
  });

  it('is asked for what leads to its base, but for the default one', () => {
    expect([{ base: '/tmp' }, { base: '/b' }].map(needsAncestry)).toEqual([false, true]);
  });
});
