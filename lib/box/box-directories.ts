// Where everything of one box lies, this package's and BoxLite's.

import { type PathLike, toAbsolutePath } from '../arguments.js';
import { invalidArgValue } from '../errors.js';
import { MARKER } from './removable.js';

/** The paths of a box's home. Nothing is looked up. */
export class BoxDirectories {
  /** The directory of the box: absolute. */
  readonly boxHome: string;
  /** Where the socket files lie; the binding leads here. */
  readonly socketsDir: string;
  /** Temporary files of the shim, `tmp/`. */
  readonly tmpDir: string;
  /** Disk images of the guest, `disks/`. */
  readonly disksDir: string;
  /** What the host mounts for the guest, `mounts/`: the shim never opens it. */
  readonly mountsDir: string;
  /** What host and guest share, `shared/`. */
  readonly sharedDir: string;
  /** Logs of the shim and of the guest, `logs/`. */
  readonly logsDir: string;
  /** What the shim runs, `bin/`. */
  readonly binDir: string;
  /** What the guest writes to its console. */
  readonly consoleLog: string;
  /**
   * What the shim itself writes to its standard output and error, where a `BoxRuntime` launched it. It lies where a shim
   * under a policy of `boxsockets/sandbox` cannot put anything in its place.
   */
  readonly shimLog: string;
  /** BoxLite's: what its shim writes to standard error. */
  readonly shimStderr: string;
  /** BoxLite's: how its shim ended. */
  readonly exitFile: string;
  /** BoxLite's: a kernel of the box's own. */
  readonly bootDir: string;
  /** BoxLite's: certificates of the network proxy. */
  readonly caDir: string;
  /** BoxLite's, of older releases: disks of snapshots. */
  readonly snapshotsDir: string;
  /** BoxLite's, of the whole home: what disks of several boxes are based on. */
  readonly basesDir: string;
  /** BoxLite's, of the whole home: images that disks are based on. */
  readonly diskImagesDir: string;
  /** Names the shim that runs the box: see {@link ShimProcess}. */
  readonly shimPid: string;

  constructor(boxHome: PathLike) {
    this.boxHome = toAbsolutePath('boxHome', boxHome);
    // Behind a link, what it means is known to the file system alone, and a removal would have to trust it.
    if (this.boxHome.split('/').includes('..')) throw invalidArgValue('boxHome', boxHome, 'must not contain ..');
    this.socketsDir = `${this.boxHome}/${MARKER}`;
    this.tmpDir = `${this.boxHome}/tmp`;
    this.disksDir = `${this.boxHome}/disks`;
    this.mountsDir = `${this.boxHome}/mounts`;
    this.sharedDir = `${this.boxHome}/shared`;
    this.logsDir = `${this.boxHome}/logs`;
    this.binDir = `${this.boxHome}/bin`;
    this.consoleLog = `${this.boxHome}/logs/console.log`;
    this.shimLog = `${this.boxHome}/shim.log`;
    this.shimStderr = `${this.boxHome}/shim.stderr`;
    this.exitFile = `${this.boxHome}/exit`;
    this.bootDir = `${this.boxHome}/boot`;
    this.caDir = `${this.boxHome}/ca`;
    this.snapshotsDir = `${this.boxHome}/snapshots`;
    this.shimPid = `${this.boxHome}/shim.pid`;
    // `<home>/boxes/<id>`.
    const home = this.boxHome.split('/').slice(0, -2).join('/');
    this.basesDir = `${home}/bases`;
    this.diskImagesDir = `${home}/images/disk-images`;
  }
}
