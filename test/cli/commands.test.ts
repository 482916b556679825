import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { BoxSockets } from '../../dist/index.js';
import { promise } from '../helpers.js';
import { boxsockets, isRoot, json, MAIN, makeBox, NOBODY, run, scratch, uid } from './run.js';

const test = scratch();
const parent = () => path.join(test.base, `bl-${uid}`);
const binding = (id: string) => path.join(parent(), id);
const cli = (...args: string[]) => boxsockets([...args, '--base', test.base]);

describe('ensure', () => {
  it('makes the binding, says where it is, and says unchanged the second time', async () => {
    const realDir = makeBox(test.dir, 'b1');
    expect(await cli('ensure', 'b1', realDir)).toEqual({
      status: 0,
      stdout: `created    ${binding('b1')} -> ${realDir}\n`,
      stderr: '',
    });
    expect(fs.readlinkSync(binding('b1'))).toBe(realDir);
    expect(json(await cli('ensure', 'b1', realDir, '--json'))).toEqual({
      status: 'unchanged',
      bindingDir: binding('b1'),
    });
  });

  it("--uid of another user makes nothing in that user's place", async () => {
    const realDir = makeBox(test.dir, 'b1');
    const { status, stderr } = await cli('ensure', 'b1', realDir, '--uid', '4242');
    expect([status, stderr]).toEqual([2, expect.stringContaining("sudo -u '#4242' boxsockets ensure")]);
    expect(fs.existsSync(path.join(test.base, 'bl-4242'))).toBe(false);
    expect(json(await cli('list', '--uid', '4242', '--json'))).toEqual([]);
  });

  const unshare = ['--user', '--map-root-user'];
  const missing = spawnSync('unshare', [...unshare, 'true']).status === 0 ? null : 'no user namespaces';
  promise(isRoot ? missing : 'not run as root', '--uid of a namespace around names the parent', async () => {
    const realDir = makeBox(test.dir, 'b1');
    const args = ['ensure', 'b1', realDir, '--uid', '4242', '--json', '--base', test.base];
    const { stdout } = spawnSync('unshare', [...unshare, process.execPath, MAIN, ...args], { encoding: 'utf8' });
    expect(JSON.parse(stdout)).toMatchObject({ bindingDir: path.join(test.base, 'bl-4242/b1') });
  });

  it('--takeover replaces the binding of a live box, which is refused without', async () => {
    const [mine, theirs] = [makeBox(test.dir, 'b1'), makeBox(path.join(test.dir, 'h2'), 'b1')];
    await cli('ensure', 'b1', theirs);
    const server = net.createServer().listen(path.join(theirs, 'box.sock'));
    await new Promise((resolve) => server.once('listening', resolve));
    const refused = await cli('ensure', 'b1', mine, '--json');
    expect(refused.status).toBe(1);
    const error = { target: theirs, socket: 'box.sock', judgement: 'alive', pid: process.pid };
    const code = 'ERR_BOX_SOCKETS_BINDING_IN_USE';
    expect(json(refused)).toMatchObject({ ok: false, error: { code, path: binding('b1'), dest: mine, ...error } });
    const said = await cli('ensure', 'b1', mine);
    for (const word of [theirs, "'box.sock'", `process ${process.pid} holds`, '--takeover', code]) {
      expect(said.stderr).toContain(word);
    }
    expect(json(await cli('ensure', 'b1', mine, '--takeover', '--json'))).toMatchObject({ status: 'replaced' });
    server.close();
  });

  it('--dir binds any directory under an id of its path, and of names counts those alone that are given', async () => {
    const dir = path.join(test.dir, 'a project', 'run');
    fs.mkdirSync(dir, { recursive: true });
    const id = BoxSockets.idFor(dir);
    const quiet = await cli('ensure', '--quiet', '--dir', dir, '--name', 'app.sock', '--name', 'a b');
    expect(quiet).toEqual({ status: 0, stdout: `${binding(id)}\n`, stderr: '' });
    expect(fs.readlinkSync(binding(id))).toBe(dir);
    expect(json(await cli('ensure', '--dir', `${dir}/`, '--json'))).toMatchObject({ status: 'unchanged' });
    const tooLong = await cli('ensure', '--dir', dir, '--name', 'x'.repeat(100), '--json');
    expect(json(tooLong)).toMatchObject({ error: { code: 'ERR_BOX_SOCKETS_PATH_TOO_LONG' } });
    for (const args of [[], [dir], ['id', dir, '--dir', dir]]) {
      expect(await cli('ensure', ...args)).toMatchObject({ status: 2, stderr: expect.stringContaining('--dir DIR') });
    }
  });

  it('an error for a person is a line, with its code and what it rests on', async () => {
    const result = await cli('ensure', 'b1', path.join(test.dir, 'missing'));
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toMatch(/^boxsockets: .*missing/);
    expect(result.stderr).toContain('code  ERR_BOX_SOCKETS_REAL_DIR\n');
    expect(result.stderr).toContain('cause ENOENT: no such file or directory');
    expect(result.stderr).not.toMatch(/^\s+at /m);
  });
});

describe('--json on a failing command is one document that holds what the error carries', () => {
  it('a path that is too long: path, length, limit', async () => {
    const base = path.join(test.dir, 'long'.repeat(20));
    fs.mkdirSync(base, { mode: 0o700 });
    const result = await boxsockets(['ensure', 'b1', makeBox(test.dir, 'b1'), '--base', base, '--json']);
    const file = path.join(base, `bl-${uid}`, 'b1', 'net.sock-krun.sock');
    expect(result).toMatchObject({ status: 1, stderr: '' });
    expect(json(result)).toMatchObject({
      ok: false,
      error: { code: 'ERR_BOX_SOCKETS_PATH_TOO_LONG', path: file, length: file.length, limit: 104 },
    });
    expect(fs.readdirSync(base)).toEqual([]);
  });

  it('a missing directory: code, path, and its cause with syscall and errno', async () => {
    const realDir = path.join(test.dir, 'missing');
    const { error } = json(await cli('ensure', 'b1', realDir, '--json'));
    expect(error).toMatchObject({
      code: 'ERR_BOX_SOCKETS_REAL_DIR',
      path: realDir,
      cause: { code: 'ENOENT', errno: -2 },
    });
  });

  it('an entry that is no symlink, for ensure', async () => {
    fs.mkdirSync(binding('b1'), { recursive: true });
    fs.chmodSync(parent(), 0o700);
    const { error } = json(await cli('ensure', 'b1', makeBox(test.dir, 'b1'), '--json'));
    expect(error).toMatchObject({ code: 'ERR_BOX_SOCKETS_NOT_A_SYMLINK', path: binding('b1') });
  });

  it.each([['ensure', 'b1', '/'], ['remove', 'b1', '/'], ['list'], ['sweep']])(
    'a parent that is a file, for %s',
    async (...command) => {
      fs.writeFileSync(parent(), '');
      const result = await cli(...command, '--json');
      expect(result).toMatchObject({ status: 1, stderr: '' });
      expect(json(result)).toMatchObject({
        ok: false,
        error: { code: 'ERR_BOX_SOCKETS_PARENT_NOT_DIRECTORY', path: parent() },
      });
    },
  );

  it('a probe that fails reports, for probe', async () => {
    const result = await boxsockets(['probe', path.join(test.dir, 'none/s.sock'), '--json']);
    expect(result).toMatchObject({ status: 1, stderr: '' });
    expect(json(result)).toMatchObject({ ok: false, code: 'ENOENT', syscall: expect.any(String) });
  });

  it('a file that is not there, for pin', async () => {
    const result = await boxsockets(['pin', path.join(test.dir, 'none'), '--json']);
    expect(result).toMatchObject({ status: 1, stderr: '' });
    expect(json(result)).toMatchObject({ ok: false, error: { code: 'ENOENT' } });
  });

  it.runIf(isRoot)("a parent of another user's: owner and expected (needs root)", async () => {
    fs.mkdirSync(parent(), { mode: 0o700 });
    fs.chownSync(parent(), NOBODY.uid, NOBODY.gid);
    const { error } = json(await cli('list', '--json'));
    expect(error).toMatchObject({ code: 'ERR_BOX_SOCKETS_PARENT_FOREIGN', owner: NOBODY.uid, expected: uid });
  });
});

describe('remove', () => {
  it('removes its own, tells an absent one, and leaves a foreign one: exit status 1', async () => {
    const [mine, theirs] = [makeBox(test.dir, 'b1'), makeBox(path.join(test.dir, 'h2'), 'b1')];
    expect(json(await cli('remove', 'b1', mine, '--json'))).toEqual({ status: 'absent' });
    await cli('ensure', 'b1', theirs);
    const foreign = await cli('remove', 'b1', mine);
    expect(foreign.status).toBe(1);
    expect(foreign.stdout).toContain('was left alone');
    expect(await cli('remove', 'b1', theirs)).toMatchObject({ status: 0, stdout: `${binding('b1')}  removed\n` });
  });
});

describe('list and sweep', () => {
  it('list shows each binding with its state; an empty parent and a missing one say so', async () => {
    expect((await cli('list')).stdout).toBe('No bindings.\n');
    expect(json(await cli('list', '--json'))).toEqual([]);
    const realDir = makeBox(test.dir, 'b1');
    await cli('ensure', 'b1', realDir);
    fs.symlinkSync('/nowhere', binding('b2'));
    const { stdout } = await cli('list');
    expect(stdout).toMatch(new RegExp(`^b1 +idle +0/0 +${realDir}$`, 'm'));
    expect(stdout).toMatch(/^b2 +dangling +0\/0 +\/nowhere$/m);
    expect(json(await cli('list', '--json'))).toEqual([
      { id: 'b1', target: realDir, state: 'idle', sockets: [] },
      { id: 'b2', target: '/nowhere', state: 'dangling', sockets: [] },
    ]);
  });

  it('a name or target with control characters cannot drive the terminal', async () => {
    fs.mkdirSync(parent(), { mode: 0o700 });
    fs.symlinkSync('/no\u001b[2Jwhere', binding('b\u001b]0;x\u0007'));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect((await cli('list')).stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
    expect((await cli('list')).stdout).toContain('/no\\x1b[2Jwhere');
  });

  it('sweep --dry-run says what would go and removes nothing; sweep does; what is unclear stays, exit status 1', async () => {
    await cli('ensure', 'b1', makeBox(test.dir, 'b1'));
    fs.symlinkSync('/nowhere', binding('b2'));
    expect((await cli('sweep', '--dry-run')).stdout).toBe('would remove  b2\n2 bindings: 1 to remove, 1 kept\n');
    expect(fs.readdirSync(parent())).toContain('b2');
    expect(json(await cli('sweep', '--json'))).toEqual({ removed: ['b2'], kept: 1, skipped: [] });
    fs.symlinkSync('b3', binding('b3'));
    const unclear = await cli('sweep');
    expect(unclear).toMatchObject({ status: 1, stdout: expect.stringContaining('skipped  b3  (ELOOP)') });
  });
});

describe('probe', () => {
  it('says that a socket binds, with its bytes', async () => {
    const file = path.join(test.dir, 's.sock');
    const result = await boxsockets(['probe', file]);
    expect(result).toMatchObject({ status: 0, stdout: `+ binds  stream  ${file.length} of 108 bytes  ${file}\n` });
    expect(json(await boxsockets(['probe', file, '--type', 'dgram', '--json']))).toMatchObject({
      ok: true,
      type: 'dgram',
    });
    expect(fs.readdirSync(test.dir)).toEqual(['b']);
  });

  it('says why one does not, and what Node would make of it', async () => {
    const result = await boxsockets(['probe', path.join(test.dir, 'x'.repeat(150))]);
    expect(result.status).toBe(1);
    expect(result.stdout).toContain('x ENAMETOOLONG');
    const truncates = Number.parseInt(process.versions.node, 10) < 24;
    expect(result.stdout.includes('binds a cut path here without a word')).toBe(truncates);
  });
});

describe('policy', () => {
  it('is the same whether or not the box exists, in each format', async () => {
    const realDir = path.join(test.dir, 'boxes/b1/sockets');
    const all = () =>
      Promise.all(['json', 'seatbelt', 'bwrap'].map((format) => cli('policy', 'b1', realDir, '--format', format)));
    const before = await all();
    makeBox(test.dir, 'b1');
    await cli('ensure', 'b1', realDir);
    expect(await all()).toEqual(before);
    expect(before.map((result) => result.status)).toEqual([0, 0, 0]);
    expect(json(before[0] as never)).toEqual([
      { path: realDir, writable: true, kind: 'directory' },
      { path: binding('b1'), writable: true, kind: 'directory', linkTo: realDir },
      { path: parent(), writable: false, kind: 'directory' },
    ]);
    expect(before[1]?.stdout).toMatch(/^\(version 1\)/);
  });

  it('with --json each format is one document', async () => {
    const policy = async (format: string) => json(await cli('policy', 'b1', '/d', '--format', format, '--json'));
    expect(await policy('seatbelt')).toEqual({ format: 'seatbelt', profile: expect.stringContaining('(version 1)') });
    expect(await policy('bwrap')).toEqual({ format: 'bwrap', args: expect.arrayContaining(['--symlink', '/d']) });
    expect(Array.isArray(await policy('json'))).toBe(true);
  });

  const bwrap = run('sh', ['-c', 'bwrap --ro-bind / / true']).status === 0;

  it.skipIf(!bwrap)(
    'the bwrap form, pasted into a shell, runs in a sandbox that works (needs bubblewrap)',
    async () => {
      const realDir = makeBox(path.join(test.dir, "it's deep"), 'b1');
      const { stdout } = await cli('policy', 'b1', realDir, '--format', 'bwrap');
      const inside = `cd ${binding('b1')} && touch here; ls ${parent()}; touch /elsewhere 2>&1 | grep -c Read-only`;
      const pasted = run('sh', ['-c', stdout], { input: inside });
      expect(pasted).toEqual({ status: 0, stdout: 'b1\n1\n', stderr: '' });
      expect(fs.readdirSync(realDir)).toEqual(['here']);
    },
  );
});

describe('output', () => {
  it('a reader that leaves early is no failure', async () => {
    for (let i = 0; i < 1200; i++) {
      if (i === 0) await cli('ensure', 'b0', makeBox(test.dir, 'b0'));
      else fs.symlinkSync(`/nowhere/${'x'.repeat(60)}`, binding(`b${i}`));
    }
    const script = '"$0" "$1" list --base "$2"; echo "status $?" >&2';
    const result = run('sh', ['-c', `(${script}) | head -1`, process.execPath, MAIN, test.base]);
    expect(result).toMatchObject({ stdout: expect.stringMatching(/^ID/), stderr: 'status 0\n' });
  });
});

describe('pin', () => {
  const source = (scheme: string) => path.resolve('test/fixtures/krun', scheme);

  it.each(['none', 'suffix', 'temp-dir'])('tells the scheme of sources: %s', async (scheme) => {
    expect(json(await boxsockets(['pin', source(scheme), '--json']))).toMatchObject({ scheme });
    const { status, stdout } = await boxsockets(['pin', source(scheme), '--expect', scheme]);
    expect(status).toBe(0);
    expect(stdout).toMatch(new RegExp(`^scheme   ${scheme}$`, 'm'));
    expect(stdout).toMatch(/\.rs:\d+$/m);
  });

  it('another scheme than the expected one: exit status 1, what was found, and where', async () => {
    const args = ['pin', source('suffix'), '--expect', 'temp-dir'];
    const { status, stderr } = await boxsockets(args);
    expect(status).toBe(1);
    expect(stderr).toContain("expected 'temp-dir'");
    expect(stderr).toMatch(/^ {2}\S*unixgram\.rs:\d+: /m);
    expect(json(await boxsockets([...args, '--json'])).error.code).toBe('ERR_BOX_SOCKETS_VENDOR_PIN');
  });

  it('one that cannot be told: exit status 1', async () => {
    expect(json(await boxsockets(['pin', path.resolve('test/fixtures/krun'), '--json']))).toMatchObject({
      scheme: 'ambiguous',
    });
    const unknown = await boxsockets(['pin', source('library')]);
    expect(unknown).toMatchObject({ status: 1, stdout: expect.stringContaining('scheme   unknown') });
  });

  it('tells a binary by its first bytes, whatever its name', async () => {
    const file = path.join(test.dir, 'libkrun.rs');
    fs.copyFileSync('/bin/sh', file);
    // As a source it would be refused, for it is no text.
    expect(json(await boxsockets(['pin', file, '--json']))).toMatchObject({ scheme: 'unknown', evidence: [] });
  });

  it('a fifo is refused, and never blocks', async () => {
    const fifo = path.join(test.dir, 'fifo');
    run('mkfifo', [fifo]);
    expect(await boxsockets(['pin', fifo])).toMatchObject({ status: 1, stdout: '' });
  });
});
