// What a host pays for only where it uses it: loading these with the package would take longer than all the rest of it.
// The calls of require are literal, because that is the one style that bundlers can follow.

export const loadClaim = () => require('./claim.js') as typeof import('./claim.js');
export const loadConnect = () => require('./connect.js') as typeof import('./connect.js');
export const loadEnsureAll = () => require('./ensure-all.js') as typeof import('./ensure-all.js');
export const loadHold = () => require('./hold.js') as typeof import('./hold.js');
export const loadInspect = () => require('./inspect.js') as typeof import('./inspect.js');
export const loadList = () => require('./list.js') as typeof import('./list.js');
export const loadListen = () => require('./listen.js') as typeof import('./listen.js');
export const loadSweep = () => require('./sweep.js') as typeof import('./sweep.js');
