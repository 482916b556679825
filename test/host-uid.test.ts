// By which uid the machine knows a process, for every kind of map: real namespaces are met in
// test/proofs/strangers/namespaces.test.ts.

import { createRequire } from 'node:module';
import { expect, onTestFinished, vi } from 'vitest';
import { dist, promise } from './helpers.js';

const load = createRequire(__filename);
const fs = load('node:fs') as typeof import('node:fs');

interface Namespace {
  /** What the kernel says in /proc/self/uid_map; an error's code where it does not tell. */
  readonly map: string;
  /** As which uid the machine's root shows. */
  readonly root?: number;
}

/** The uid in the name of the parent, of a process that has just begun there as `uid`; or the code of a refusal. */
function parentUid({ map, root = 0 }: Namespace, uid: number): number | string {
  const { readFileSync, statSync } = fs;
  const spies = [
    vi.spyOn(process, 'getuid').mockReturnValue(uid),
    vi.spyOn(fs, 'readFileSync').mockImplementation(((file: string, ...rest: []) => {
      if (file !== '/proc/self/uid_map') return readFileSync(file, ...rest);
      if (/^E[A-Z]+$/.test(map)) throw Object.assign(new Error(map), { code: map });
      return map;
    }) as typeof readFileSync),
    vi
      .spyOn(fs, 'statSync')
      .mockImplementation(((file: string, ...rest: []) =>
        file === '/proc/sys/kernel/overflowuid' ? { uid: root } : statSync(file, ...rest)) as typeof statSync),
  ];
  const kept = load.cache[dist];
  delete load.cache[dist];
  try {
    const { BoxSockets } = load(dist) as typeof import('../dist/index.js');
    const { parentDir } = new BoxSockets('b', '/r', { base: '/x' });
    return Number(/^\/x\/bl-(\d+)$/.exec(parentDir)?.[1]);
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  } finally {
    load.cache[dist] = kept;
    for (const spy of spies) spy.mockRestore();
  }
}

const UNKNOWN = 'ERR_BOX_SOCKETS_UID_UNKNOWN';
const WHOLE = '         0          0 4294967295\n';
const ROOTLESS = '         0     100000      65536\n';
const TWO = '         0       1000          1\n         1     100000      65536\n';

const cases: [name: string, namespace: Namespace, uid: number, outside: number | string][] = [
  ['outside of namespaces', { map: WHOLE }, 1000, 1000],
  ['outside of namespaces, as root', { map: WHOLE }, 0, 0],
  ['where the kernel does not tell', { map: 'ENOENT' }, 1000, 1000],
  ['in a rootless container, as its root', { map: ROOTLESS }, 0, 100_000],
  ['in a rootless container, as its last uid', { map: ROOTLESS }, 65_535, 165_535],
  ['in a rootless container, as one that is not mapped', { map: ROOTLESS }, 65_536, UNKNOWN],
  ['of two ranges, in the first', { map: TWO }, 0, 1000],
  ['of two ranges, at the beginning of the second', { map: TWO }, 1, 100_000],
  ['of two ranges, in the second', { map: TWO }, 1000, 100_999],
  ['of two ranges, behind both', { map: TWO }, 65_537, UNKNOWN],
  ['of a range that does not begin at 0', { map: '1000 5000 10' }, 999, UNKNOWN],
  ['of a range that does not begin at 0, at its beginning', { map: '1000 5000 10' }, 1000, 5000],
  ['of a range that does not begin at 0, at its end', { map: '1000 5000 10' }, 1009, 5009],
  ['of a range that does not begin at 0, behind it', { map: '1000 5000 10' }, 1010, UNKNOWN],
  ['of one uid that is itself', { map: '1000 1000 1' }, 1000, 1000],
  ['of one uid that is itself, as another', { map: '1000 1000 1' }, 65_534, UNKNOWN],
  ['of all uids, and one of them is another', { map: '0 1 1\n1 0 1\n2 2 4294967293' }, 2, 2],
  ['of all uids, and one of them is another, as that one', { map: '0 1 1\n1 0 1\n2 2 4294967293' }, 0, 1],
  ['as the root of the machine, whose files show as its own', { map: '0 0 1', root: 0 }, 0, 0],
  ['as another uid that is the root of the machine', { map: '7 0 1', root: 7 }, 7, 0],
  [
    'in a namespace within another one, whose root is not that of the machine',
    { map: '0 0 1', root: 65_534 },
    0,
    UNKNOWN,
  ],
  ['in a namespace within another one, as somebody else', { map: '0 0 1\n1 100000 9', root: 65_534 }, 1, 100_000],
];

for (const [name, namespace, uid, outside] of cases) {
  promise(process.platform === 'linux' ? null : 'not Linux', `${name}, uid ${uid} is ${outside}`, () => {
    expect(parentUid(namespace, uid)).toBe(outside);
  });
}

promise(process.platform === 'linux' ? null : 'not Linux', 'the map is read once', () => {
  const reads = vi.spyOn(fs, 'readFileSync');
  onTestFinished(() => void reads.mockRestore());
  const kept = load.cache[dist];
  delete load.cache[dist];
  const { BoxSockets } = load(dist) as typeof import('../dist/index.js');
  load.cache[dist] = kept;
  for (let made = 0; made < 3; made++) new BoxSockets('b', '/r', { base: '/x' });
  expect(reads.mock.calls.filter(([file]) => file === '/proc/self/uid_map')).toHaveLength(1);
});
