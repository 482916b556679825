export { BoxRuntime } from './box-runtime.js';
export type { BoxLiteState, BoxRow, BoxStore, StateChange } from './box-store.js';
export type { BoxInfo, BoxState } from './home.js';
export type { ShimCommand, ShimRecipe } from './launch.js';
export type { LaunchedBox, LaunchOptions, OpenOptions, RemoveBoxOptions, StopOptions, StopResult } from './options.js';
export type { NewBox } from './provision.js';
export type { Recovery } from './recovery.js';
export type { RemoveBoxResult } from './removal.js';
export { SqliteBoxStore } from './sqlite-box-store.js';
