// A method of a caller's server, replaced until it closes.

import type * as net from 'node:net';

/** Returns what puts back what was there before, unless somebody has replaced it since. */
export function override(server: net.Server, name: 'close' | 'emit', value: net.Server[typeof name]): () => void {
  const before = Object.getOwnPropertyDescriptor(server, name);
  Object.defineProperty(server, name, { value, configurable: true, writable: true });
  return () => {
    if (server[name] !== value) return;
    Reflect.deleteProperty(server, name);
    if (before !== undefined) Object.defineProperty(server, name, before);
  };
}
