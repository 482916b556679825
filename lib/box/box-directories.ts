// Where everything of one box lies, this package's and BoxLite's.

import { type PathLike, toAbsolutePath } from '../arguments.js';
import { invalidArgValue } from '../errors.js';
import { MARKER } from './removable.js';

/** The paths of a box's home. Nothing is looked up. */
export class BoxDirectories {
  /** The directory of the box: absolute. */
  readonly boxHome: string;

  constructor(boxHome: PathLike) {
    this.boxHome = toAbsolutePath('boxHome', boxHome);
    // Behind a link, what it means is known to the file system alone, and a removal would have to trust it.
    if (this.boxHome.split('/').includes('..')) throw invalidArgValue('boxHome', boxHome, 'must not contain ..');
  }

  /** Where the socket files lie; the binding leads here. */
  get socketsDir(): string {
    return `${this.boxHome}/${MARKER}`;
  }

  /** Temporary files of the shim, `tmp/`. */
  get tmpDir(): string {
    return `${this.boxHome}/tmp`;
  }

  /** Disk images of the guest, `disks/`. */
  get disksDir(): string {
    return `${this.boxHome}/disks`;
  }

  /** What the host mounts for the guest, `mounts/`: the shim never opens it. */
  get mountsDir(): string {
    return `${this.boxHome}/mounts`;
  }

  /** What host and guest share, `shared/`. */
  get sharedDir(): string {
    return `${this.boxHome}/shared`;
  }

  /** Logs of the shim and of the guest, `logs/`. */
  get logsDir(): string {
    return `${this.boxHome}/logs`;
  }

  /** What the shim runs, `bin/`. */
  get binDir(): string {
    return `${this.boxHome}/bin`;
  }

  /** What the guest writes to its console. */
  get consoleLog(): string {
    return `${this.boxHome}/logs/console.log`;
  }

  /**
   * What the shim itself writes to its standard output and error, where a `BoxRuntime` launched it. It lies where a shim
   * under a policy of `boxsockets/sandbox` cannot put anything in its place.
   */
  get shimLog(): string {
    return `${this.boxHome}/shim.log`;
  }

  /** BoxLite's: what its shim writes to standard error. */
  get shimStderr(): string {
    return `${this.boxHome}/shim.stderr`;
  }

  /** BoxLite's: how its shim ended. */
  get exitFile(): string {
    return `${this.boxHome}/exit`;
  }

  /** BoxLite's: a kernel of the box's own. */
  get bootDir(): string {
    return `${this.boxHome}/boot`;
  }

  /** BoxLite's: certificates of the network proxy. */
  get caDir(): string {
    return `${this.boxHome}/ca`;
  }

  /** BoxLite's, of older releases: disks of snapshots. */
  get snapshotsDir(): string {
    return `${this.boxHome}/snapshots`;
  }

  /** BoxLite's, of the whole home: what disks of several boxes are based on. */
  get basesDir(): string {
    return `${homeOf(this.boxHome)}/bases`;
  }

  /** BoxLite's, of the whole home: images that disks are based on. */
  get diskImagesDir(): string {
    return `${homeOf(this.boxHome)}/images/disk-images`;
  }

  /** Names the shim that runs the box: see {@link ShimProcess}. */
  get shimPid(): string {
    return `${this.boxHome}/shim.pid`;
  }
}

/** The home that a box's home, `<home>/boxes/<id>`, is in. */
function homeOf(boxHome: string): string {
  return boxHome.split('/').slice(0, -2).join('/');
}
