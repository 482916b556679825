// What a row must have in a home of BoxLite's.

import { rowInvalid } from '../box/box-errors.js';
import type { BoxRow } from './box-store.js';

const ENGINES: readonly unknown[] = ['Libkrun', 'Firecracker'];

/** Refuses a row that BoxLite could not read: one of them keeps it from opening the home at all. */
export function checkBoxliteRow({ json }: BoxRow): void {
  const { created_at, container, engine_kind, options } = JSON.parse(json) as Record<string, unknown>;
  if (typeof created_at !== 'string') throw rowInvalid('created_at', "is missing, which BoxLite's rows need");
  if (typeof (container as { id?: unknown } | undefined)?.id !== 'string') {
    throw rowInvalid('container.id', "is missing, which BoxLite's rows need");
  }
  if (!ENGINES.includes(engine_kind)) {
    throw rowInvalid('engine_kind', `must be one of ${ENGINES.join(', ')} in a home of BoxLite's`, {
      received: engine_kind,
    });
  }
  const { auto_remove, auto_delete } = checkedOptions(options);
  if (auto_remove === undefined && auto_delete === undefined) {
    throw rowInvalid('options.auto_remove', 'must be given: BoxLite takes a box without it for one to be removed');
  }
}

// The kinds of the options that BoxLite knows; it passes over others.
const KINDS: Readonly<Record<string, readonly string[]>> = {
  number: ['cpus', 'memory_mib', 'disk_size_gb', 'auto_stop', 'auto_delete'],
  string: ['working_dir', 'user'],
  boolean: ['auto_remove', 'detach', 'tty', 'auto_resume'],
  array: ['env', 'volumes', 'ports', 'entrypoint', 'cmd', 'secrets'],
  object: ['rootfs', 'network', 'inbound_network', 'advanced'],
};
const NEVER_NULL: readonly string[] = ['auto_remove', 'detach', 'tty', 'env', 'volumes', 'ports', 'secrets', 'rootfs'];

function checkedOptions(options: unknown): Record<string, unknown> {
  if (typeof options !== 'object' || options === null)
    throw rowInvalid('options', "is missing, which BoxLite's rows need");
  const all = options as Record<string, unknown>;
  for (const [kind, names] of Object.entries(KINDS)) {
    for (const name of names) {
      const value = all[name];
      if (value === undefined || (value === null && !NEVER_NULL.includes(name))) continue;
      const found = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value;
      if (found !== kind)
        throw rowInvalid(`options.${name}`, `must be of kind ${kind} for BoxLite`, { received: value });
    }
  }
  return all;
}
