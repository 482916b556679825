// What lets exactly the sockets of a box through a sandbox: policies as data, and the text that tools want of them.

export type { PathAccess, PathKind } from '../paths/path-access.js';
export { type BubblewrapOptions, bubblewrapArgs, shellQuote } from './bubblewrap.js';
export {
  type BoxLiteVolume,
  buildPathAccess,
  diskAccess,
  diskAccessSync,
  type PathAccessOptions,
  type SandboxLayout,
  type SandboxVolume,
} from './build-path-access.js';
export { canonicalizeKeepingLeaf, canonicalizeKeepingLeafSync } from './canonicalize.js';
export { type SeatbeltOptions, seatbeltPolicy } from './seatbelt.js';
