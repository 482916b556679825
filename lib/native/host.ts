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

/** One of Node's modules. The build calls this in the place of each `require('node:…')`. */
export function builtin(name: string): unknown {
  // What is needed later is asked for later: importing all of them would take longer than all the rest.
  if (host !== undefined) return host.modules[name] ?? process.getBuiltinModule(name);
  switch (name) {
    case 'node:buffer':
      return require('node:buffer');
    case 'node:child_process':
      return require('node:child_process');
    case 'node:cluster':
      return require('node:cluster');
    case 'node:crypto':
      return require('node:crypto');
    case 'node:events':
      return require('node:events');
    case 'node:fs':
      return require('node:fs');
    case 'node:fs/promises':
      return require('node:fs/promises');
    case 'node:net':
      return require('node:net');
    case 'node:os':
      return require('node:os');
    case 'node:path':
      return require('node:path');
    case 'node:stream':
      return require('node:stream');
    case 'node:timers':
      return require('node:timers');
    case 'node:timers/promises':
      return require('node:timers/promises');
    case 'node:url':
      return require('node:url');
    case 'node:util':
      return require('node:util');
    default:
      throw new Error(`${name} is not among the modules of this build`);
  }
}
