// Names: of a box, of a socket, and of further sockets. What is accepted is what the grammar says, and nothing else.

import { toBoxId, toSocketName } from '../../dist/arguments.js';
import { resolveKrunDerivation } from '../../dist/paths/krun-derivation.js';
import { socketNames } from '../../dist/paths/socket-names.js';
import { ARGUMENT_CODES, attempt, check, consistsOf, DIGITS, LETTERS, textsOf } from './check.js';

export const seeds = ['box1', 'ssh.sock\nlog.sock', '.hidden', 'x'.repeat(64), 'box_-9'.repeat(22), '../box.sock', ''];
export const dictionary = [
  '.~',
  '.s.PGSQL.5432',
  'web@1',
  '\xc2\x85',
  'box.sock',
  'ready.sock',
  'net.sock',
  '-krun.sock',
  'gvproxy-ctl.sock',
  '..',
  '/',
  '\0',
];

const LENGTHS = [1, 2, 100, 101, 128, 129];
const SUFFIX = resolveKrunDerivation('suffix');
const OWN = ['box.sock', 'ready.sock', 'net.sock', 'gvproxy-ctl.sock', 'net.sock-krun.sock'];

export function fuzz(data: Buffer): void {
  const [utf8 = ''] = textsOf(data);
  // Also as it would be at either end of what a name may be.
  const ofLength = LENGTHS.map((length) => utf8.slice(0, length).padEnd(length, 'x'));
  for (const text of [...textsOf(data), ...ofLength]) {
    const id = attempt(() => toBoxId(text), ARGUMENT_CODES);
    check((id === text) === isBoxId(text), 'an id is accepted as the grammar says', text);
    const name = attempt(() => toSocketName('name', text), ARGUMENT_CODES);
    check((name === text) === isSocketName(text), 'a name is accepted as the grammar says', text);
  }
  checkList(utf8.split('\n'));
}

function checkList(names: string[]): void {
  const sockets = attempt(() => socketNames({ krun: SUFFIX, names, standardNames: undefined }), ARGUMENT_CODES);
  check((sockets !== undefined) === names.every(isSocketName), 'a list is refused for one bad name', names);
  if (sockets === undefined) return;
  const expected = [...new Set([...OWN, ...names])];
  const found = sockets.map(({ name }) => name);
  check(JSON.stringify(found) === JSON.stringify(expected), 'names are kept in order, once each', found, expected);
}

function isBoxId(text: string): boolean {
  const isPlain = consistsOf(text, `${LETTERS}${DIGITS}_-.@+:=`);
  return text.length >= 1 && text.length <= 128 && isPlain && !'.@+:='.includes(text.charAt(0));
}

function isSocketName(text: string): boolean {
  const bytes = Buffer.from(text);
  const isFile = bytes.toString() === text && bytes.length >= 1 && bytes.length <= 100 && !text.includes('/');
  const isReserved = text === '.' || text === '..' || text.startsWith('.~');
  return isFile && !isReserved && Array.from(text).every((character) => !isControl(character.codePointAt(0) ?? 0));
}

// C0, DEL and C1.
function isControl(code: number): boolean {
  return code < 0x20 || (code >= 0x7f && code < 0xa0);
}
