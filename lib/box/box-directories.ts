// Where everything of one box lies, this package's and BoxLite's.

import { type PathLike, toAbsolutePath } from '../arguments.js';
import { invalidArgValue } from '../errors.js';
import { MARKER } from './removable.js';

class BoxHome {
  /** The directory of the box: absolute. */
  readonly boxHome: string;

  constructor(boxHome: PathLike) {
    this.boxHome = toAbsolutePath('boxHome', boxHome);
    // Behind a link, what it means is known to the file system alone, and a removal would have to trust it.
    if (this.boxHome.split('/').includes('..')) throw invalidArgValue('boxHome', boxHome, 'must not contain ..');
  }
}

/** The paths of a box's home. Nothing is looked up. */
export class BoxDirectories extends BoxHome {
  /** Of all boxes: this one's is `<home>/boxes/<id>`. */
  readonly #home = this.boxHome.split('/').slice(0, -2).join('/');
  /** Where the socket files lie; the binding leads here. */
  readonly socketsDir = `${this.boxHome}/${MARKER}`;
  /** Temporary files of the shim, `tmp/`. */
  readonly tmpDir = `${this.boxHome}/tmp`;
  /** Disk images of the guest, `disks/`. */
  readonly disksDir = `${this.boxHome}/disks`;
  /** What the host mounts for the guest, `mounts/`: the shim never opens it. */
  readonly mountsDir = `${this.boxHome}/mounts`;
  /** What host and guest share, `shared/`. */
  readonly sharedDir = `${this.boxHome}/shared`;
  /** Logs of the shim and of the guest, `logs/`. */
  readonly logsDir = `${this.boxHome}/logs`;
  /** What the shim runs, `bin/`. */
  readonly binDir = `${this.boxHome}/bin`;
  /** What the guest writes to its console. */
  readonly consoleLog = `${this.boxHome}/logs/console.log`;
  /**
   * What the shim itself writes to its standard output and error, where a `BoxRuntime` launched it. It lies where a shim
   * under a policy of `boxsockets/sandbox` cannot put anything in its place.
   */
  readonly shimLog = `${this.boxHome}/shim.log`;
  /** BoxLite's: what its shim writes to standard error. */
  readonly shimStderr = `${this.boxHome}/shim.stderr`;
  /** BoxLite's: how its shim ended. */
  readonly exitFile = `${this.boxHome}/exit`;
  /** BoxLite's: a kernel of the box's own. */
  readonly bootDir = `${this.boxHome}/boot`;
  /** BoxLite's: certificates of the network proxy. */
  readonly caDir = `${this.boxHome}/ca`;
  /** BoxLite's, of older releases: disks of snapshots. */
  readonly snapshotsDir = `${this.boxHome}/snapshots`;
  /** BoxLite's, of the whole home: what disks of several boxes are based on. */
  readonly basesDir = `${this.#home}/bases`;
  /** BoxLite's, of the whole home: images that disks are based on. */
  readonly diskImagesDir = `${this.#home}/images/disk-images`;
  /** Names the shim that runs the box: see {@link ShimProcess}. */
  readonly shimPid = `${this.boxHome}/shim.pid`;
}
