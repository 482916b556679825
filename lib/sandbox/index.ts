// What lets exactly the sockets of a box through a sandbox: policies as data, and the text that tools want of them.

export type { PathAccess, PathKind } from '../paths/path-access.js';
export { type BubblewrapOptions, bubblewrapArgs } from './bubblewrap.js';
export {
  type BoxLiteVolume,
  buildPathAccess,
  type PathAccessOptions,
  type SandboxLayout,
  type SandboxVolume,
} from './build-path-access.js';
export { canonicalizeKeepingLeaf, canonicalizeKeepingLeafSync } from './canonicalize.js';
export { diskAccess, diskAccessSync } from './disk-access.js';
export { type SeatbeltOptions, seatbeltPolicy } from './seatbelt.js';
export { shellQuote } from './shell-quote.js';
