// Policies of any box, base and volumes: what the two sandboxes make of them grants what was asked for, and not more.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BoxSockets } from '../../dist/index.js';
import { bubblewrapArgs, buildPathAccess, type PathAccess, seatbeltPolicy } from '../../dist/sandbox/index.js';
import { allows, readProfile } from '../sandbox/sbpl.js';

const CASES = { numRuns: 10_000 };

const component = fc.oneof(
  fc.stringMatching(/^[a-z]{1,3}$/),
  fc.constantFrom('tmp', 'var', 'private', 'etc', 'a b', 'é', 'o"b', 'back\\slash', '-', '(a)', ';x', '$HOME', '*'),
);
const directory = fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
const boxId = fc.stringMatching(/^[A-Za-z0-9_-]{1,12}$/);
// Apart from whatever else a case is made of, so that a volume lies in none of the box's directories.
const box = fc
  .record({ id: boxId, base: directory, home: directory, uid: fc.nat(9) })
  .map(({ id, base, home, uid }) => {
    const boxHome = `/H${home}`;
    return { boxHome, sockets: new BoxSockets(id, `${boxHome}/sockets`, { base: `/B${base}`, uid }) };
  });
const volume = fc.record({
  hostPath: directory.map((path) => `/V${path}`),
  readOnly: fc.boolean(),
  kind: fc.constant('directory' as const),
});

/** The access that the deepest entry above a path grants; of entries for one path, the widest. */
function granted(paths: readonly PathAccess[], file: string): 'none' | 'read' | 'write' {
  const above = paths.filter((entry) => file === entry.path || file.startsWith(`${entry.path}/`));
  const deepest = Math.max(0, ...above.map(({ path }) => path.length));
  const deciding = above.filter(({ path }) => path.length === deepest);
  if (deciding.length === 0) return 'none';
  return deciding.some(({ writable }) => writable) ? 'write' : 'read';
}

/** The same, as the arguments of bubblewrap have it: the last mount above a path decides. */
function mounted(args: readonly string[], file: string): 'none' | 'read' | 'write' {
  let access: 'none' | 'read' | 'write' = 'none';
  args.forEach((arg, index) => {
    const target = args[index + 2];
    if ((arg !== '--bind' && arg !== '--ro-bind') || target === undefined) return;
    if (file === target || file.startsWith(`${target}/`)) access = arg === '--bind' ? 'write' : 'read';
  });
  return access;
}

describe('policyPaths(), of any box', () => {
  it('are the real directory, the link to it, and the parent, which is not written to', () => {
    fc.assert(
      fc.property(box, ({ boxHome, sockets }) => {
        const [real, link, parent, ...rest] = sockets.policyPaths();
        expect(rest).toEqual([]);
        expect(real).toEqual({ path: `${boxHome}/sockets`, writable: true, kind: 'directory' });
        expect(link).toEqual({ path: sockets.bindingDir, writable: true, kind: 'directory', linkTo: real?.path });
        expect(parent).toEqual({ path: sockets.parentDir, writable: false, kind: 'directory' });
        expect(sockets.bindingDir).toBe(`${parent?.path}/${sockets.boxId}`);
      }),
      CASES,
    );
  });
});

describe('buildPathAccess(), of any box and volumes', () => {
  it('adds to the sockets what the shim writes and runs, and every volume as it was given', () => {
    fc.assert(
      fc.property(box, fc.array(volume, { maxLength: 4 }), (layout, volumes) => {
        const paths = buildPathAccess(layout, volumes);
        expect(paths.slice(0, 3)).toEqual(layout.sockets.policyPaths());
        expect(paths.slice(3, 8).every(({ path }) => path.startsWith(`${layout.boxHome}/`))).toBe(true);
        expect(paths.slice(3, 8).filter(({ writable }) => !writable)).toEqual([
          { path: `${layout.boxHome}/bin`, writable: false, kind: 'directory' },
        ]);
        expect(paths.slice(8)).toEqual(
          volumes.map(({ hostPath, readOnly, kind }) => ({ path: hostPath, writable: !readOnly, kind })),
        );
      }),
      CASES,
    );
  });
});

describe('the two sandboxes, of any box and volumes', () => {
  const cases = fc.tuple(box, fc.array(volume, { maxLength: 4 }));

  it('seatbeltPolicy() grants what the policy says, and the sockets of this box alone', () => {
    fc.assert(
      fc.property(cases, boxId, ([layout, volumes], other) => {
        const paths = buildPathAccess(layout, volumes);
        const rules = readProfile(seatbeltPolicy(paths));
        const { bindingDir, parentDir, realDir } = layout.sockets;
        for (const { hostPath } of volumes) {
          const access = granted(paths, `${hostPath}/f`);
          expect(allows(rules, 'file-read-data', `${hostPath}/f`)).toBe(access !== 'none');
          expect(allows(rules, 'file-write-data', `${hostPath}/f`)).toBe(access === 'write');
          expect(allows(rules, 'network-outbound', `${hostPath}/docker.sock`)).toBe(false);
        }
        for (const name of [`${bindingDir}/box.sock`, `${realDir}/box.sock`]) {
          expect(allows(rules, 'network-bind', name)).toBe(true);
        }
        expect(allows(rules, 'file-write-unlink', bindingDir)).toBe(false);
        expect(allows(rules, 'file-write-create', `${parentDir}/.new`)).toBe(false);
        expect(allows(rules, 'network-outbound', `${parentDir}/${other}/box.sock`)).toBe(
          other === layout.sockets.boxId,
        );
        expect(allows(rules, 'file-read-data', `${parentDir}/${other}/f`)).toBe(other === layout.sockets.boxId);
      }),
      CASES,
    );
  });

  it('bubblewrapArgs() mounts what the policy says, and makes the link in a parent of its own', () => {
    fc.assert(
      fc.property(cases, ([layout, volumes]) => {
        const paths = buildPathAccess(layout, volumes);
        const args = bubblewrapArgs(paths);
        const { bindingDir, parentDir, realDir } = layout.sockets;
        for (const { path } of paths.filter(({ path }) => path !== bindingDir && path !== parentDir)) {
          expect(mounted(args, `${path}/f`)).toBe(granted(paths, `${path}/f`));
        }
        expect(mounted(args, `${bindingDir}/box.sock`)).toBe('none');
        const link = args.indexOf('--symlink');
        expect(args.slice(link, link + 3)).toEqual(['--symlink', realDir, bindingDir]);
        // In a base of its own, where the policy grants no more than the binding of that.
        const base = parentDir.slice(0, parentDir.lastIndexOf('/'));
        const isGranted = granted(paths, `${base}/f`) !== 'none';
        expect(args.slice(link - 2, link)).toEqual([isGranted ? '--tmpfs' : '--dir', parentDir]);
        expect(args.slice(-4)).toEqual(['--remount-ro', isGranted ? parentDir : base, '--remount-ro', '/']);
      }),
      CASES,
    );
  });

  it('make the same of the same entries in any order', () => {
    const shuffled = cases.chain(([layout, volumes]) => {
      const paths = buildPathAccess(layout, volumes);
      return fc.tuple(fc.constant(paths), fc.shuffledSubarray(paths, { minLength: paths.length }));
    });
    fc.assert(
      fc.property(shuffled, ([paths, others]) => {
        expect(seatbeltPolicy(others)).toBe(seatbeltPolicy(paths));
        expect(bubblewrapArgs(others)).toEqual(bubblewrapArgs(paths));
      }),
      CASES,
    );
  });
});
