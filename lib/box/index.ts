export { BoxConfig, type BoxConfigJson, type UnixTransport } from './box-config.js';
export { BoxLayout, type BoxLayoutOptions, type CleanupOptions, type CleanupResult } from './box-layout.js';
export type { LogEnd, ReadyDiagnosis } from './diagnosis.js';
export type { ShimOrigin } from './shim-pid.js';
export { ShimProcess } from './shim-process.js';
export type { ShimExit, ShimStatus, WaitForExitOptions } from './shim-status.js';
export { type HeldSocket, socketHolders } from './socket-holders.js';
export { type Ready, type ReadyOptions, waitForReady } from './wait-for-ready.js';
