// Bindings.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { makeBox, run } from '../run.js';
import { at, bind } from './patient.js';
import { ensures, listenAt, needsNobody, other, type State } from './state.js';

const notALink: [string, (file: string) => unknown][] = [
  ['a directory', (file) => fs.mkdirSync(file)],
  ['a file', (file) => fs.writeFileSync(file, 'kept')],
  ['a FIFO', (file) => run('mkfifo', [file])],
  [
    'a socket',
    (file) =>
      listenAt(`${file}.live`).then(async (close) => {
        fs.linkSync(`${file}.live`, file);
        await close();
      }),
  ],
];

export const BINDINGS: State[] = [
  {
    name: 'no binding',
    code: 'binding-missing',
    says: () => `Box b1 has no binding: ${at.binding('b1')} is not there`,
    remedy: ensures,
    break: () => makeBox(at.home, 'b1'),
  },
  {
    name: 'four boxes that have lost their bindings: one finding',
    code: 'binding-missing',
    says: 'Each of 4 boxes (b0, b1, b2 and 1 more) has no binding',
    remedy: () => ensures('b3'),
    break: () => {
      for (let i = 0; i < 4; i++) makeBox(at.home, `b${i}`);
    },
  },
  {
    name: 'a live box that has lost its binding',
    code: 'binding-lost',
    says: () => `process ${process.pid} bound sockets that nobody can dial`,
    remedy: ensures,
    break: async () => {
      await bind();
      await listenAt(path.join(at.binding('b1'), 'box.sock'));
      fs.unlinkSync(at.binding('b1'));
    },
  },
  {
    name: 'a binding that leads to nothing',
    code: 'binding-dangling',
    says: 'to /nowhere',
    remedy: ensures,
    break: async () => {
      await bind();
      fs.unlinkSync(at.binding('b1'));
      fs.symlinkSync('/nowhere', at.binding('b1'));
    },
  },
  {
    name: "a binding that leads to another home's box, which sleeps",
    code: 'binding-foreign',
    says: () => `to ${other()}/boxes/b1/sockets`,
    remedy: ensures,
    break: async () => {
      makeBox(at.home, 'b1');
      await bind('b1', other());
    },
  },
  (() => {
    let stop: () => Promise<void>;
    return {
      name: "a binding that leads to another home's live box",
      code: 'binding-in-use' as const,
      says: () => `held by process ${process.pid}`,
      remedy: () => `ps -o pid,user,etime,args -p ${process.pid}`,
      break: async () => {
        makeBox(at.home, 'b1');
        stop = await listenAt(path.join(await bind('b1', other()), 'box.sock'));
      },
      person: () => stop(),
    };
  })(),
  ...notALink.map(([what, make]) => ({
    name: `${what} in the place of the binding`,
    code: 'binding-not-a-symlink' as const,
    says: 'in the place of its binding',
    remedy: () => `mv -n -- ${at.binding('b1')} ${at.parent()}/.b1.aside\n${ensures()}`,
    break: async () => {
      await bind();
      fs.unlinkSync(at.binding('b1'));
      await make(at.binding('b1'));
    },
  })),
  {
    name: 'a binding that leads to itself',
    code: 'binding-unreadable',
    says: 'cannot be resolved (ELOOP)',
    remedy: ensures,
    break: async () => {
      await bind();
      fs.unlinkSync(at.binding('b1'));
      fs.symlinkSync('b1', at.binding('b1'));
    },
  },
  {
    name: 'a binding into a directory that is closed',
    code: 'binding-unreadable',
    user: 'nobody',
    missing: needsNobody,
    says: 'cannot be resolved (EACCES)',
    remedy: () => `chmod u+rwx ${other()}`,
    break: async () => {
      makeBox(at.home, 'b1');
      await bind('b1', other());
      fs.chmodSync(other(), 0);
    },
  },
  ...stale(1, '1 binding leads to nothing: gone1.'),
  ...stale(3, '3 bindings lead to nothing: gone1, gone2, gone3.'),
  ...stale(4, '4 bindings lead to nothing: gone1, gone2, gone3 and 1 more.'),
];

/** So many bindings of no box of this home that lead to nothing, made in the opposite order. */
function stale(count: number, says: string): State[] {
  const ids = Array.from({ length: count }, (_, index) => `gone${count - index}`);
  return [
    {
      name: `${count} bindings of no box of this home that lead to nothing`,
      code: 'binding-stale',
      says,
      remedy: () => `boxsockets sweep --dry-run --base ${at.base}\nboxsockets sweep`,
      break: async () => {
        await bind();
        for (const id of ids) fs.symlinkSync('/nowhere', at.binding(id));
      },
    },
  ];
}
