// Commands that the reader can paste: as whom, with which options.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { shellCommand } from '../text.js';
import type { DoctorRequest } from './doctor-report.js';

/** The caller's effective uid, against which ownership is checked; 0 where there are none (Windows). */
export function ownUid(): number {
  return process.geteuid?.() ?? 0;
}

/** A command that root is to run. */
export function asRoot(...words: string[]): string {
  return ownUid() === 0 ? shellCommand(...words) : shellCommand('sudo', ...words);
}

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
export function again(request: DoctorRequest, uid = ownUid()): string {
  return asUser([...program(), 'doctor', ...optionsOf(request)], uid);
}

function program(): string[] {
  return isOnPath('boxsockets') ? ['boxsockets'] : ['npx', 'boxsockets'];
}

/** Looks at it, with whom it belongs to. */
export function look(...paths: string[]): string {
  return asUser(['ls', '-ldn', '--', ...paths]);
}

/** Shows where it is mounted, and how. */
export function lookAtMount(where: string): string {
  return process.platform === 'linux' ? shellCommand('findmnt', '-T', where) : shellCommand('df', where);
}

/** Shows each directory on the way to it. */
export function lookAtPath(where: string): string {
  return process.platform === 'linux' ? shellCommand('namei', '-l', where) : look(where);
}

/** Moves it out of the way, where nothing stands; what it held is kept. */
export function moveAside(where: string, to = `${where}.aside`): string {
  return asUser(['mv', '-n', '--', where, to]);
}

/** Examines again with a base of the reader's own: for a base that is somebody else's to mend. */
export function anotherBase(request: DoctorRequest): string {
  const base = path.join(process.env.HOME ?? '/var/tmp', '.boxsockets');
  return [
    asUser(['mkdir', '-p', '-m', '0700', base]),
    `# the host and its shims need the same base: its option, or BOXSOCKETS_BASE of this program`,
    again({ ...request, base }),
  ].join('\n');
}

function isOnPath(program: string): boolean {
  const directories = (process.env.PATH ?? '').split(':');
  return directories.some((dir) => dir !== '' && fs.existsSync(path.join(dir, program)));
}
