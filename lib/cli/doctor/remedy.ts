// Commands that the reader can paste: as whom, with which options.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { shellCommand } from '../text.js';
import type { DoctorRequest } from './doctor-report.js';

/** The caller's effective uid, against which ownership is checked; 0 where there are none (Windows). */
export const ownUid = (): number => process.geteuid?.() ?? 0;

/** A command that root is to run. */
export const asRoot = (...words: string[]): string => shellCommand(...(ownUid() === 0 ? [] : ['sudo']), ...words);

/** A command that a user is to run, the examined one where none is named. */
export function asUser(words: string[], uid = ownUid()): string {
  if (ownUid() === uid) return shellCommand(...words);
  if (ownUid() !== 0 || isOnPath('sudo')) return shellCommand('sudo', '-u', `#${uid}`, ...words);
  return shellCommand('setpriv', '--reuid', `${uid}`, '--regid', `${uid}`, '--clear-groups', ...words);
}

/** What was asked of doctor, as options. */
export function optionsOf({ home, base, krun, uid, names }: DoctorRequest): string[] {
  return [
    ...(home === null ? [] : ['--home', home]),
    ...(base === null ? [] : ['--base', base]),
    ...(krun === null ? [] : ['--krun', krun]),
    ...(uid === ownUid() ? [] : ['--uid', String(uid)]),
    ...names.flatMap((name) => ['--name', name]),
  ];
}

/** A command of this program, in the parent that was examined. */
export function own(request: DoctorRequest, command: string, ...operands: string[]): string {
  return asUser([...program(), command, ...operands, ...optionsOf({ ...request, home: null, krun: null, names: [] })]);
}

/** The same examination again. */
export const again = (request: DoctorRequest, uid = ownUid()): string =>
  asUser([...program(), 'doctor', ...optionsOf(request)], uid);

/** Examines again with a base of the reader's own: for a base that is somebody else's to mend. */
export function anotherBase(request: DoctorRequest): string {
  const base = path.join(process.env.HOME ?? '/var/tmp', '.boxsockets');
  const advice = '# the host and its shims need the same base: its option, or BOXSOCKETS_BASE of this program';
  return [asUser(['mkdir', '-p', '-m', '0700', base]), advice, again({ ...request, base })].join('\n');
}

const isLinux = process.platform === 'linux';
/** Looks at it, with whom it belongs to. */
export const look = (where: string): string => asUser(['ls', '-ldn', '--', where]);
/** Shows where it is mounted, and how. */
export const lookAtMount = (where: string): string => shellCommand(...(isLinux ? ['findmnt', '-T'] : ['df']), where);
/** Shows each directory on the way to it. */
export const lookAtPath = (where: string): string => (isLinux ? shellCommand('namei', '-l', where) : look(where));
/** Moves it out of the way, where nothing stands; what it held is kept. */
export const moveAside = (where: string, to = `${where}.aside`): string => asUser(['mv', '-n', '--', where, to]);

const program = (): string[] => (isOnPath('boxsockets') ? ['boxsockets'] : ['npx', 'boxsockets']);

function isOnPath(program: string): boolean {
  const directories = (process.env.PATH ?? '').split(':');
  return directories.some((dir) => dir !== '' && fs.existsSync(path.join(dir, program)));
}
