export type { PathLike, SocketType } from './arguments.js';
export {
  BoxSockets,
  type BoxSocketsOptions,
  type EnsureOptions,
  type RemoveOptions,
  type RemoveResult,
} from './box-sockets.js';
export type { SocketBudget, SocketBudgetEntry, SocketKind, SocketName } from './budget.js';
export type { ConnectOptions } from './connect.js';
export type { EnsureFailure, EnsureOutcome, EnsureResult } from './ensure-all.js';
export { BoxSocketsError, type BoxSocketsErrorCode } from './errors.js';
export type { BindingHold, HoldOptions } from './hold.js';
export type {
  KrunDerivation,
  KrunLibraryEvidence,
  KrunPin,
  KrunScheme,
  KrunSourceEvidence,
} from './krun/derivation.js';
export {
  assertKrunPin,
  assertKrunPinSync,
  checkKrunPin,
  checkKrunPinSync,
  type KrunPinExpectation,
  type KrunPinInput,
} from './krun/pin.js';
export type { ListenOptions } from './listen.js';
export type { PathAccess, PathKind } from './path-access.js';
export {
  type NamedSocketProbe,
  type ProbePathOptions,
  type ProbeReport,
  probeSocketPath,
  probeSocketPathSync,
  type SocketPathProbe,
  type SocketProbe,
} from './probe.js';
export { sameInode, sameInodeSync } from './same-inode.js';
export {
  type MeasuredSunPathLimit,
  measureSunPathLimit,
  measureSunPathLimitSync,
  type SunPathLimit,
  sunPathLimit,
} from './sun-path.js';
export type { BindingInfo, BindingState, ParentOptions, SweepOptions, SweepResult } from './sweep.js';
