// Reads the configuration of systemd-tmpfiles: tmpfiles.d(5), in its order of precedence.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { type Age, parseAge } from './age.js';
import { expandSpecifiers } from './specifiers.js';
import { splitWords } from './words.js';

/** One line in force. */
export interface TmpfilesRule {
  /** The letter: `d`, `q`, `x`, … */
  type: string;
  /** Absolute, simplified, specifiers expanded. */
  path: string;
  age: Age | null;
  /** Mode, owner, age and argument as written: what two lines for one path are compared by. */
  settings: string;
  file: string;
  line: number;
  text: string;
}

/** All that is configured, and what could not be read of it. */
export interface TmpfilesConfig {
  rules: TmpfilesRule[];
  unreadable: { path: string; code: string }[];
}

/** Highest precedence first. `/lib` is a directory of its own only where /usr is not merged. */
export const TMPFILES_DIRS = [
  '/etc/tmpfiles.d',
  '/run/tmpfiles.d',
  '/usr/local/lib/tmpfiles.d',
  '/usr/lib/tmpfiles.d',
  '/lib/tmpfiles.d',
];

// Types whose path may be a glob; they live in a table of their own, so an `e` beside a `d` is no duplicate of it.
const GLOB_TYPES = 'wexXrRzZmtThHaA';
// Types that own their path: of two such lines that differ, the first one in order wins.
const OWNING_TYPES = 'fFwdDevqQpLcbCxXrR';
// Types that are refused without an argument.
const ARGUMENT_TYPES = 'wcbtTaAhH';

/** Whether a rule's path may be a glob. */
export function isGlobType(type: string): boolean {
  return GLOB_TYPES.includes(type);
}

/**
 * Every line that `systemd-tmpfiles --clean` would act on, in order.
 *
 * @param root where to look; everything is read below it.
 */
export function readTmpfilesConfig(root = '/'): TmpfilesConfig {
  const unreadable: TmpfilesConfig['unreadable'] = [];
  const files = configFiles(root, unreadable);
  const lines = files.flatMap((file) => readRules(file, root, unreadable));
  return { rules: withoutDuplicates(lines), unreadable };
}

// The same name in a directory of higher precedence masks the others, whatever it holds; all files are then sorted
// by name alone.
function configFiles(root: string, unreadable: TmpfilesConfig['unreadable']): string[] {
  const byName = new Map<string, string>();
  for (const dir of TMPFILES_DIRS.map((name) => path.join(root, name))) {
    for (const name of attempt(dir, unreadable, () => fs.readdirSync(dir)) ?? []) {
      if (name.endsWith('.conf') && !name.startsWith('.') && !byName.has(name)) byName.set(name, path.join(dir, name));
    }
  }
  return [...byName.keys()].sort(compareBytes).map((name) => byName.get(name) ?? '');
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function readRules(file: string, root: string, unreadable: TmpfilesConfig['unreadable']): TmpfilesRule[] {
  const text = attempt(file, unreadable, () => (fs.statSync(file).isFile() ? fs.readFileSync(file, 'utf8') : ''));
  return (text ?? '').split('\n').flatMap((line, index) => {
    const rule = parseTmpfilesLine(line, root);
    return rule === null ? [] : [{ ...rule, file, line: index + 1 }];
  });
}

function attempt<T>(where: string, unreadable: TmpfilesConfig['unreadable'], read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'UNKNOWN';
    if (code !== 'ENOENT') unreadable.push({ path: where, code });
    return null;
  }
}

/** One line, or null where it is empty, a comment, for boot only, or one that systemd-tmpfiles refuses. */
export function parseTmpfilesLine(line: string, root = '/'): Omit<TmpfilesRule, 'file' | 'line'> | null {
  const text = line.trim();
  if (text === '' || text.startsWith('#')) return null;
  const split = splitWords(text, 6);
  if (split === null) return null;
  const [action = '', rawPath, mode = '-', , , ageField = '-'] = split.words;
  const type = action[0] ?? '';
  const modifiers = action.slice(1);
  const known = (GLOB_TYPES + OWNING_TYPES).includes(type) && /^[!+\-=~^$?]*$/.test(modifiers);
  if (type === '' || !known || new Set(modifiers).size < modifiers.length || rawPath === undefined) return null;
  if (modifiers.includes('!')) return null; // boot only: the timer's --clean never acts on it
  if (!isUnset(mode) && !/^[~:]*[0-7]{1,5}$/.test(mode)) return null;
  const expanded = expandSpecifiers(rawPath, root);
  if (expanded === null || !expanded.startsWith('/')) return null;
  const age = isUnset(ageField) ? null : parseAge(ageField);
  if (age === null && !isUnset(ageField)) return null;
  if (ARGUMENT_TYPES.includes(type) && isUnset(split.rest)) return null;
  const settings = [...split.words.slice(2), split.rest].filter((field) => !isUnset(field)).join(' ');
  return { type, path: simplify(expanded), age, settings, text };
}

function isUnset(field: string): boolean {
  return field === '' || field === '-';
}

function simplify(text: string): string {
  const names = text.split('/').filter((name) => name !== '' && name !== '.');
  const simple = `/${names.join('/')}`;
  return simple.startsWith('/var/run/') ? simple.slice('/var'.length) : simple;
}

function withoutDuplicates(rules: TmpfilesRule[]): TmpfilesRule[] {
  const owners = new Map<string, TmpfilesRule>();
  return rules.filter((rule) => {
    if (!OWNING_TYPES.includes(rule.type)) return true;
    const key = `${isGlobType(rule.type) ? 'glob' : 'item'} ${rule.path}`;
    const owner = owners.get(key);
    if (owner === undefined) owners.set(key, rule);
    return owner === undefined || owner.settings === rule.settings;
  });
}
