import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { json, MAIN, makeBox, program, scratch, uid } from '../run.js';

const test = scratch();
const home = () => path.join(test.dir, 'h');
const nodeTruncates = Number.parseInt(process.versions.node, 10) < 24;

function bind(id: string): string {
  const realDir = makeBox(home(), id);
  program(['ensure', id, realDir, '--base', test.base]);
  return realDir;
}

/** Every path below a directory, with its kind, mode and where a link leads. */
function snapshot(dir: string): string[] {
  return fs
    .readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const st = fs.lstatSync(path.join(dir, name));
      const target = st.isSymbolicLink() ? fs.readlinkSync(path.join(dir, name)) : '';
      return `${name} ${st.mode.toString(8)} ${st.ino} ${target}`;
    });
}

describe('doctor --json', () => {
  it('has exactly the documented shape', () => {
    bind('b1');
    const result = program(['doctor', '--json', '--home', home(), '--base', test.base]);
    const report = json(result);
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(Object.keys(report)).toEqual(['ok', 'platform', 'limit', 'base', 'parent', 'cleaner', 'boxes', 'findings']);
    expect(report).toMatchObject({
      ok: true,
      platform: process.platform,
      limit: { declared: 108, measured: 108, portable: 103 },
      base: { path: test.base, state: 'fine', owner: uid, mode: '0700' },
      parent: { path: path.join(test.base, `bl-${uid}`), state: 'fine', owner: uid, mode: '0700' },
      findings: [],
    });
    const [box] = report.boxes;
    expect(Object.keys(box)).toEqual(['id', 'realDir', 'bindingDir', 'binding', 'deadZone', 'sockets']);
    expect(box).toMatchObject({ id: 'b1', binding: { state: 'idle' }, deadZone: false });
    expect(box.sockets.map((socket: { name: string }) => socket.name)).toEqual([
      'box.sock',
      'ready.sock',
      'net.sock',
      'gvproxy-ctl.sock',
      'net.sock-krun.sock',
    ]);
    for (const socket of box.sockets) {
      expect(Object.keys(socket)).toEqual(['name', 'bytes', 'limit', 'fits', 'realBytes', 'realFits', 'probe']);
      expect(socket).toMatchObject({ limit: 104, fits: true, probe: { ok: true } });
    }
  });

  it('exit status 1 and not ok with a warning, 0 and ok with a mere information', () => {
    fs.mkdirSync(home());
    const informed = program(['doctor', '--json', '--home', home(), '--base', test.base]);
    expect([informed.status, json(informed).ok, json(informed).findings[0].severity]).toEqual([0, true, 'info']);
    makeBox(home(), 'b1');
    const warned = program(['doctor', '--json', '--home', home(), '--base', test.base]);
    expect([warned.status, json(warned).ok, json(warned).findings[0].severity]).toEqual([1, false, 'warning']);
  });

  it('--krun changes the names that are counted', () => {
    bind('b1');
    const names = (scheme: string) =>
      json(program(['doctor', '--json', '--home', home(), '--base', test.base, '--krun', scheme])).boxes[0].sockets;
    expect(names('none')).toHaveLength(4);
    expect(names('temp-dir').at(-1).name).toMatch(/^krun-net-/);
  });
});

describe('doctor of a home', () => {
  it('changes nothing: not a file, a mode, a link, and makes no parent', () => {
    makeBox(home(), 'b1');
    program(['doctor', '--home', home(), '--base', test.base]);
    expect(fs.readdirSync(test.base)).toEqual([]);
    bind('b2');
    fs.symlinkSync('/nowhere', path.join(test.base, `bl-${uid}`, 'gone'));
    fs.chmodSync(path.join(test.base, `bl-${uid}`), 0o755);
    const before = snapshot(test.dir);
    program(['doctor', '--home', home(), '--base', test.base]);
    expect(snapshot(test.dir)).toEqual(before);
  });

  it('a relative home is resolved', () => {
    bind('b1');
    const report = json(program(['doctor', '--json', '--home', 'h', '--base', test.base], { cwd: test.dir }));
    expect(report.boxes[0]).toMatchObject({ realDir: path.join(home(), 'boxes/b1/sockets') });
    expect(report.ok).toBe(true);
  });

  it('draws each name against the limit, what fits never touching the mark and what does not crossing it', () => {
    const deep = path.join(test.dir, 'd'.repeat(60));
    const realDir = makeBox(deep, 'b1');
    program(['ensure', 'b1', realDir, '--base', test.base]);
    const { stdout } = program(['doctor', '--home', deep, '--base', test.base], { env: { LC_ALL: 'C.UTF-8' } });
    for (const name of ['box.sock', 'net.sock-krun.sock']) {
      const lines = stdout.split('\n');
      const at = lines.findIndex((line) => line.trim().startsWith(`${name} `));
      expect(lines[at]).toMatch(/━ +│ +\d+ ✓ binds$/);
      expect(lines[at + 1]).toMatch(
        Buffer.byteLength(`${realDir}/${name}`) < 104 ? /directly +━+ *│ +\d+ fits directly$/ : /┿━» +\d+ too long$/,
      );
    }
    expect(stdout).toContain('░');
  });

  it('many boxes: those in order take a line each, the others are drawn', () => {
    for (const id of ['b1', 'b2', 'b3', 'b4']) bind(id);
    makeBox(home(), 'b5');
    const { stdout } = program(['doctor', '--home', home(), '--base', test.base]);
    expect(stdout).toContain('4 boxes in order');
    expect(stdout.match(/^Box /gm)).toEqual(['Box ']);
    expect(stdout).toMatch(/^! 5 boxes checked: 1 warning\.$/m);
  });
});

describe('doctor of a home of many boxes that all have lost their bindings', () => {
  it('draws and tells of a few, counts the others, and lists all with --json', () => {
    for (let i = 0; i < 40; i++) makeBox(home(), `b${i}`);
    const { stdout } = program(['doctor', '--home', home(), '--base', test.base]);
    expect(stdout.match(/^Box /gm)).toHaveLength(6);
    expect(stdout).toContain('34 more boxes not drawn (all of them: --json)');
    expect(stdout.match(/warning {2}binding-missing/g)).toHaveLength(6);
    expect(stdout).toContain('34 more of binding-missing (all of them: --json)');
    expect(stdout).toContain('40 boxes checked: 40 warnings.');
    const report = json(program(['doctor', '--json', '--home', home(), '--base', test.base]));
    expect([report.boxes.length, report.findings.length]).toEqual([40, 40]);
  });

  it('and of as many in order, a line each for thirty', () => {
    for (let i = 0; i < 40; i++) bind(`b${i}`);
    const { stdout } = program(['doctor', '--home', home(), '--base', test.base]);
    expect(stdout).toContain('40 boxes in order');
    expect(stdout).toContain('10 more (all of them: --json)');
  });
});

describe('doctor without a home', () => {
  it('shows the direct bind failing and the bound one working, and leaves nothing', () => {
    const { status, stdout } = program(['doctor', '--base', test.base]);
    expect(status).toBe(0);
    expect(stdout).toContain(nodeTruncates ? '"listening", but at a cut path' : 'fails, EINVAL');
    expect(stdout).toMatch(/through its binding, \d+ bytes: binds/);
    expect(stdout.match(/\+ binds$/gm)).toHaveLength(5);
    expect(fs.readdirSync(test.base)).toEqual([]);
  });

  it('the real directory it makes has 300 bytes, and every name of it binds through the binding alone', () => {
    const report = json(program(['doctor', '--json', '--base', test.base]));
    const [box] = report.boxes;
    expect(Buffer.byteLength(box.realDir)).toBe(300);
    for (const socket of box.sockets)
      expect(socket).toMatchObject({ fits: true, realFits: false, probe: { ok: true } });
  });

  it('leaves a parent that was there, and what is in it', () => {
    bind('b1');
    const before = snapshot(test.base);
    program(['doctor', '--base', test.base]);
    expect(snapshot(test.base)).toEqual(before);
  });

  it('works in a base of any length that leaves room, and finds the cut path in each', () => {
    for (let length = 0; length < 12; length++) {
      const base = path.join(test.dir, 'x'.repeat(length + 1));
      fs.mkdirSync(base, { mode: 0o700 });
      const report = json(program(['doctor', '--json', '--base', base]));
      expect(report.ok).toBe(true);
      const direct = report.findings.find((finding: { code: string }) => finding.code === 'direct-bind');
      expect(direct.message).toContain(nodeTruncates ? 'binds another path, cut to 108 bytes' : 'fails: EINVAL');
      expect(fs.readdirSync(base)).toEqual([]);
    }
  });

  // Whatever it is doing: measuring, making, binding, probing.
  const MOMENTS: [what: string, begun: RegExp][] = [
    ['measuring', /^\.bl-/],
    ['making its home', /^bs-/],
    ['binding', /^bl-/],
  ];

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    it.each(MOMENTS)(`${signal} while it is %s: it removes what it made, and dies of the signal`, async (_, begun) => {
      const child = spawn(process.execPath, [MAIN, 'doctor', '--base', test.base], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const exit = new Promise<[number | null, string | null]>((resolve) => {
        child.once('exit', (...end) => resolve(end));
      });
      const printed: string[] = [];
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => printed.push(String(chunk)));
      while (!fs.readdirSync(test.base).some((name) => begun.test(name)) && child.exitCode === null) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      child.kill(signal);
      const [code, died] = await exit;
      expect(fs.readdirSync(test.base)).toEqual([]);
      // It may have been done, and have said so, before the signal came.
      if (printed.length === 0) expect([code, died]).toEqual([null, signal]);
    });
  }
});
