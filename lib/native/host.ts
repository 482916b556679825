// What the two builds of the package do each in a way of its own. The CommonJS build requires Node's modules. The ES
// module imports them, and hands them over before anything else is loaded: where a bundler makes one ES module of a
// program, nothing can be required in it. The rest is the same files, so that both share every bit of state.

/** What the ES module hands over. */
export interface Host {
  /** Those of Node's modules that are needed at once, by their names. */
  readonly modules: Readonly<Record<string, unknown>>;
  /** Where the file is that it is a part of: the package's own, or a bundle. */
  readonly directory: string | undefined;
  /** Requires a package as that file would. */
  require(id: string): unknown;
}

let host: Host | undefined;

export function setHost(given: Host): void {
  host ??= given;
}

/** Where the package is, or the bundle that it is a part of; undefined where that cannot be known. */
export function directoryOfBundle(): string | undefined {
  return typeof __dirname === 'string' ? __dirname : host?.directory;
}

/** Requires a package that need not be there. Where a bundler looks for it, `literal` is what it can follow. */
export function requireOptional(id: string, literal: () => unknown): unknown {
  return host === undefined ? literal() : host.require(id);
}

// A literal call each, which bundlers can follow.
const LITERAL: Readonly<Record<string, () => unknown>> = {
  'node:buffer': () => require('node:buffer'),
  'node:child_process': () => require('node:child_process'),
  'node:cluster': () => require('node:cluster'),
  'node:crypto': () => require('node:crypto'),
  'node:events': () => require('node:events'),
  'node:fs': () => require('node:fs'),
  'node:fs/promises': () => require('node:fs/promises'),
  'node:net': () => require('node:net'),
  'node:os': () => require('node:os'),
  'node:path': () => require('node:path'),
  'node:stream': () => require('node:stream'),
  'node:timers': () => require('node:timers'),
  'node:timers/promises': () => require('node:timers/promises'),
  'node:url': () => require('node:url'),
  'node:util': () => require('node:util'),
};

/** One of Node's modules. The build calls this in the place of each `require('node:…')`. */
export function builtin(name: string): unknown {
  // What is needed later is asked for later: importing all of them would take longer than all the rest.
  if (host !== undefined) return host.modules[name] ?? process.getBuiltinModule(name);
  const literal = LITERAL[name];
  if (literal === undefined) throw new Error(`${name} is not among the modules of this build`);
  return literal();
}
