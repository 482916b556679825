import { describe } from 'vitest';
import { BINDINGS } from './binding-states.js';
import { HOMES, SOCKETS } from './home-states.js';
import { MACHINES } from './machine-states.js';
import { type State, tryState } from './state.js';

export const STATES = [...HOMES, ...SOCKETS, ...BINDINGS, ...MACHINES];

export function tryStates(wanted: (state: State) => boolean): void {
  describe.each([
    ['homes', HOMES],
    ['sockets', SOCKETS],
    ['bindings', BINDINGS],
    ['the machine', MACHINES],
  ] as const)('%s', (_, states) => {
    for (const state of states) if (wanted(state)) tryState(state);
  });
}
