// A home and a base that a test breaks, a person who looks with doctor, and does what it says.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { beforeEach } from 'vitest';
import type { DoctorReport, Finding } from '../../../dist/cli/doctor/doctor-report.js';
import { boxsockets, isRoot, json, MAIN, makeBox, NOBODY, program, run, scratch, uid } from '../run.js';

const test = scratch();
let bin = '';

beforeEach(() => {
  bin = path.join(test.dir, 'bin');
  fs.mkdirSync(bin);
  const scripts = {
    boxsockets: `exec '${process.execPath}' '${MAIN}' "$@"`,
    // Only root runs these tests' sudo.
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's
    sudo: 'if [ "$1" = -u ]; then id=${2#\\#}; shift 2; exec setpriv --reuid $id --regid $id --clear-groups "$@"; fi; exec "$@"',
  };
  for (const [name, text] of Object.entries(scripts)) {
    fs.writeFileSync(path.join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }
  process.env.PATH = `${bin}:${(process.env.PATH ?? '').replace(/^\/[^:]*\/bs-[^:]*:/, '')}`;
  process.env.HOME = path.join(test.dir, 'user');
  fs.mkdirSync(process.env.HOME);
});

/** Who looks and acts: the one who runs the tests, or a user whom permissions stop. */
export type User = 'self' | 'nobody';
export const uidOf = (user: User): number => (user === 'nobody' && isRoot ? NOBODY.uid : uid);

export const at = {
  get dir() {
    return test.dir;
  },
  get base() {
    return test.base;
  },
  get home() {
    return path.join(test.dir, 'h');
  },
  get ownBase() {
    return path.join(test.dir, 'user/.boxsockets');
  },
  parent: (user: User = 'self') => path.join(test.base, `bl-${uidOf(user)}`),
  binding: (id: string, user: User = 'self') => path.join(test.base, `bl-${uidOf(user)}`, id),
  sockets: (id: string) => path.join(test.dir, 'h/boxes', id, 'sockets'),
};

/** A box of the home, bound. */
export async function bind(id = 'b1', home = at.home): Promise<string> {
  const realDir = makeBox(home, id);
  await boxsockets(['ensure', id, realDir, '--base', test.base]);
  return realDir;
}

/** Gives all that was made to the user, with a parent that bears that user's name. */
export function giveTo(user: User): void {
  if (uidOf(user) === uid) return;
  if (fs.existsSync(at.parent())) fs.renameSync(at.parent(), at.parent(user));
  run('chown', ['-hR', `${NOBODY.uid}:${NOBODY.gid}`, test.dir]);
  fs.chmodSync(test.dir, 0o755);
}

/** What doctor reports, without the cleaners of the machine that runs the tests. */
export async function doctor(user: User, args: string[] = ['--home', at.home]): Promise<DoctorReport> {
  const base = args.includes('--base') ? [] : ['--base', test.base];
  const words = ['doctor', '--json', ...args, ...base];
  const env = { PATH: process.env.PATH, HOME: process.env.HOME };
  const result = uidOf(user) === uid ? await boxsockets(words) : program(words, { ...NOBODY, env, cwd: '/' });
  const report = json(result) as DoctorReport;
  return { ...report, findings: report.findings.filter(({ code }) => !code.startsWith('cleaner-')) };
}

/** The findings that are more than an information. */
export const troubles = ({ findings }: DoctorReport): Finding[] => findings.filter((one) => one.severity !== 'info');

/** Pastes a remedy into a shell: as the user, or as root where it asks for that. */
export function paste(remedy: string, user: User): void {
  const asRoot = /(^|\| )sudo /m.test(remedy) || uidOf(user) === uid;
  run('sh', ['-c', remedy], {
    ...(asRoot ? {} : NOBODY),
    cwd: '/',
    // The base that stands in for the machine's own, too: a remedy that names none must not work on that.
    env: { PATH: process.env.PATH, HOME: process.env.HOME, BOXSOCKETS_BASE: process.env.BOXSOCKETS_BASE },
  });
}
