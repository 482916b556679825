import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { BoxSockets, type PathAccess } from '../../dist/index.js';

/** Two boxes under one base of their own, in homes far too deep for a socket address. */
export interface SandboxBox {
  readonly directory: string;
  readonly sockets: BoxSockets;
  readonly parent: string;
  readonly binding: string;
  readonly home: string;
  readonly real: string;
  readonly other: { readonly binding: string; readonly real: string };
  readonly outside: string;
  /** A copy of test/fixtures/sandboxed-shim.py where the user of the box can read it. */
  readonly shim: string;
  /** Of `sockets`. */
  policyPaths(): PathAccess[];
  remove(): void;
}

/** Makes them for `uid`; the real directory of either box is 300 bytes long. */
export function makeBox(uid = process.getuid?.() ?? 0): SandboxBox {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
  const make = (id: string): { home: string; sockets: BoxSockets } => {
    const tail = `boxes/${id}`;
    const deep = 'd'.repeat(300 - `${directory}//${tail}/sockets`.length);
    // A file name holds 255 bytes at most.
    const home = path.join(directory, deep.slice(0, 150), deep.slice(151), tail);
    for (const name of ['sockets', 'tmp', 'disks', 'shared', 'logs', 'bin']) {
      fs.mkdirSync(path.join(home, name), { recursive: true });
    }
    const sockets = new BoxSockets(id, path.join(home, 'sockets'), { base: directory, uid });
    sockets.ensureSync();
    return { home, sockets };
  };
  const { home, sockets } = make('b1');
  const other = make('b2').sockets;
  const outside = path.join(directory, 'outside');
  fs.mkdirSync(outside);
  const shim = path.join(directory, 'shim.py');
  fs.copyFileSync(path.join(__dirname, '..', 'fixtures', 'sandboxed-shim.py'), shim);
  if (uid !== process.getuid?.()) chownTree(directory, uid);
  return {
    directory,
    sockets,
    parent: sockets.parentDir,
    binding: sockets.bindingDir,
    home,
    real: sockets.realDir,
    other: { binding: other.bindingDir, real: other.realDir },
    outside,
    shim,
    policyPaths: () => sockets.policyPaths(),
    remove: () => fs.rmSync(directory, { recursive: true, force: true }),
  };
}

function chownTree(file: string, uid: number): void {
  fs.lchownSync(file, uid, uid);
  if (!fs.lstatSync(file).isDirectory()) return;
  for (const name of fs.readdirSync(file)) chownTree(path.join(file, name), uid);
}
