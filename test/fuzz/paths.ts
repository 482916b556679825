// Paths: as bytes, as text, as URLs, of the constructor and of a policy.

import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { toAbsolutePath, toBase, toPath } from '../../dist/arguments.js';
import { normalizedPath } from '../../dist/sandbox/path-rules.js';
import { attempt, check, textsOf } from './check.js';

export const seeds = [
  '/home/me/boxes/b1',
  'a/../b//./c',
  Buffer.from('/é📦/'),
  '/a\0b',
  '../..',
  '//',
  '/a%2fb',
  Buffer.from([0xc3]),
];
export const dictionary = ['/', '/..', '/.', '//', '../', '%2F', '%00', '\0', '\ufeff', '\xed\xa0\x80'];

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function fuzz(data: Buffer): void {
  checkBytes(data);
  for (const text of textsOf(data)) {
    checkText(text);
    checkUrl(text);
  }
}

function checkBytes(data: Buffer): void {
  const accepted = attempt(() => toPath('path', data));
  const text = orUndefined(() => utf8.decode(data));
  const isPath = text !== undefined && text !== '' && !data.includes(0);
  check((accepted !== undefined) === isPath, 'bytes are a path where they are UTF-8 without NUL', data.toString('hex'));
  if (accepted !== undefined) check(Buffer.from(accepted).equals(data), 'and come out as they went in', accepted);
}

function checkText(text: string): void {
  const isPath = text !== '' && !text.includes('\0') && Buffer.from(text).toString() === text;
  check((attempt(() => toPath('path', text)) !== undefined) === isPath, 'a text is a path where it is Unicode', text);
  const absolute = attempt(() => toAbsolutePath('path', text));
  check((absolute !== undefined) === isPath, 'and then has an absolute form', text);
  const base = attempt(() => toBase('options.base', text));
  check((base !== undefined) === (isPath && text[0] === '/'), 'a base is an absolute path', text);
  const parts = text.split('/');
  const normal = attempt(() => normalizedPath(text, 'path'));
  const isRule = isPath && text[0] === '/' && !parts.includes('..');
  check((normal !== undefined) === isRule, 'the path of a rule is absolute, and has no ..', text);
  if (normal !== undefined) check(normal === path.resolve(text), 'and is brought into one form', text, normal);
  if (absolute === undefined) return;
  check(base === undefined || base === absolute, 'a base has the form of any path', text, base);
  check(toAbsolutePath('path', absolute) === absolute, 'the absolute form is final', text, absolute);
  check(path.resolve(absolute) === path.resolve(text), 'and leads where the path led', text, absolute);
  const components = absolute.slice(1).split('/');
  const isPlain = absolute === '/' || !components.some((part) => part === '' || part === '.');
  check(absolute[0] === '/' && isPlain, 'without components that mean nothing', text, absolute);
  // What stands behind a name may be behind a link, so every .. there must have been kept.
  const firstName = parts.findIndex((part) => part !== '' && part !== '.' && part !== '..');
  const kept = firstName < 0 ? [] : parts.slice(firstName).filter((part) => part !== '' && part !== '.');
  check(kept.length === 0 || absolute.endsWith(`/${kept.join('/')}`), 'nothing behind a name is lost', text, absolute);
}

function checkUrl(text: string): void {
  // Not URL.canParse(): in Node 20 it says yes to what the constructor refuses, once it is optimised.
  const url = orUndefined(() => new URL(`file://${text}`));
  if (url === undefined) return;
  const accepted = attempt(() => toPath('path', url));
  const expected = orUndefined(() => fileURLToPath(url));
  const isPath = expected?.includes('\0') === false;
  check(accepted === (isPath ? expected : undefined), 'a URL is the path that Node makes of it', url.href, accepted);
}

function orUndefined<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
