// The paths of one box, derived from its identity. Pure: host and shim agree on them without telling each other.

import {
  type PathLike,
  toAbsolutePath,
  toBase,
  toBoxId,
  toOptions,
  toParentDir,
  toParentMode,
  toSocketName,
  toUid,
} from '../arguments.js';
import { type BoxSocketsError, invalidArgValue, pathTooLong } from '../errors.js';
import type { KnownOptions } from '../known-options.js';
import type { BindingPaths } from './binding-paths.js';
import { fitsEverywhere, makeBudget, type SocketBudget, type SocketName } from './budget.js';
import {
  KRUN_PEER_NAME,
  type KrunDerivation,
  type ResolvedKrunDerivation,
  resolveKrunDerivation,
} from './krun-derivation.js';
import { PORTABLE_CAPACITY } from './limits.js';
import { idFor } from './names.js';
import type { PathAccess } from './path-access.js';
import { type NamedSocket, socketNames } from './socket-names.js';

/** From what, beside id and directory, the paths of a box are derived. Host and shim must pass the same. */
export interface BoxSocketsOptions {
  /** Directory that holds the parents: absolute. `/tmp` when left out, never `os.tmpdir()`. */
  base?: string;
  /**
   * Names the parent, `bl-<uid>`; the caller's when left out, in a user namespace the one by which the rest of the machine
   * knows it. Where that cannot be told (a namespace within another, or without a map), it has to be passed. Ownership is
   * always checked against the caller.
   */
  uid?: number;
  /** How the vendor names the socket that it derives; `'suffix'` when left out. */
  krun?: KrunDerivation;
  /** Further names, counted and probed: streams where no type is given, with the suffixes that programs append to them. */
  names?: readonly (string | NamedSocket)[];
  /**
   * Whether the names of a box of BoxLite's kind (`box.sock`, `ready.sock`, `net.sock` with what is derived from it,
   * `gvproxy-ctl.sock`) are counted and probed; true when left out. With false, `names` alone are.
   */
  standardNames?: boolean;
  /**
   * Permission bits of the parent; 0o700 when left out. 0o711 lets shims that run as other users pass: then that is what
   * is right, and what `ensure` repairs it to.
   */
  parentMode?: 0o700 | 0o711;
}

export const BOX_SOCKETS_OPTIONS: KnownOptions<BoxSocketsOptions> = {
  base: true,
  uid: true,
  krun: true,
  names: true,
  standardNames: true,
  parentMode: true,
};

/** What {@link BoxPaths} shows to the operations alone. */
export let bindingPathsOf: (box: BoxPaths) => BindingPaths;
/** The refusal of a box whose longest name does not fit through its binding; null where every name fits. */
export let tooLongOf: (box: BoxPaths) => BoxSocketsError | null;

/** Where the sockets of one box are. What uses them is `BoxSockets`, which extends this. */
export class BoxPaths {
  /** The id that names the binding. */
  readonly boxId: string;
  /** Absolute: where the socket files really lie. */
  readonly realDir: string;
  /** `<base>/bl-<uid>`, the directory that holds the bindings. */
  readonly parentDir: string;
  /** `<base>/bl-<uid>/<boxId>`, the symlink to {@link realDir}. */
  readonly bindingDir: string;

  readonly #paths: BindingPaths;
  readonly #krun: ResolvedKrunDerivation;
  readonly #names: readonly SocketName[];
  #fits: boolean | undefined;

  static {
    bindingPathsOf = (box) => box.#paths;
    tooLongOf = (box) => {
      // Asked once a box: every ensure() begins with it.
      box.#fits ??= fitsEverywhere(
        box.bindingDir,
        Math.max(1, ...box.#names.map(({ name }) => Buffer.byteLength(name))),
      );
      if (box.#fits) return null;
      const path = box.budget().longest?.path ?? `${box.bindingDir}/x`;
      return pathTooLong(path, Buffer.byteLength(path), PORTABLE_CAPACITY);
    };
  }

  /**
   * @param boxId 1 to 128 of `[A-Za-z0-9_.@+:=-]`, the first of `[A-Za-z0-9_-]`; {@link BoxSockets.idFor} makes one of
   * any text. Ids that differ by case alone are one on a file system that takes them for one (macOS)
   * @param realDir where the socket files lie: a string, a Buffer or a file: URL; a relative one is resolved now. Not the
   * binding itself
   * @param options see {@link BoxSocketsOptions}; a member that is no option is refused
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
   * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_UID_UNKNOWN`: see {@link BoxSocketsOptions.uid}
   */
  constructor(boxId: string, realDir: PathLike, options?: BoxSocketsOptions) {
    const { base, uid, krun, names, standardNames, parentMode } = toOptions(options, BOX_SOCKETS_OPTIONS);
    this.boxId = toBoxId(boxId);
    this.realDir = toAbsolutePath('realDir', realDir);
    const baseDir = toBase('options.base', base);
    this.parentDir = toParentDir(baseDir, toUid('options.uid', uid));
    this.bindingDir = `${this.parentDir}/${boxId}`;
    this.#paths = {
      base: baseDir,
      parent: this.parentDir,
      binding: this.bindingDir,
      realDir: this.realDir,
      parentMode: toParentMode('options.parentMode', parentMode),
    };
    if (this.realDir === this.bindingDir) {
      throw invalidArgValue('realDir', realDir, 'must not be the binding, which would lead to itself');
    }
    this.#krun = resolveKrunDerivation(krun);
    this.#names = socketNames({ krun: this.#krun, names, standardNames });
  }

  /**
   * A short id of any text, of a directory's path say: always the same for the same text, and another one for another.
   * Its end is the first 60 bits of the SHA-256 of the text's UTF-8, in twelve characters of base32 (RFC 4648, lower
   * case); before it stand the last words of the text that fit, so that a person sees what it is. The text is taken as it
   * is: `/a` and `/a/`, or two spellings of `é`, are two texts.
   *
   * @param text of any length
   * @returns 12 to 32 of `[a-z0-9-]`
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`; `ERR_INVALID_ARG_VALUE` where it is not valid Unicode
   * @example
   * const dir = '/home/me/projects/shop/test/postgres';
   * const box = new BoxSockets(BoxSockets.idFor(dir), dir, { standardNames: false, names: ['.s.PGSQL.5432'] });
   * BoxSockets.idFor(dir); // 'shop-test-postgres-p5xig7kx74pu'
   */
  static idFor(text: string): string {
    return idFor(text);
  }

  /** The control socket, `box.sock`. */
  get boxSock(): string {
    return `${this.bindingDir}/box.sock`;
  }

  /** The guest says here that it is ready, `ready.sock`. */
  get readySock(): string {
    return `${this.bindingDir}/ready.sock`;
  }

  /** The network backend, `net.sock`: a datagram socket on macOS, a stream elsewhere. */
  get netBackendSock(): string {
    return `${this.bindingDir}/${KRUN_PEER_NAME}`;
  }

  /** The network backend's control, `gvproxy-ctl.sock`. */
  get netControlSock(): string {
    return `${this.bindingDir}/gvproxy-ctl.sock`;
  }

  /** What the vendor binds beside {@link netBackendSock}; null where it has no name of its own or an unforeseeable one. */
  get netPeerSock(): string | null {
    return this.#krun.scheme === 'suffix' ? `${this.netBackendSock}${this.#krun.suffix}` : null;
  }

  /**
   * The path of any further socket.
   *
   * @param name what a file may be called: 1 to 100 bytes of UTF-8 without `/`, NUL and control characters, neither `.`
   * nor `..`, and not beginning with `.~`, which is reserved for a probe's stand-ins
   * @returns `<bindingDir>/<name>`; whether it fits is not asked
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
   * @example sockets.socket('.s.PGSQL.5432'); // '/tmp/bl-1000/box1/.s.PGSQL.5432'
   */
  socket(name: string): string {
    return `${this.bindingDir}/${toSocketName('name', name)}`;
  }

  /**
   * The bytes of every name, through the binding and in the real directory. Arithmetic: nothing is looked up.
   *
   * @example
   * const { fits, longest } = sockets.budget();
   * if (!fits) console.error(`${longest?.path} has ${longest?.bytes} bytes`);
   */
  budget(): SocketBudget {
    return makeBudget(this.#names, this.bindingDir, this.realDir);
  }

  /**
   * What a sandbox must let through: the real directory (writable), the binding (writable, `linkTo` the real directory)
   * and the parent (read only). The same whether or not they exist.
   *
   * @example
   * sockets.policyPaths()[1]; // { path: sockets.bindingDir, writable: true, kind: 'directory', linkTo: sockets.realDir }
   */
  policyPaths(): PathAccess[] {
    return [
      { path: this.realDir, writable: true, kind: 'directory' },
      { path: this.bindingDir, writable: true, kind: 'directory', linkTo: this.realDir },
      { path: this.parentDir, writable: false, kind: 'directory' },
    ];
  }

  /**
   * What a shim's environment needs so that nothing it derives escapes the binding: `TMPDIR`, where libkrun binds in its
   * temporary directory; else nothing.
   *
   * @example spawn(shim, args, { env: { ...process.env, ...sockets.shimEnv() } });
   */
  shimEnv(): Record<string, string> {
    return this.#krun.scheme === 'temp-dir' ? { TMPDIR: this.bindingDir } : {};
  }
}
