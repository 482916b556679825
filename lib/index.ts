export type { LockOptions, PathLike, SocketType } from './arguments.js';
export { BoxSockets } from './box-sockets.js';
export { BoxSocketsError, type BoxSocketsErrorCode, type ErrorFields } from './errors.js';
export {
  assertKrunPin,
  assertKrunPinSync,
  checkKrunPin,
  checkKrunPinSync,
  type KrunPinExpectation,
  type KrunPinInput,
} from './krun/pin.js';
export type { ClaimOptions } from './operations/claim.js';
export type { ConnectOptions } from './operations/connect.js';
export type { EnsureOptions, EnsureResult } from './operations/ensure.js';
export type { EnsureFailure, EnsureOutcome } from './operations/ensure-all.js';
export type { BindingHold, HoldOptions } from './operations/hold.js';
export type { InspectedDirectory, Inspection } from './operations/inspect.js';
export type { BindingInfo, BindingState, ListOptions, SocketInfo } from './operations/list.js';
export type { ListenOptions } from './operations/listen.js';
export {
  type MeasuredSunPathLimit,
  measureSunPathLimit,
  measureSunPathLimitSync,
} from './operations/measure-limit.js';
export type { ParentOptions } from './operations/parent-options.js';
export { preload } from './operations/preload.js';
export type { NamedSocketProbe, ProbeReport, SocketProbe } from './operations/probe.js';
export {
  type ProbePathOptions,
  probeSocketPath,
  probeSocketPathSync,
  type SocketPathProbe,
} from './operations/probe-path.js';
export type { RemoveOptions, RemoveResult } from './operations/remove.js';
export { runtimeBase } from './operations/runtime-base.js';
export { sameInode, sameInodeSync } from './operations/same-inode.js';
export type { SweepOptions, SweepResult } from './operations/sweep.js';
export type { BoxSocketsOptions } from './paths/box-paths.js';
export type { SocketBudget, SocketBudgetEntry, SocketKind, SocketName } from './paths/budget.js';
export type {
  KrunDerivation,
  KrunLibraryEvidence,
  KrunPin,
  KrunPinNames,
  KrunScheme,
  KrunSourceEvidence,
} from './paths/krun-derivation.js';
export { type SunPathLimit, sunPathLimit } from './paths/limits.js';
export type { PathAccess, PathKind } from './paths/path-access.js';
export { DERIVED_NAMES, type NamedSocket } from './paths/socket-names.js';
