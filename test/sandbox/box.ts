import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import type { PathAccess } from '../../dist/sandbox/index.js';

/** Two boxes under one base of their own, in homes far too deep for a socket address. */
export interface SandboxBox {
  readonly directory: string;
  readonly parent: string;
  readonly binding: string;
  readonly home: string;
  readonly real: string;
  readonly other: { readonly binding: string; readonly real: string };
  readonly outside: string;
  /** A copy of test/fixtures/sandboxed-shim.py where the user of the box can read it. */
  readonly shim: string;
  policyPaths(): PathAccess[];
  remove(): void;
}

/** Makes them for `uid`; the real directory of either box is 300 bytes long. */
export function makeBox(uid = process.getuid?.() ?? 0): SandboxBox {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
  const parent = path.join(directory, `bl-${uid}`);
  const make = (id: string): { home: string; real: string; binding: string } => {
    const tail = `boxes/${id}`;
    const deep = 'd'.repeat(300 - `${directory}//${tail}/sockets`.length);
    // A file name holds 255 bytes at most.
    const home = path.join(directory, deep.slice(0, 150), deep.slice(151), tail);
    const real = path.join(home, 'sockets');
    for (const name of ['sockets', 'tmp', 'disks', 'shared', 'logs', 'bin']) {
      fs.mkdirSync(path.join(home, name), { recursive: true });
    }
    const binding = path.join(parent, id);
    fs.symlinkSync(real, binding);
    return { home, real, binding };
  };
  fs.mkdirSync(parent, { mode: 0o700 });
  const { home, real, binding } = make('b1');
  const other = make('b2');
  const outside = path.join(directory, 'outside');
  fs.mkdirSync(outside);
  const shim = path.join(directory, 'shim.py');
  fs.copyFileSync(path.join(__dirname, '..', 'fixtures', 'sandboxed-shim.py'), shim);
  if (uid !== process.getuid?.()) chownTree(directory, uid);
  return {
    directory,
    parent,
    binding,
    home,
    real,
    other,
    outside,
    shim,
    policyPaths: () => [
      { path: real, writable: true, kind: 'directory' },
      { path: binding, writable: true, kind: 'directory', linkTo: real },
      { path: parent, writable: false, kind: 'directory' },
    ],
    remove: () => fs.rmSync(directory, { recursive: true, force: true }),
  };
}

function chownTree(file: string, uid: number): void {
  fs.lchownSync(file, uid, uid);
  if (!fs.lstatSync(file).isDirectory()) return;
  for (const name of fs.readdirSync(file)) chownTree(path.join(file, name), uid);
}
