import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bubblewrapArgs, type PathAccess } from '../../dist/sandbox/index.js';
import { makeBox, type SandboxBox } from './box.js';
import { bwrapMissing, landlockSource, nobody, runScriptInBwrap, runShim, self, type User } from './run.js';

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
const helper = path.join(directory, 'landlock');
const missing = build();
fs.chmodSync(directory, 0o755);
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

/** Compiles the helper; says why there is no Landlock to test with. */
function build(): string | null {
  if (process.platform !== 'linux') return 'not Linux';
  const compiled = spawnSync('gcc', ['-O1', '-Wall', '-Wextra', '-Werror', '-o', helper, landlockSource], {
    encoding: 'utf8',
  });
  if (compiled.error !== undefined) return 'no gcc';
  if (compiled.stderr.includes('landlock.h: No such file')) return 'no linux/landlock.h';
  if (compiled.status !== 0) throw new Error(compiled.stderr);
  return spawnSync(helper, ['--abi']).status === 0 ? null : 'this kernel has no Landlock';
}

/** Landlock rules that are the policy, and beside it what python3 and the program file need. */
function landlock(user: User, box: SandboxBox, paths: readonly PathAccess[]): string[] {
  const system = ['/usr', '/bin', '/lib', '/lib64', '/etc', '/proc', '/dev', box.shim];
  return [
    ...user.prefix,
    helper,
    ...system.filter((file) => fs.existsSync(file)).flatMap((file) => ['--ro', file]),
    ...paths.flatMap((rule) => [rule.writable ? '--rw' : '--ro', rule.path]),
    '--',
  ];
}

describe.each([self, ...(self.uid === 0 ? [nobody] : [])])('under Landlock, as $name', (user) => {
  const promise = (name: string, test: () => void | Promise<void>): void =>
    it.skipIf(missing !== null)(missing === null ? name : `${name} (skipped: ${missing})`, test);
  let box: SandboxBox;

  beforeEach(() => {
    box = makeBox(user.uid);
  });
  afterEach(() => box.remove());

  promise('a shim binds and dials through the binding, and writes nowhere else', () => {
    const writes = [
      `${box.binding}/written`,
      `${box.other.binding}/written`,
      `${box.other.real}/written`,
      `${box.parent}/b3`,
      `${box.home}/elsewhere`,
      `${box.directory}/elsewhere`,
      '/tmp/elsewhere',
    ];
    const reads = [box.other.real, box.other.binding, box.outside, path.dirname(box.home)];
    const command = [...landlock(user, box, box.policyPaths()), 'python3', box.shim];
    const report = runShim(command, box, { writes, reads });

    expect(report).toMatchObject({ stream: 'ok', datagram: 'ok', sameDirectory: true, unlinkBinding: 'EACCES' });
    expect(report.direct).toContain('too long');
    const [own, ...elsewhere] = writes.map((file) => report.writes[file]);
    expect(own).toBe('ok');
    expect(elsewhere).toEqual(elsewhere.map(() => 'EACCES'));
    expect(Object.values(report.reads)).toEqual(reads.map(() => 'EACCES'));
    expect(fs.readdirSync(box.real).sort()).toEqual(['box.sock', 'net.sock-krun.sock', 'written']);
    expect(fs.lstatSync(path.join(box.real, 'box.sock')).isSocket()).toBe(true);
    expect(fs.readdirSync(box.other.real)).toEqual([]);
    expect(fs.existsSync('/tmp/elsewhere')).toBe(false);
  });

  promise('the proof can fail: without the real directory and the binding the shim cannot bind', () => {
    const parentOnly = box.policyPaths().filter((rule) => !rule.writable);
    const report = runShim([...landlock(user, box, parentOnly), 'python3', box.shim], box, {});
    expect(report).toMatchObject({ stream: 'EACCES', datagram: 'EACCES' });
  });

  promise(
    'what it does not do, as the docs say: hide names, keep from dialing, narrow what is granted above',
    async () => {
      const inner = path.join(box.home, 'tmp', 'inner');
      fs.mkdirSync(inner);
      fs.chownSync(inner, user.uid, user.uid);
      const socket = `${box.other.binding}/box.sock`;
      const server = net.createServer().listen(socket);
      await once(server, 'listening');
      fs.chmodSync(socket, 0o666);
      try {
        const paths: PathAccess[] = [
          ...box.policyPaths(),
          { path: path.dirname(inner), writable: true, kind: 'directory' },
          { path: inner, writable: false, kind: 'directory' },
        ];
        const command = [...landlock(user, box, paths), 'python3', box.shim];
        const report = runShim(command, box, { writes: [`${inner}/x`], dials: [socket] });
        expect(report.parentEntries).toEqual(['b1', 'b2']);
        expect(report.dials[socket]).toBe('ok');
        expect(report.writes[`${inner}/x`]).toBe('ok');
      } finally {
        server.close();
      }
    },
  );

  const inBwrap = missing ?? bwrapMissing(user);
  it.skipIf(inBwrap !== null)(
    `both together: Landlock finds its paths inside bubblewrap${inBwrap === null ? '' : ` (skipped: ${inBwrap})`}`,
    () => {
      const paths = box.policyPaths();
      const args = ['--ro-bind', helper, '/landlock', ...bubblewrapArgs(paths)];
      const rules = paths.map((rule) => `${rule.writable ? '--rw' : '--ro'} ${rule.path}`).join(' ');
      const script = `/landlock --ro /usr --ro /lib --ro /lib64 --ro /bin ${rules} -- touch ${box.binding}/written`;
      runScriptInBwrap(user, args, script);
      expect(fs.readdirSync(box.real)).toEqual(['written']);
    },
  );
});
