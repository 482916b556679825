import * as path from 'node:path';
import { checkOptions, toBoolean, toOptions } from '../arguments.js';
import { listDirectory, lookAt } from '../beneath.js';
import { invalidArgType } from '../errors.js';
import type { PathAccess, PathKind } from '../paths/path-access.js';
import { backingFileOf } from '../qcow2.js';
import { orNull, runAsync, runSync, type Steps } from '../twin.js';
import { normalizedPath, toPathKind } from './path-rules.js';

/** What {@link buildPathAccess} needs of a box: `BoxLayout` of `boxsockets/box` is one. */
export interface SandboxLayout {
  /** Absolute path of the box's home. */
  readonly boxHome: string;
  /** The sockets of the box: a `BoxSockets`. */
  readonly sockets: {
    /** As of `BoxSockets`. */
    policyPaths(): readonly PathAccess[];
  };
}

/** A directory (or file) of the host that the box is given. */
export interface SandboxVolume {
  /** The path on the host: absolute. */
  readonly hostPath: string;
  /** Whether the guest may only read it; false when left out. */
  readonly readOnly?: boolean;
  /** What it is; `'directory'` when left out. Stated, never looked up. */
  readonly kind?: PathKind;
}

/** A volume as BoxLite's rows spell it (`options.volumes`). One without a host path of its own needs no access. */
export interface BoxLiteVolume {
  /** The path on the host: absolute. */
  readonly host_path: string;
  /** Whether the guest may only read it; false when left out. */
  readonly read_only?: boolean;
  /** The name of a volume of BoxLite's own, which needs no access; null where it is a directory of the host. */
  readonly managed_volume?: string | null;
}

/** What {@link buildPathAccess} adds to the paths that every shim needs. */
export interface PathAccessOptions {
  /**
   * Adds what BoxLite's own shim (0.10) opens beside that, and BoxLite makes: `boot/` and `ca/` of the box to read, its
   * `exit` to write, and of the home above `bases/` and `images/disk-images/`, in which backing files of disks lie.
   */
  boxLite?: boolean;
}

// Whether the shim may write there: temporary files, disk images, what it shares with the guest, its own log and the
// console's; and what it runs. `mounts/` and `shim.pid` are left out: the host alone writes them, and it never opens them.
const OF_HOME = { tmp: true, disks: true, shared: true, logs: true, bin: false };

/**
 * The paths that a box's shim needs: its sockets (real directory, binding, parent), the writable directories of its
 * home, the read-only ones, and its volumes, in this order. A pure function of its arguments: nothing is looked up, so
 * the answer is the same whether or not the link, the home or a volume exists at the moment.
 *
 * @param layout The box.
 * @param volumes What else of the host it is given; a row's `options.volumes` can be passed as it is.
 * @param options What a shim of BoxLite's needs beside that. False when left out, because a path of a policy must exist.
 * @returns A policy for {@link seatbeltPolicy}, {@link bubblewrapArgs}, or Landlock rules.
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`; `ERR_INVALID_ARG_VALUE` for a path that is not absolute or contains `..`
 *   or a NUL.
 * @example const paths = buildPathAccess(layout, [{ hostPath: '/srv/data', readOnly: true }]);
 */
export function buildPathAccess(
  layout: SandboxLayout,
  volumes: readonly (SandboxVolume | BoxLiteVolume)[] = [],
  options?: PathAccessOptions,
): PathAccess[] {
  const { boxLite: isBoxLite } = checkOptions(options, { boxLite: toBoolean });
  if (typeof layout !== 'object' || layout === null) throw invalidArgType('layout', 'a box layout', layout);
  if (!Array.isArray(volumes)) throw invalidArgType('volumes', 'an array of volumes', volumes);
  const boxHome = normalizedPath(layout.boxHome, 'layout.boxHome');
  const ofHome = ([name, writable]: [string, boolean]): PathAccess => {
    return { path: path.posix.join(boxHome, name), writable, kind: 'directory' };
  };
  return [
    ...layout.sockets.policyPaths(),
    ...Object.entries(OF_HOME).map(ofHome),
    ...(isBoxLite ? boxLiteAccess(boxHome) : []),
    ...volumes.flatMap((volume, index) => volumeAccess(volume, `volumes[${index}]`)),
  ];
}

// `<home>/boxes/<id>`, as BoxLite has it.
function boxLiteAccess(boxHome: string): PathAccess[] {
  const home = path.posix.join(boxHome, '../..');
  const directories = [`${boxHome}/boot`, `${boxHome}/ca`, `${home}/bases`, `${home}/images/disk-images`];
  return [
    ...directories.map((directory): PathAccess => ({ path: directory, writable: false, kind: 'directory' })),
    { path: `${boxHome}/exit`, writable: true, kind: 'file' },
  ];
}

function volumeAccess(volume: unknown, name: string): PathAccess[] {
  if (typeof volume !== 'object' || volume === null) throw invalidArgType(name, 'a volume', volume);
  const row = 'host_path' in volume; // of BoxLite's, which has members that are nothing to us
  if (!row) toOptions<SandboxVolume>(volume as SandboxVolume, { hostPath: true, readOnly: true, kind: true }, name);
  const fields = volume as Partial<SandboxVolume & BoxLiteVolume>;
  if (row && typeof fields.managed_volume === 'string') return [];
  const [pathKey, readOnlyKey] = row ? (['host_path', 'read_only'] as const) : (['hostPath', 'readOnly'] as const);
  // Checked, since whatever is not true would mean writable.
  const writable = !toBoolean(`${name}.${readOnlyKey}`, fields[readOnlyKey]);
  const kind = fields.kind === undefined ? 'directory' : toPathKind(`${name}.kind`, fields.kind);
  return [{ path: normalizedPath(fields[pathKey], `${name}.${pathKey}`), writable, kind }];
}

// What the disks are based on. The box may write its own disks, and with them the name of a backing file, so that what is
// named counts only where such files lie.

/** Longer than any chain of snapshots and clones; a circle ends here. */
const MOST_FILES = 64;
const MOST_DISKS = 1_000;
/** Milliseconds in which `qemu-img` is asked, for all of a box's disks. */
const ASKING = 3_000;

/**
 * The backing files of a box's disks, in a home of BoxLite's: to be added to {@link buildPathAccess}, each to be read.
 * Followed from `disks/*` through what `qemu-img info` says of qcow2 images, or, where there is none or it does not say it
 * within three seconds, through their headers, as far as they lie in `<home>/bases/`, `<home>/images/disk-images/` or the
 * box's own `snapshots/`; and from a base on, which no box can write, in the `snapshots/` of any box of the home. What a
 * disk names elsewhere is left out, and so is what is no plain file.
 *
 * @param layout the box, at `<home>/boxes/<id>`
 * @throws {BoxSocketsError} the system call that failed
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
 * @example const paths = [...buildPathAccess(layout, volumes, { boxLite: true }), ...(await diskAccess(layout))];
 */
export function diskAccess(layout: SandboxLayout): Promise<PathAccess[]> {
  return runAsync(backingFiles(layout));
}

/** {@link diskAccess}, at once. @example const paths = [...buildPathAccess(layout), ...diskAccessSync(layout)]; */
export function diskAccessSync(layout: SandboxLayout): PathAccess[] {
  return runSync(backingFiles(layout));
}

function* backingFiles(layout: SandboxLayout): Steps<PathAccess[]> {
  const boxHome = normalizedPath(layout?.boxHome, 'layout.boxHome');
  const home = path.posix.join(boxHome, '../..');
  const found = new Set<string>();
  const until = performance.now() + ASKING;
  for (const disk of yield* disksOf(boxHome)) {
    let isBase = false;
    let at: string | null = yield* backingFileOf({ directory: boxHome, path: disk }, until);
    while (at !== null && found.size < MOST_FILES && !found.has(at)) {
      const inHome: string | null = withinHome(at, { home, boxHome, isBase });
      if (inHome === null) break;
      const file = { directory: home, path: inHome };
      const stat = yield* lookAt(file);
      if (stat === null || stat.type !== 'file') break;
      found.add(at);
      isBase ||= inHome.startsWith('bases/');
      at = yield* backingFileOf(file, until);
    }
  }
  return [...found].sort().map((file) => ({ path: file, writable: false, kind: 'file' }));
}

function* disksOf(boxHome: string): Steps<string[]> {
  const entries = yield* orNull(listDirectory({ directory: boxHome, path: 'disks' }, MOST_DISKS));
  return (entries ?? []).flatMap(({ name, type }) => (type === 'file' ? [`disks/${name}`] : []));
}

/** The path within the home, where backing files lie there; else null. */
function withinHome(file: string, where: { home: string; boxHome: string; isBase: boolean }): string | null {
  const { home, boxHome, isBase } = where;
  if (path.posix.normalize(file) !== file || !file.startsWith(`${home}/`)) return null;
  const inHome = file.slice(home.length + 1);
  const isOfAll = /^(?:bases|images\/disk-images)\/./.test(inHome);
  const isSnapshot = file.startsWith(`${boxHome}/snapshots/`) || (isBase && /^boxes\/[^/]+\/snapshots\/./.test(inHome));
  return isOfAll || isSnapshot ? inHome : null;
}
