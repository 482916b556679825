// Every operation twice, under one interface.

import {
  type BindingInfo,
  BoxSockets,
  type EnsureOptions,
  type EnsureResult,
  type MeasuredSunPathLimit,
  measureSunPathLimit,
  measureSunPathLimitSync,
  type ParentOptions,
  type PathLike,
  type ProbePathOptions,
  type ProbeReport,
  probeSocketPath,
  probeSocketPathSync,
  type RemoveOptions,
  type RemoveResult,
  type SocketPathProbe,
  type SweepOptions,
  type SweepResult,
  sameInode,
  sameInodeSync,
} from '../../dist/index.js';
import { runAsync, runSync, type Steps } from '../../dist/twin.js';

export interface Twin {
  readonly name: 'sync' | 'async';
  ensure(box: BoxSockets, options?: EnsureOptions): Promise<EnsureResult>;
  remove(box: BoxSockets, options?: RemoveOptions): Promise<RemoveResult>;
  probe(box: BoxSockets): Promise<ProbeReport>;
  sweepStale(options?: SweepOptions): Promise<SweepResult>;
  list(options?: ParentOptions): Promise<BindingInfo[]>;
  probeSocketPath(file: PathLike, options?: ProbePathOptions): Promise<SocketPathProbe>;
  measureSunPathLimit(dir?: PathLike): Promise<MeasuredSunPathLimit>;
  sameInode(a: PathLike, b: PathLike): Promise<boolean>;
}

/** For `describe.each`: each promise is kept by both twins. What the synchronous one throws becomes a rejection. */
export const twins: readonly Twin[] = [
  {
    name: 'sync',
    ensure: async (box, options) => box.ensureSync(options),
    remove: async (box, options) => box.removeSync(options),
    probe: async (box) => box.probeSync(),
    sweepStale: async (options) => BoxSockets.sweepStaleSync(options),
    list: async (options) => BoxSockets.listSync(options),
    probeSocketPath: async (file, options) => probeSocketPathSync(file, options),
    measureSunPathLimit: async (dir) => measureSunPathLimitSync(dir),
    sameInode: async (a, b) => sameInodeSync(a, b),
  },
  {
    name: 'async',
    ensure: (box, options) => box.ensure(options),
    remove: (box, options) => box.remove(options),
    probe: (box) => box.probe(),
    sweepStale: (options) => BoxSockets.sweepStale(options),
    list: (options) => BoxSockets.list(options),
    probeSocketPath: (file, options) => probeSocketPath(file, options),
    measureSunPathLimit: (dir) => measureSunPathLimit(dir),
    sameInode: (a, b) => sameInode(a, b),
  },
];

/** Both forms in which the steps of an operation are run. */
export const forms = [
  { name: 'sync', run: async <T>(steps: Steps<T>): Promise<T> => runSync(steps) },
  { name: 'async', run: <T>(steps: Steps<T>): Promise<T> => runAsync(steps) },
] as const;

/** What a promise was rejected with; fails where it was not. */
export async function rejection(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  const value = await promise.then(
    (result) => ({ result }),
    (error: Error & Record<string, unknown>) => error,
  );
  if (value instanceof Error) return value;
  throw new Error(`did not fail: ${JSON.stringify(value)}`);
}
