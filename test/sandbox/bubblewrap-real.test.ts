import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bubblewrapArgs, buildPathAccess, type PathAccess, shellQuote } from '../../dist/sandbox/index.js';
import { makeBox, type SandboxBox } from './box.js';
import { bwrapMissing, nobody, run, runInBwrap, runScriptInBwrap, self } from './run.js';

const skipNote = (reason: string | null): string => (reason === null ? '' : ` (skipped: ${reason})`);
const users = [self, ...(self.uid === nobody.uid ? [] : [nobody])];

/** The processes that sleep for that long, which nobody else does. */
function sleepers(mark: string): number[] {
  const pids = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const commandOf = (pid: string): string => {
    try {
      return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    } catch {
      return '';
    }
  };
  return pids.filter((pid) => commandOf(pid) === `/usr/bin/sleep\0${mark}\0`).map(Number);
}

describe.each(users)('in bubblewrap, as $name', (user) => {
  const missing = bwrapMissing(user);
  const promise = (name: string, test: () => void): void =>
    it.skipIf(missing !== null)(`${name}${skipNote(missing)}`, test);
  let box: SandboxBox;

  beforeEach(() => {
    box = makeBox(user.uid);
  });
  afterEach(() => box.remove());

  const expectProof = (args: readonly string[]): void => {
    const writes = [
      `${box.binding}/written`,
      `${box.parent}/b3`,
      `${box.directory}/elsewhere`,
      `${box.outside}/elsewhere`,
      `${box.home}/elsewhere`,
      '/elsewhere',
      '/tmp/elsewhere',
      '/usr/elsewhere',
    ];
    const reads = [box.other.real, box.other.binding, box.outside, path.dirname(box.home)];
    const dials = [`${box.other.binding}/box.sock`, `${box.other.real}/box.sock`];
    const report = runInBwrap(user, args, box, { writes, reads, dials });

    expect(report.stream).toBe('ok');
    expect(report.datagram).toBe('ok');
    expect(report.direct).toContain('too long');
    expect(report.sameDirectory).toBe(true);
    expect(report.parentMode).toBe('0o40700');
    expect(report.parentEntries).toEqual(['b1']);
    expect(report.unlinkBinding).toBe('EROFS');
    const [own, ...elsewhere] = writes.map((file) => report.writes[file]);
    expect(own).toBe('ok');
    for (const code of elsewhere) expect(['EROFS', 'ENOENT']).toContain(code);
    expect(Object.values(report.dials)).toEqual(['ENOENT', expect.stringContaining('too long')]);
    expect(report.reads).toEqual({
      [box.other.real]: 'ENOENT',
      [box.other.binding]: 'ENOENT',
      [box.outside]: 'ENOENT',
      [path.dirname(box.home)]: ['b1'],
    });
    expect(fs.readdirSync(box.real).sort()).toEqual(['box.sock', 'net.sock-krun.sock', 'written']);
    expect(fs.lstatSync(path.join(box.real, 'box.sock')).isSocket()).toBe(true);
    expect(fs.existsSync('/tmp/elsewhere')).toBe(false);
  };

  promise('a shim binds and dials through the binding, sees no other box, and writes nowhere else', () => {
    expectProof(bubblewrapArgs(box.policyPaths()));
  });

  promise('the same with the binding missing on the host', () => {
    fs.rmSync(box.binding);
    expectProof(bubblewrapArgs(box.policyPaths()));
    expect(fs.existsSync(box.binding)).toBe(false);
  });

  promise('the same with the whole parent missing on the host', () => {
    fs.rmSync(box.parent, { recursive: true });
    expectProof(bubblewrapArgs(box.policyPaths()));
    expect(fs.existsSync(box.parent)).toBe(false);
  });

  promise("the same with the policy's entries in the opposite order, or its parent not listed", () => {
    const [real, binding] = box.policyPaths() as [PathAccess, PathAccess];
    const args = bubblewrapArgs([binding, real]);
    expect(args).toEqual(bubblewrapArgs(box.policyPaths().reverse()));
    expectProof(args);
  });

  promise('other bindings stay out of sight where the host binds the whole base, and are left as they are', () => {
    const args = ['--ro-bind', box.directory, box.directory, ...bubblewrapArgs(box.policyPaths())];
    expect(runScriptInBwrap(user, args, `ls -A ${box.parent}`)).toBe('b1\n');
    const writable = bubblewrapArgs([{ path: box.directory, writable: true, kind: 'directory' }, ...box.policyPaths()]);
    expect(runScriptInBwrap(user, writable, `ls -A ${box.parent}`)).toBe('b1\n');
    expect(fs.readdirSync(box.parent)).toEqual(['b1', 'b2']);
    expect(fs.readlinkSync(box.other.binding)).toBe(box.other.real);
  });

  promise('a home that is reached through a symlink is bound as the directory that it leads to', () => {
    const short = path.join(box.directory, 'short');
    fs.symlinkSync(box.home, short);
    const sockets = path.join(short, 'sockets');
    const args = bubblewrapArgs([
      { path: sockets, writable: true, kind: 'directory' },
      { path: box.binding, writable: true, kind: 'directory', linkTo: sockets },
      { path: box.parent, writable: false, kind: 'directory' },
    ]);
    const report = runInBwrap(user, args, { ...box, real: sockets });
    expect(report).toMatchObject({ stream: 'ok', datagram: 'ok', sameDirectory: true, parentEntries: ['b1'] });
    expect(fs.readdirSync(box.real)).toContain('box.sock');
  });

  promise('of directories within each other, the deepest entry decides, whichever was listed first', () => {
    const inner = path.join(box.outside, 'inner');
    const innermost = path.join(inner, 'innermost');
    fs.mkdirSync(innermost, { recursive: true });
    fs.chownSync(inner, user.uid, user.uid);
    fs.chownSync(innermost, user.uid, user.uid);
    const tryAll = `for d in ${box.outside} ${inner} ${innermost}; do touch $d/x 2>/dev/null && echo rw || echo ro; done`;
    const policy = (outer: boolean): PathAccess[] => [
      ...box.policyPaths(),
      { path: box.outside, writable: outer, kind: 'directory' },
      { path: inner, writable: !outer, kind: 'directory' },
      { path: innermost, writable: outer, kind: 'directory' },
    ];
    for (const outer of [true, false]) {
      const expected = (outer ? ['rw', 'ro', 'rw'] : ['ro', 'rw', 'ro']).join('\n');
      expect(runScriptInBwrap(user, bubblewrapArgs(policy(outer)), tryAll).trim()).toBe(expected);
      expect(runScriptInBwrap(user, bubblewrapArgs(policy(outer).reverse()), tryAll).trim()).toBe(expected);
    }
  });

  promise('a whole box works: its directories and volumes, a single file among them', () => {
    const file = path.join(box.outside, 'one file');
    fs.writeFileSync(file, 'content');
    fs.chmodSync(file, 0o666);
    fs.writeFileSync(path.join(box.outside, 'neighbour'), '');
    const paths = buildPathAccess({ boxHome: box.home, sockets: box }, [
      { hostPath: file, readOnly: true, kind: 'file' },
    ]);
    const writable = ['tmp', 'disks', 'shared', 'logs'].map((name) => `${box.home}/${name}/x`);
    const refused = [`${box.home}/bin/x`, `${box.home}/x`, file];
    const task = { writes: [...writable, ...refused], reads: [box.outside] };
    const report = runInBwrap(user, bubblewrapArgs(paths), box, task);
    expect(writable.map((name) => report.writes[name])).toEqual(['ok', 'ok', 'ok', 'ok']);
    expect(refused.map((name) => report.writes[name])).toEqual(['EROFS', 'EROFS', 'EROFS']);
    expect(report.reads[box.outside]).toEqual(['one file']);
    expect(report.stream).toBe('ok');
  });

  // The overflow uid is every unmapped user's in a namespace, so the core has an owner prove itself by a chmod.
  const unproven = user.uid === nobody.uid ? 'uid 65534 must write to prove that the parent is its own' : null;
  it.skipIf(missing !== null || unproven !== null)(
    `a BoxSockets inside finds its binding in order, and every name of it binds${skipNote(missing ?? unproven)}`,
    () => {
      const root = path.join(__dirname, '..', '..');
      const code = [
        `const { BoxSockets } = require('/boxsockets/dist/index.js');`,
        `const box = new BoxSockets('b1', '${box.real}', { base: '${box.directory}' });`,
        'console.log(JSON.stringify([box.ensureSync().status, box.probeSync().ok]));',
      ].join('\n');
      const args = [
        ...['--ro-bind', process.execPath, '/node'],
        ...['dist', 'prebuilds', 'build'].flatMap((name) => [
          ...['--ro-bind-try', path.join(root, name), `/boxsockets/${name}`],
        ]),
        ...bubblewrapArgs(box.policyPaths()),
      ];
      // Not the host's link: it is gone, and the sandbox has its own.
      fs.rmSync(box.binding);
      expect(runScriptInBwrap(user, args, shellQuote(['/node', '-e', code]))).toBe('["unchanged",true]\n');
      expect(fs.readdirSync(box.real)).toEqual([]);
    },
  );

  it.skipIf(missing !== null).each([true, false])(
    `killed, it leaves nothing alive where unsharePid and dieWithParent are %s${skipNote(missing)}`,
    async (isOn) => {
      const mark = `314.${Math.floor(Math.random() * 1e9)}`;
      const args = bubblewrapArgs(box.policyPaths(), { unsharePid: isOn, dieWithParent: isOn });
      const system = [
        '--ro-bind',
        '/usr',
        '/usr',
        '--ro-bind-try',
        '/lib',
        '/lib',
        '--ro-bind-try',
        '/lib64',
        '/lib64',
      ];
      const [program = 'bwrap', ...rest] = [...user.prefix, 'bwrap', ...system, ...args, '--', '/usr/bin/sleep', mark];
      const outer = spawn(program, rest, { stdio: 'ignore' });
      await expect.poll(() => sleepers(mark).length).toBe(1);
      outer.kill('SIGKILL');
      if (isOn) await expect.poll(() => sleepers(mark)).toEqual([]);
      else for (const pid of sleepers(mark)) process.kill(pid, 'SIGKILL');
    },
  );

  promise('the arguments, quoted, can be pasted into a shell', () => {
    const odd = path.join(box.outside, 'it\'s "a" $(volume)');
    fs.mkdirSync(odd);
    fs.writeFileSync(path.join(odd, 'seen'), '');
    const paths: PathAccess[] = [...box.policyPaths(), { path: odd, writable: false, kind: 'directory' }];
    const system = ['--ro-bind', '/usr', '/usr', '--ro-bind-try', '/lib', '/lib', '--ro-bind-try', '/lib64', '/lib64'];
    const line = shellQuote([...user.prefix, 'bwrap', ...system, ...bubblewrapArgs(paths), '--', '/usr/bin/ls', odd]);
    expect(run(['sh', '-c', line])).toBe('seen\n');
  });
});
