// A state that may be broken, and how it is tried: doctor is to name one cause, and its remedy is pasted into a shell, after
// which the finding is gone. Its first line looks, and no line destroys.

import * as net from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { Finding, FindingCode } from '../../../dist/cli/doctor/doctor-report.js';
import { missingMount, missingUser } from '../../helpers.js';
import { isRoot, NOBODY } from '../run.js';
import { at, doctor, giveTo, paste, troubles, type User, uidOf } from './patient.js';

export interface State {
  /** What is broken, and how. */
  name: string;
  code: FindingCode;
  /** A part of the message. */
  says: string | (() => string);
  /** A part of the remedy. */
  remedy: string | (() => string);
  break(): unknown;
  user?: User;
  /** Root looks, and doctor runs itself as the user. */
  becomesUser?: boolean;
  missing?: string | null;
  args?: () => string[];
  /** Whoever breaks it has said whose it all is. */
  isGiven?: boolean;
  /** What the remedy's comment asks of a person. */
  person?(): unknown;
  /** What follows of itself: the next start of a box. */
  nextStart?(): unknown;
  /** How it is looked at once more, where the remedy says so. */
  again?: () => string[];
  /** Who looks then. */
  thenBy?: User;
}

export const needsRoot = isRoot ? null : 'needs root';
export const needsNobody = isRoot ? missingUser(NOBODY.uid) : null;
export const needsMount = missingMount();

/** A server at a path, until the end of the test. */
export async function listenAt(file: string): Promise<() => Promise<void>> {
  const server = net.createServer().listen(file);
  await new Promise((resolve) => server.once('listening', resolve));
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  onTestFinished(async () => void (server.listening && (await close())));
  return close;
}

export const other = () => path.join(at.dir, 'other');
export const ensures = (id = 'b1') => `boxsockets ensure ${id} ${at.sockets(id)} --base ${at.base}`;
export const withOwnBase = () => ['--home', at.home, '--base', at.ownBase];

const textOf = (text: string | (() => string)): string => (typeof text === 'string' ? text : text());
// What follows from a base that was replaced is that nothing is bound there yet.
const FOLLOWS = ['binding-missing'];

// As root is told it on Linux; for others it has a sudo more.
const isKept = isRoot && process.platform === 'linux' && os.tmpdir() === '/tmp';

/** The finding as it is kept, word by word. */
function stable({ severity, code, message, remedy }: Finding, user: User): string {
  return [`${severity} ${code}: ${message}`, ...remedy.split('\n').map((line) => `    ${line}`)]
    .join('\n')
    .replaceAll(at.dir, '@')
    .replace(/(process|-p) \d+/g, '$1 PID')
    .replaceAll(`bl-${uidOf(user)}`, 'bl-UID');
}

/** Takes a process of another user's. */
export const needsUser = (state: State): boolean => state.user === 'nobody' || state.becomesUser === true;

/** Needs root's rights, a mount or a program that may not be there. */
export const needsMore = (state: State): boolean => state.missing !== undefined;

export function tryState(state: State): void {
  const { missing = null, user = 'self', name, code } = state;
  it.skipIf(missing !== null)(missing === null ? name : `${name} (skipped: ${missing})`, async () => {
    await state.break();
    if (user === 'nobody' && state.isGiven !== true) giveTo(user);
    const found = troubles(await doctor(user, state.args?.()));
    // One cause, one finding: what follows from it is not told.
    const own = found.filter((one) => one.code !== 'binding-missing' || code === 'binding-missing');
    expect(own.map((one) => one.code)).toEqual([code]);
    const [finding] = own;
    expect(finding?.message).toContain(textOf(state.says));
    expect(finding?.remedy).toContain(textOf(state.remedy));
    if (isKept) expect(stable(finding as Finding, user)).toMatchSnapshot();
    expect(finding?.remedy).not.toMatch(/\brm\b|\brmdir\b|\bkill\b|--takeover$/m);

    await state.person?.();
    paste(finding?.remedy ?? '', user);
    await state.nextStart?.();
    const after = troubles(await doctor(state.thenBy ?? user, state.again?.() ?? state.args?.()));
    expect(after.map((one) => one.code).filter((one) => !FOLLOWS.includes(one))).toEqual([]);
    expect(after.map((one) => one.code)).not.toContain(code);
  });
}
