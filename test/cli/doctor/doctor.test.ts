import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { FINDINGS } from '../../../dist/cli/doctor/doctor-report.js';
import { boxsockets, json, makeBox, program, scratch, uid } from '../run.js';

const test = scratch();
const home = () => path.join(test.dir, 'h');
const nodeTruncates = Number.parseInt(process.versions.node, 10) < 24;

async function bind(id: string): Promise<string> {
  const realDir = makeBox(home(), id);
  await boxsockets(['ensure', id, realDir, '--base', test.base]);
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
  it('has exactly the documented shape', async () => {
    await bind('b1');
    const result = await boxsockets(['doctor', '--json', '--home', home(), '--base', test.base]);
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

  it('exit status 1 and not ok with a warning, 0 and ok with a mere information', async () => {
    fs.mkdirSync(path.join(home(), 'boxes'), { recursive: true });
    const informed = await boxsockets(['doctor', '--json', '--home', home(), '--base', test.base]);
    expect([informed.status, json(informed).ok, json(informed).findings[0].severity]).toEqual([0, true, 'info']);
    makeBox(home(), 'b1');
    const warned = await boxsockets(['doctor', '--json', '--home', home(), '--base', test.base]);
    expect([warned.status, json(warned).ok, json(warned).findings[0].severity]).toEqual([1, false, 'warning']);
  });

  it('--krun changes the names that are counted', async () => {
    await bind('b1');
    const names = async (scheme: string) =>
      json(await boxsockets(['doctor', '--json', '--home', home(), '--base', test.base, '--krun', scheme])).boxes[0]
        .sockets;
    expect(await names('none')).toHaveLength(4);
    expect((await names('temp-dir')).at(-1).name).toMatch(/^krun-net-/);
  });
});

describe('doctor of a home', () => {
  it('changes nothing: not a file, a mode, a link, and makes no parent', async () => {
    makeBox(home(), 'b1');
    await boxsockets(['doctor', '--home', home(), '--base', test.base]);
    expect(fs.readdirSync(test.base)).toEqual([]);
    await bind('b2');
    fs.symlinkSync('/nowhere', path.join(test.base, `bl-${uid}`, 'gone'));
    fs.chmodSync(path.join(test.base, `bl-${uid}`), 0o755);
    const before = snapshot(test.dir);
    await boxsockets(['doctor', '--home', home(), '--base', test.base]);
    expect(snapshot(test.dir)).toEqual(before);
  });

  it('a relative home is resolved', async () => {
    await bind('b1');
    const report = json(program(['doctor', '--json', '--home', 'h', '--base', 'b'], { cwd: test.dir }));
    expect(report.boxes[0]).toMatchObject({ realDir: path.join(home(), 'boxes/b1/sockets') });
    expect(report.ok).toBe(true);
  });

  it('draws each name against the limit, what fits never touching the mark and what does not crossing it', async () => {
    const deep = path.join(test.dir, 'd'.repeat(60));
    const realDir = makeBox(deep, 'b1');
    await boxsockets(['ensure', 'b1', realDir, '--base', test.base]);
    const args = ['doctor', '--verbose', '--home', deep, '--base', test.base];
    const { stdout } = await boxsockets(args, { env: { LC_ALL: 'C.UTF-8' } });
    for (const name of ['box.sock', 'net.sock-krun.sock']) {
      const lines = stdout.split('\n');
      const at = lines.findIndex((line) => line.trim().startsWith(`${name} `));
      expect(lines[at]).toMatch(/━ +│ +\d+ ✓ binds$/);
      expect(lines[at + 1]).toMatch(
        Buffer.byteLength(`${realDir}/${name}`) < 104 ? /directly +━+ *│ +\d+ fits$/ : /┿━» +\d+ too long$/,
      );
    }
    expect(stdout).toContain('░');
  });

  it('of many boxes, those that are not in order have a line each, and of the others twenty', async () => {
    for (let i = 0; i < 30; i++) await bind(`b${i}`);
    for (let i = 30; i < 40; i++) makeBox(home(), `b${i}`);
    const { stdout } = await boxsockets(['doctor', '--home', home(), '--base', test.base]);
    expect(stdout).toMatch(/^! 10 of 40 boxes not in order: 1 warning\.\n/);
    expect(stdout.match(/^ok /gm)).toHaveLength(20);
    expect(stdout.match(/^lost /gm)).toHaveLength(10);
    expect(stdout).toContain('10 more in order (all of them: --verbose, --json)');
    expect(stdout).toContain('# 4 more lines: --verbose, --json');
    const report = json(await boxsockets(['doctor', '--json', '--home', home(), '--base', test.base]));
    expect([report.boxes.length, report.findings.length]).toEqual([40, 1]);
    expect(report.findings[0].remedy.split('\n')).toHaveLength(10);
  });

  it('--quiet prints the verdict alone', async () => {
    await bind('b1');
    const result = await boxsockets(['doctor', '--quiet', '--home', home(), '--base', test.base]);
    expect(result).toEqual({ status: 0, stdout: '+ All is well: 1 box checked.\n', stderr: '' });
  });

  it('a directory of sockets behind a link is judged by what it leads to', async () => {
    const realDir = await bind('b1');
    fs.renameSync(realDir, `${realDir}.real`);
    fs.symlinkSync(`${realDir}.real`, realDir);
    const report = json(await boxsockets(['doctor', '--json', '--home', home(), '--base', test.base]));
    expect(report).toMatchObject({ ok: true, findings: [] });
  });

  it('a name with controls drives neither the terminal nor what reads the document', async () => {
    await bind('b1');
    fs.mkdirSync(path.join(home(), 'boxes/b\u001b[2J\u009b\u202e'));
    fs.symlinkSync('/no\u001b[2J\u202ewhere', path.join(test.base, `bl-${uid}`, 'gone\u009b'));
    const args = ['doctor', '--home', home(), '--base', test.base];
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    const controls = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;
    for (const more of [[], ['--verbose'], ['--json']]) {
      expect((await boxsockets([...args, ...more])).stdout).not.toMatch(controls);
    }
    expect(json(await boxsockets([...args, '--json'])).findings[0].message).toContain('\u001b');
  });
});

describe('doctor without a home', () => {
  it('shows the direct bind failing and the bound one working, and leaves nothing', async () => {
    const { status, stdout } = await boxsockets(['doctor', '--base', test.base]);
    expect(status).toBe(0);
    expect(stdout).toContain(nodeTruncates ? '"listening", but at a cut path' : 'fails, EINVAL');
    expect(stdout).toMatch(/through its binding, \d+ bytes: binds/);
    expect(stdout).toMatch(/^ok +self-check {2}idle/m);
    expect(fs.readdirSync(test.base)).toEqual([]);
  });

  it('the real directory it makes has 300 bytes, and every name of it binds through the binding alone', async () => {
    const report = json(await boxsockets(['doctor', '--json', '--base', test.base]));
    const [box] = report.boxes;
    expect(Buffer.byteLength(box.realDir)).toBe(300);
    for (const socket of box.sockets)
      expect(socket).toMatchObject({ fits: true, realFits: false, probe: { ok: true } });
  });

  it('leaves a parent that was there, and what is in it', async () => {
    await bind('b1');
    const before = snapshot(test.base);
    await boxsockets(['doctor', '--base', test.base]);
    expect(snapshot(test.base)).toEqual(before);
  });
});

describe('docs/cli.md', () => {
  it('explains every finding, with its severity, in the order of the list', () => {
    const text = fs.readFileSync('docs/cli.md', 'utf8');
    const table = text.slice(text.indexOf('### Findings'), text.indexOf('### What cleans'));
    const rows = [...table.matchAll(/^\| `([^`]+)` +\| (\w+) +\| \S/gm)].map((row) => [row[1], row[2]]);
    expect(rows).toEqual(Object.entries(FINDINGS));
  });
});
