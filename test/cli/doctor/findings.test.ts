// Every finding of doctor, provoked once. The table is typed by the list of codes: a new one without a way to provoke
// it does not compile.

import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { inspectCleaners, type Machine } from '../../../dist/cli/cleaner.js';
import { cleanerFindings } from '../../../dist/cli/doctor/cleaner-findings.js';
import { type DoctorRequest, FINDING_CODES, type Finding, type FindingCode } from '../../../dist/cli/doctor/report.js';
import { isRoot, json, MAIN, makeBox, NOBODY, program, run, scratch, uid } from '../run.js';

const test = scratch();
const parent = (owner = uid) => path.join(test.base, `bl-${owner}`);
const home = () => path.join(test.dir, 'h');

type Severity = Finding['severity'];

interface Provocation {
  severity: Severity;
  /** Why it cannot be provoked here; null where it can. */
  missing?: string | null;
  /** Part of the remedy. */
  remedy: string | (() => string);
  provoke(): Finding[] | Promise<Finding[]>;
}

function doctor(args: string[] = [], options: Parameters<typeof program>[1] = {}): Finding[] {
  const given = [...(args.includes('--home') ? [] : ['--home', home()]), '--base', test.base, ...args];
  return json(program(['doctor', '--json', ...given], options)).findings;
}

function makeParent(mode = 0o700): void {
  fs.mkdirSync(parent(), { mode });
  fs.chmodSync(parent(), mode);
}

function bind(id: string): string {
  const realDir = makeBox(home(), id);
  program(['ensure', id, realDir, '--base', test.base]);
  return realDir;
}

/** The same as doctor(), by a user whom permissions stop. */
function doctorAsNobody(args: string[] = []): Finding[] {
  for (const dir of [test.dir, home(), path.join(home(), 'boxes/b1')]) if (fs.existsSync(dir)) fs.chmodSync(dir, 0o755);
  return doctor(args, isRoot ? NOBODY : {});
}

/** Runs doctor after a mount that only it sees. */
function doctorAfter(mount: string, args: string[] = []): Finding[] {
  const command = `${mount} && exec "$0" "$@"`;
  const words = [process.execPath, MAIN, 'doctor', '--json', ...args];
  const result = run('unshare', ['-m', 'sh', '-c', command, ...words]);
  return json(result).findings;
}

const needsRoot = isRoot ? null : 'needs root';
const needsMount =
  isRoot && run('sh', ['-c', 'unshare -m mount -t tmpfs t /mnt']).status === 0 ? null : 'needs the right to mount';
const nosymfollow =
  needsMount ??
  (run('sh', ['-c', 'unshare -m mount -t tmpfs -o nosymfollow t /mnt']).status === 0
    ? null
    : 'needs mount nosymfollow');
const namespaces = run('sh', ['-c', 'unshare -pfm --mount-proc unshare -m true']).status === 0 ? null : 'needs unshare';

function cleaners(changes: object): Finding[] {
  const request: DoctorRequest = { home: home(), base: null, uid, krun: null };
  const machine = { platform: 'linux', exists: () => true, read: () => '', run: () => 'q /tmp 1777 root root 10d' };
  const report = inspectCleaners('/tmp/bl-0/b1', { ...machine, ...changes } as Machine);
  return cleanerFindings({ ...report, cleaners: report.cleaners.slice(0, 1) }, request);
}

const PROVOCATIONS: Record<FindingCode, Provocation> = {
  ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE: {
    severity: 'error',
    remedy: 'npm install',
    provoke() {
      fs.cpSync(path.dirname(path.dirname(MAIN)), path.join(test.dir, 'p/dist'), { recursive: true });
      fs.copyFileSync('package.json', path.join(test.dir, 'p/package.json'));
      makeBox(home(), 'b1');
      const main = path.join(test.dir, 'p/dist/cli/main.js');
      const result = run(process.execPath, [main, 'doctor', '--json', '--home', home(), '--base', test.base]);
      const report = json(result);
      expect(result).toMatchObject({ status: 1, stderr: '' });
      // What needs no native code is there all the same.
      expect(report.boxes[0].sockets).toHaveLength(5);
      expect(report).toMatchObject({ limit: { measured: null }, base: { state: 'fine' } });
      // Without a home too, and nothing is left behind.
      const alone = json(run(process.execPath, [main, 'doctor', '--json', '--base', test.base]));
      expect(alone.findings.map((one: Finding) => one.code)).toContain('direct-bind');
      expect(fs.readdirSync(test.base)).toEqual([]);
      return report.findings;
    },
  },
  'limit-not-measured': {
    severity: 'error',
    missing: needsMount,
    remedy: 'boxsockets probe',
    // A file system with room for its root directory alone.
    provoke: () => doctorAfter(`mount -t tmpfs -o nr_inodes=1,mode=0700 t ${test.base}`, ['--base', test.base]),
  },
  'uid-mismatch': {
    severity: 'error',
    missing: needsRoot ?? (run('sh', ['-c', 'command -v python3']).status === 0 ? null : 'needs python3'),
    remedy: 'Run as one user',
    provoke() {
      makeBox(home(), 'b1');
      const program = 'import os, sys; os.setresuid(65534, 0, 0); os.execv(sys.argv[1], sys.argv[1:])';
      const words = [process.execPath, MAIN, 'doctor', '--json', '--home', home(), '--base', test.base];
      return json(run('python3', ['-c', program, ...words])).findings;
    },
  },
  'base-missing': {
    severity: 'error',
    remedy: 'sudo mkdir -m 1777 ',
    provoke: () => doctor(['--base', path.join(test.dir, 'none')]),
  },
  'base-unreadable': {
    severity: 'error',
    remedy: '--base DIR',
    provoke() {
      const closed = path.join(test.dir, 'closed');
      fs.mkdirSync(path.join(closed, 'b'), { recursive: true });
      fs.chmodSync(closed, 0);
      return doctorAsNobody(['--base', path.join(closed, 'b')]);
    },
  },
  'base-not-a-directory': {
    severity: 'error',
    remedy: '--base DIR',
    provoke() {
      fs.writeFileSync(path.join(test.dir, 'file'), '');
      return doctor(['--base', path.join(test.dir, 'file')]);
    },
  },
  'base-foreign': {
    severity: 'error',
    missing: needsRoot,
    remedy: '--base DIR',
    provoke() {
      fs.chownSync(test.base, NOBODY.uid, NOBODY.gid);
      return doctor();
    },
  },
  'base-not-sticky': {
    severity: 'error',
    remedy: () => `sudo chmod +t ${test.base}`,
    provoke() {
      fs.chmodSync(test.base, 0o777);
      return doctor();
    },
  },
  'base-private': {
    severity: 'warning',
    missing: namespaces,
    remedy: 'PrivateTmp=no',
    provoke() {
      const mount = `mount -t tmpfs -o mode=1777 t ${test.base}`;
      const words = `${process.execPath} ${MAIN} doctor --json --home ${home()} --base ${test.base}`;
      const script = `unshare -m sh -c "${mount} && ${words}"`;
      return json(run('unshare', ['-pfm', '--mount-proc', 'sh', '-c', `${script}; exit 0`])).findings;
    },
  },
  'base-nosymfollow': {
    severity: 'error',
    missing: nosymfollow,
    remedy: '--base DIR',
    provoke: () => doctorAfter(`mount -t tmpfs -o nosymfollow,mode=0700 t ${test.base}`, ['--base', test.base]),
  },
  'parent-unreadable': {
    severity: 'error',
    missing: needsRoot,
    remedy: () => `ls -ld ${test.base}`,
    provoke: () => doctorAsNobody(['--uid', '65534']),
  },
  'parent-not-a-directory': {
    severity: 'error',
    remedy: () => `rm -- ${parent()}`,
    provoke() {
      fs.symlinkSync(test.dir, parent());
      return doctor();
    },
  },
  'parent-foreign': {
    severity: 'error',
    missing: needsRoot,
    remedy: () => `sudo rm -r -- ${parent()}`,
    provoke() {
      makeParent();
      fs.chownSync(parent(), NOBODY.uid, NOBODY.gid);
      return doctor();
    },
  },
  'parent-open': {
    severity: 'warning',
    remedy: () => `chmod 0700 ${parent()}`,
    provoke() {
      makeParent(0o755);
      return doctor();
    },
  },
  'cleaner-takes-link': {
    severity: 'warning',
    remedy: "echo 'x /tmp/bl-*' | ",
    provoke: () => cleaners({}),
  },
  'cleaner-unknown': {
    severity: 'info',
    remedy: "echo 'x /tmp/bl-*' | ",
    provoke: () => cleaners({ run: () => null }),
  },
  'home-missing': { severity: 'error', remedy: () => `ls -ld ${home()}`, provoke: () => doctor() },
  'home-unreadable': {
    severity: 'error',
    missing: needsRoot,
    remedy: () => `ls -ld ${home()} ${home()}/boxes`,
    provoke() {
      makeBox(home(), 'b1');
      fs.chmodSync(path.join(home(), 'boxes'), 0);
      return doctorAsNobody();
    },
  },
  'home-without-boxes': {
    severity: 'info',
    remedy: () => `boxsockets doctor --base ${test.base}`,
    provoke() {
      fs.mkdirSync(home());
      return doctor();
    },
  },
  'box-id-invalid': {
    severity: 'warning',
    remedy: () => `mv -- ${home()}/boxes/b.1 ${home()}/boxes/ANOTHER-NAME`,
    provoke() {
      makeBox(home(), 'b.1');
      return doctor();
    },
  },
  'box-without-sockets': {
    severity: 'warning',
    remedy: () => `mkdir -m 0700 -- ${home()}/boxes/b1/sockets`,
    provoke() {
      fs.rmdirSync(bind('b1'));
      return doctor();
    },
  },
  'binding-missing': {
    severity: 'warning',
    remedy: () => `boxsockets ensure b1 ${home()}/boxes/b1/sockets --base ${test.base}`,
    provoke() {
      makeBox(home(), 'b1');
      return doctor();
    },
  },
  'binding-dangling': {
    severity: 'warning',
    remedy: () => `boxsockets ensure b1 ${home()}/boxes/b1/sockets --base ${test.base}`,
    provoke() {
      makeBox(home(), 'b1');
      makeParent();
      fs.symlinkSync('/nowhere', path.join(parent(), 'b1'));
      return doctor();
    },
  },
  'binding-foreign': {
    severity: 'error',
    remedy: () => `boxsockets ensure b1 ${home()}/boxes/b1/sockets --base ${test.base}    # refused while`,
    async provoke() {
      makeBox(home(), 'b1');
      const other = makeBox(path.join(test.dir, 'h2'), 'b1');
      makeParent();
      fs.symlinkSync(other, path.join(parent(), 'b1'));
      const server = net.createServer().listen(path.join(other, 'box.sock'));
      await new Promise((resolve) => server.once('listening', resolve));
      const findings = doctor();
      server.close();
      return findings;
    },
  },
  'binding-not-a-symlink': {
    severity: 'error',
    remedy: () => `mv -- ${parent()}/b1 ${parent()}/b1.aside && boxsockets ensure b1 `,
    provoke() {
      makeBox(home(), 'b1');
      makeParent();
      fs.mkdirSync(path.join(parent(), 'b1'));
      return doctor();
    },
  },
  'binding-unreadable': {
    severity: 'error',
    remedy: ' --takeover',
    provoke() {
      makeBox(home(), 'b1');
      makeParent();
      fs.symlinkSync('b1', path.join(parent(), 'b1'));
      return doctor();
    },
  },
  'binding-stale': {
    severity: 'warning',
    remedy: () => `boxsockets sweep --base ${test.base}`,
    provoke() {
      bind('b1');
      fs.symlinkSync('/nowhere', path.join(parent(), 'gone'));
      return doctor();
    },
  },
  'name-too-long': {
    severity: 'error',
    remedy: 'Take an id or a base that is',
    provoke() {
      const base = path.join(test.dir, 'a-long-base'.repeat(6));
      fs.mkdirSync(base, { mode: 0o700 });
      makeBox(home(), 'b1');
      return doctor(['--base', base]);
    },
  },
  'socket-does-not-bind': {
    severity: 'error',
    remedy: 'boxsockets probe ',
    provoke() {
      const realDir = makeBox(home(), 'b1');
      const owner = isRoot ? NOBODY.uid : uid;
      fs.mkdirSync(parent(owner), { mode: 0o700 });
      fs.symlinkSync(realDir, path.join(parent(owner), 'b1'));
      fs.chmodSync(test.base, 0o755);
      if (isRoot) fs.chownSync(parent(owner), owner, owner);
      fs.chmodSync(realDir, 0o555);
      fs.chmodSync(path.join(home(), 'boxes'), 0o755);
      return doctorAsNobody();
    },
  },
  'dead-zone': {
    severity: 'info',
    remedy: () => `Bind and dial below ${parent()}/b1, never`,
    provoke() {
      const tail = '/boxes/b1/sockets';
      const deep = `${test.dir}/${'h'.repeat(88 - test.dir.length - 1 - tail.length)}`;
      const realDir = makeBox(deep, 'b1');
      expect(realDir).toHaveLength(88);
      program(['ensure', 'b1', realDir, '--base', test.base]);
      return doctor(['--home', deep]);
    },
  },
  'direct-bind': {
    severity: 'info',
    remedy: 'boxsockets ensure ID DIR',
    provoke: () => json(program(['doctor', '--json', '--base', test.base])).findings,
  },
  'self-check-failed': {
    severity: 'error',
    remedy: 'boxsockets doctor --base DIR',
    provoke() {
      fs.chmodSync(test.base, 0o555);
      fs.chmodSync(test.dir, 0o755);
      return json(program(['doctor', '--json', '--base', test.base], isRoot ? NOBODY : {})).findings;
    },
  },
};

describe('a finding says what is wrong and what to do', () => {
  for (const code of FINDING_CODES) {
    const { severity, missing = null, remedy, provoke } = PROVOCATIONS[code];
    it.skipIf(missing !== null)(missing === null ? code : `${code} (${missing})`, async () => {
      const findings = await provoke();
      const found = findings.filter((finding) => finding.code === code);
      expect(found.length, JSON.stringify(findings)).toBeGreaterThan(0);
      expect(found[0]).toMatchObject({ severity });
      expect(found[0]?.remedy).toContain(typeof remedy === 'string' ? remedy : remedy());
      expect(found[0]?.message).toMatch(/\S.{20,}/);
    });
  }

  it('docs/cli.md explains every code, with its severity, in this order', () => {
    const text = fs.readFileSync('docs/cli.md', 'utf8');
    const table = text.slice(text.indexOf('### Findings'), text.indexOf('### What cleans'));
    const rows = [...table.matchAll(/^\| `([^`]+)` +\| (\w+) +\| \S/gm)].map((row) => [row[1], row[2]]);
    expect(rows).toEqual(FINDING_CODES.map((code) => [code, PROVOCATIONS[code].severity]));
  });

  it('a name that no directory of boxes bears is none, and a file among the boxes is passed over in silence', () => {
    makeBox(home(), 'b1');
    fs.writeFileSync(path.join(home(), 'boxes/README.txt'), '');
    expect(doctor().map((finding) => finding.code)).toEqual(['binding-missing']);
  });

  it('one cause is one finding: a box without its directory is not told to ensure', () => {
    fs.mkdirSync(path.join(home(), 'boxes/b1'), { recursive: true });
    expect(doctor().map((finding) => finding.code)).toEqual(['box-without-sockets']);
  });

  it('its remedy, pasted, is one: the next examination finds nothing', () => {
    const realDir = bind('b1');
    makeBox(home(), 'b2');
    fs.symlinkSync('/nowhere', path.join(parent(), 'gone'));
    fs.rmdirSync(realDir);
    fs.chmodSync(parent(), 0o755);
    const bin = path.join(test.dir, 'bin');
    fs.mkdirSync(bin);
    const script = `#!/bin/sh\nexec ${process.execPath} ${MAIN} "$@"\n`;
    fs.writeFileSync(path.join(bin, 'boxsockets'), script, { mode: 0o755 });
    const findings = doctor();
    expect(findings.map((finding) => finding.code).sort()).toEqual([
      'binding-missing',
      'binding-stale',
      'box-without-sockets',
      'parent-open',
    ]);
    for (const { remedy } of findings) {
      const pasted = run('sh', ['-c', remedy], { env: { PATH: `${bin}:${process.env.PATH}` } });
      expect(pasted, remedy).toMatchObject({ status: 0, stderr: '' });
    }
    expect(doctor()).toEqual([]);
  });
});
