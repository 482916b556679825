// With `--require`: every addon of the package that this process loads is the one for macOS that DARWIN_IMAGE names, run
// by the host that DARWIN_HOST names; and from the moment that the package itself is loaded, this is a Mac to JavaScript.

const Module = require('node:module');
const path = require('node:path');

const IMAGE = process.env.DARWIN_IMAGE;
const HOST = process.env.DARWIN_HOST;
const ADDON = /^boxsockets(\.\w+)?\.node$/;
const PACKAGE = path.join(__dirname, '../../dist/');

let host;
const isAddon = (file) => ADDON.test(path.basename(file));

function guest() {
  host ??= require(HOST);
  return host.guest;
}

/** What the host tells of its guest, in this process. */
globalThis.darwinHost = () => {
  guest();
  return host;
};

function becomeMac() {
  if (process.platform === 'darwin') return;
  const arch = path.basename(path.dirname(IMAGE)).replace('darwin-', '');
  Object.defineProperty(process, 'platform', { value: 'darwin' });
  Object.defineProperty(process, 'arch', { value: arch });
}

// The command line is its own entry point, which nothing resolves.
if (process.argv[1]?.startsWith(PACKAGE)) becomeMac();
const resolve = Module._resolveFilename;
Module._resolveFilename = function (...args) {
  const file = resolve.apply(this, args);
  if (file.startsWith(PACKAGE)) becomeMac();
  return file;
};

const load = Module._extensions['.node'];
Module._extensions['.node'] = function (module, file) {
  if (isAddon(file)) module.exports = guest();
  else load.call(this, module, file);
};

// useBinding(path) loads so.
const dlopen = process.dlopen;
process.dlopen = function (module, file, ...flags) {
  if (!isAddon(file)) return dlopen.call(this, module, file, ...flags);
  module.exports = guest();
};
