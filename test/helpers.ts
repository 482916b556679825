// What the tests of the core share.

export * from './helpers/children.js';
export * from './helpers/file-servers.js';
export * from './helpers/machine.js';
export * from './helpers/sockets.js';
export * from './helpers/twins.js';
export * from './helpers/warnings.js';
export * from './helpers/worlds.js';
