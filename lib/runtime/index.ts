export { BoxRuntime } from './box-runtime.js';
export type { BoxLiteState, BoxRow, BoxStore, StateChange } from './box-store.js';
export type { BoxInfo, BoxState, OpenOptions } from './home.js';
export type { LaunchedBox, LaunchOptions, ShimCommand, ShimRecipe } from './launch.js';
export type { NewBox } from './provision.js';
export type { Recovery } from './recovery.js';
export type { RemoveBoxOptions, RemoveBoxResult, StopOptions, StopResult } from './removal.js';
export { SqliteBoxStore } from './sqlite-box-store.js';
