// Names: of a box, of a socket, and of further sockets. What is accepted is what the grammar says, and nothing else.

import { toBoxId, toSocketName } from '../../dist/arguments.js';
import { resolveKrunDerivation } from '../../dist/paths/krun-derivation.js';
import { socketNames } from '../../dist/paths/socket-names.js';
import { ARGUMENT_CODES, attempt, check, consistsOf, DIGITS, LETTERS, textsOf } from './check.js';

export const seeds = ['box1', 'ssh.sock\nlog.sock', '.hidden', 'x'.repeat(64), 'box_-9'.repeat(22), '../box.sock', ''];
export const dictionary = ['box.sock', 'ready.sock', 'net.sock', '-krun.sock', 'gvproxy-ctl.sock', '..', '/', '\0'];

const LENGTHS = [3, 4, 64, 65, 128, 129];
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
  const sockets = attempt(() => socketNames(SUFFIX, names), ARGUMENT_CODES);
  check((sockets !== undefined) === names.every(isSocketName), 'a list is refused for one bad name', names);
  if (sockets === undefined) return;
  const expected = [...new Set([...OWN, ...names])];
  const found = sockets.map(({ name }) => name);
  check(JSON.stringify(found) === JSON.stringify(expected), 'names are kept in order, once each', found, expected);
}

function isBoxId(text: string): boolean {
  return text.length >= 1 && text.length <= 128 && consistsOf(text, `${LETTERS}${DIGITS}_-`);
}

function isSocketName(text: string): boolean {
  return text.length >= 4 && text.length <= 64 && text[0] !== '.' && consistsOf(text, `${LETTERS}${DIGITS}._-`);
}
