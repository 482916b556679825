export { BoxConfig, type BoxConfigJson, type UnixTransport } from './box-config.js';
export { BoxLayout, type BoxLayoutOptions, type CleanupOptions, type CleanupResult } from './box-layout.js';
export type { LogEnd, ReadyDiagnosis } from './diagnosis.js';
export { type ShimExit, ShimProcess, type WaitForExitOptions } from './shim-process.js';
export { type Ready, type ReadyOptions, waitForReady } from './wait-for-ready.js';
