import { describe } from 'vitest';
import { BINDINGS } from './binding-states.js';
import { HOMES, SOCKETS } from './home-states.js';
import { MACHINES } from './machine-states.js';
import { type State, tryState } from './state.js';

export const STATES = [...HOMES, ...SOCKETS, ...BINDINGS, ...MACHINES];

export function tryStates(wanted: (state: State) => boolean): void {
  const places = { homes: HOMES, sockets: SOCKETS, bindings: BINDINGS, 'the machine': MACHINES };
  for (const [place, states] of Object.entries(places)) {
    const chosen = states.filter(wanted);
    if (chosen.length > 0) describe(place, () => chosen.forEach(tryState));
  }
}
