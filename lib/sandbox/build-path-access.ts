import * as path from 'node:path';
import { checkOptions, toBoolean, toOptions } from '../arguments.js';
import { invalidArgType, invalidArgValue } from '../errors.js';
import type { PathAccess, PathKind } from '../paths/path-access.js';
import { normalizedPath } from './path-rules.js';

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

// What the shim writes: temporary files, disk images, what it shares with the guest, its own log and the console's.
const WRITABLE = ['tmp', 'disks', 'shared', 'logs'] as const;
// What it runs. `mounts/` and `shim.pid` are left out: the host alone writes them, and the shim never opens them.
const READ_ONLY = ['bin'] as const;

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
 * @example
 * const paths = buildPathAccess(layout, [{ hostPath: '/srv/data', readOnly: true }]);
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
  const ofHome = (names: readonly string[], writable: boolean): PathAccess[] =>
    names.map((name) => ({ path: path.posix.join(boxHome, name), writable, kind: 'directory' }));
  return [
    ...layout.sockets.policyPaths(),
    ...ofHome(WRITABLE, true),
    ...ofHome(READ_ONLY, false),
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
  const { [readOnlyKey]: readOnly = false, kind = 'directory' } = fields;
  // Checked, since whatever is not true would mean writable.
  if (typeof readOnly !== 'boolean') throw invalidArgType(`${name}.${readOnlyKey}`, 'a boolean', readOnly);
  if (kind !== 'directory' && kind !== 'file') {
    throw invalidArgValue(`${name}.kind`, kind, "must be 'directory' or 'file'");
  }
  return [{ path: normalizedPath(fields[pathKey], `${name}.${pathKey}`), writable: !readOnly, kind }];
}
