// What the operations of one box work on, handed from BoxSockets to the files that implement them.

import type { Scene } from './failure.js';

export interface Place extends Scene {
  binding: string;
  realDir: string;
}

/** In the order in which the native operations take them. */
export function bindingPaths({ base, parent, binding, realDir }: Place): [string, string, string, string] {
  return [base, parent, binding, realDir];
}
