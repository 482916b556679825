// The examination as a whole: its steps, their order, what is told and what is not; and the check without a home.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { DoctorRequest } from '../../../dist/cli/doctor/doctor-report.js';
import { examine } from '../../../dist/cli/doctor/examine.js';
import { Interruption } from '../../../dist/cli/doctor/interruption.js';
import { runSelfCheck } from '../../../dist/cli/doctor/self-check.js';
import type { Output } from '../../../dist/cli/output.js';
import { BoxSockets } from '../../../dist/index.js';
import { coded, nodeChildProcess, nodeFs, restoreAfterEach, syncBuiltinESMExports } from '../../helpers/builtins.js';
import { makeBox, scratch } from '../run.js';

const test = scratch();
const me = process.geteuid?.() ?? 0;
const home = () => path.join(test.dir, 'h');
const parent = () => path.join(test.base, `bl-${me}`);
const request = (changes: Partial<DoctorRequest> = {}): DoctorRequest => {
  return { home: home(), base: test.base, uid: me, krun: null, names: [], ...changes };
};

beforeEach(() => {
  // No program of the machine, and so no cleaner of it.
  vi.stubEnv('PATH', '/nowhere');
});

restoreAfterEach();

async function examined(changes: Partial<DoctorRequest> = {}, interruption = new Interruption()) {
  const steps: string[] = [];
  const output = { progress: (text: string) => void steps.push(text) } as unknown as Output;
  try {
    const { report, selfCheck } = await examine(request(changes), output, interruption);
    const told = report.findings
      .filter(({ code }) => !code.startsWith('cleaner-'))
      .map(({ severity, code }) => `${severity} ${code}`);
    return { report, selfCheck, told, steps };
  } finally {
    interruption.release();
  }
}

const bound = (id: string) => new BoxSockets(id, makeBox(home(), id), { base: test.base }).ensure();
const FIRST = 'Looking at the base, the parent and what cleans them';

describe('of a home', () => {
  it('each box is told of, and four are probed at a time', async () => {
    const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
    for (const id of ids) await bound(id);
    const { probe } = BoxSockets.prototype;
    let [began, now, most] = [0, 0, 0];
    vi.spyOn(BoxSockets.prototype, 'probe').mockImplementation(async function (this: BoxSockets) {
      most = Math.max(most, ++now);
      // None ends before all have begun that are probed with it.
      const together = ++began <= 4 ? 4 : ids.length;
      await vi.waitFor(() => expect(began).toBeGreaterThanOrEqual(together), { timeout: 20_000 });
      return probe.call(this).finally(() => now--);
    });
    const { report, steps, told, selfCheck } = await examined();
    expect(report.platform).toBe(process.platform);
    // What cleans the machine that runs the tests may be a warning.
    expect(report.ok).toBe(report.findings.every(({ severity }) => severity === 'info'));
    expect(report.boxes.map(({ id }) => id)).toEqual(ids);
    expect(steps).toEqual([FIRST, 'Probing box 1 of 6: a', 'Probing box 5 of 6: e']);
    expect([told, selfCheck, most]).toEqual([[], null, 4]);
  });

  it('no further box is begun where it is interrupted', async () => {
    for (const id of ['a', 'b', 'c', 'd', 'e']) await bound(id);
    const interruption = new Interruption();
    let asked = 0;
    vi.spyOn(interruption, 'received', 'get').mockImplementation(() => ++asked > 1);
    const { report, steps } = await examined({}, interruption);
    expect([report.boxes.length, steps.length]).toEqual([4, 2]);
  });

  it('errors come first, then warnings, then what is merely told', async () => {
    await bound('a');
    makeBox(home(), 'b');
    fs.writeFileSync(path.join(makeBox(home(), 'c'), '../sockets2'), '');
    fs.rmdirSync(path.join(home(), 'boxes/c/sockets'));
    fs.writeFileSync(path.join(home(), 'boxes/c/sockets'), '');
    fs.symlinkSync('/nowhere', path.join(parent(), 'gone'));
    fs.chmodSync(path.join(home(), 'boxes/a/sockets'), 0o777);
    const { told, report } = await examined();
    expect(told).toEqual([
      'error sockets-not-a-directory',
      'warning binding-stale',
      'warning sockets-open',
      'warning binding-missing',
    ]);
    expect(report.ok).toBe(false);
  });

  it.each<[count: number, says: string]>([
    [1, '1 binding leads to nothing: s1.'],
    [3, '3 bindings lead to nothing: s1, s2, s3.'],
    [5, '5 bindings lead to nothing: s1, s2, s3 and 2 more.'],
  ])('%d links that lead nowhere are one finding, by id, and those of its own boxes are none', async (count, says) => {
    await bound('own');
    fs.rmSync(path.join(home(), 'boxes/own/sockets'), { recursive: true });
    const stale = Array.from({ length: count }, (_, at) => `s${at + 1}`);
    // As the file system lists them, which is another order.
    for (const id of stale) fs.symlinkSync('/nowhere', path.join(parent(), id));
    const list = BoxSockets.list.bind(BoxSockets);
    vi.spyOn(BoxSockets, 'list').mockImplementation(async (...args) => {
      return (await list(...args)).sort((a, b) => (a.id < b.id ? 1 : -1));
    });
    const { report } = await examined();
    const found = report.findings.filter(({ code }) => code === 'binding-stale');
    const sweep = `npx boxsockets sweep --base ${test.base}`;
    expect(found.map(({ message, remedy }) => [message, ...remedy.split('\n')])).toEqual([
      [says, `npx boxsockets sweep --dry-run --base ${test.base}`, sweep],
    ]);
  });

  it("another user's is not looked into", async () => {
    await bound('a');
    vi.spyOn(process, 'geteuid').mockReturnValue(4321);
    const { report, told, steps } = await examined();
    expect([report.ok, report.boxes, told, steps]).toEqual([false, [], ['error other-user'], [FIRST]]);
  });
});

describe("of another user's home, root has it examined by that user", () => {
  /** What that user's doctor says; what it was asked. */
  function says(stdout: string): unknown[][] {
    const asked: unknown[][] = [];
    const { spawnSync } = nodeChildProcess;
    vi.spyOn(nodeChildProcess, 'spawnSync').mockImplementation(((program: string, args: string[], options: object) => {
      if (program !== process.execPath) return spawnSync(program, args, options);
      asked.push([args, options]);
      return { stdout };
    }) as never);
    syncBuiltinESMExports();
    return asked;
  }

  /** Root looks, at what belongs to this user. */
  function asRoot(): { uid: number; gid: number } {
    const { statSync } = nodeFs;
    const { uid, gid } = { uid: 4321, gid: 4322 };
    vi.spyOn(process, 'geteuid').mockReturnValue(0);
    vi.spyOn(nodeFs, 'statSync').mockImplementation(((file: string, ...rest: []) =>
      file === home() ? { uid, gid } : statSync(file, ...rest)) as never);
    syncBuiltinESMExports();
    return { uid, gid };
  }

  it('with what was asked, and each remedy is run as that user; what needs root is left to root', async () => {
    const { uid, gid } = asRoot();
    const remedy = 'ls x\n# words\nsudo chown 1 x\nx sudo ';
    const finding = { severity: 'error', code: 'sockets-foreign', message: 'm', remedy };
    const asked = says(JSON.stringify({ ok: false, boxes: [], findings: [finding] }));
    const { report, selfCheck, steps } = await examined({ krun: 'none' });
    expect([selfCheck, steps]).toEqual([null, []]);
    const as = `setpriv --reuid ${uid} --regid ${uid} --clear-groups sh -c`;
    expect(report).toEqual({
      ok: false,
      boxes: [],
      findings: [
        {
          ...finding,
          remedy: `${as} 'ls x'\n# words\n# needs root: sudo chown 1 x\n${as} 'x sudo '`,
        },
      ],
    });
    const own = me === 0 ? [] : ['--uid', String(me)];
    const words = ['doctor', '--json', '--home', home(), '--base', test.base, '--krun', 'none', ...own];
    const options = { uid, gid, env: { PATH: '/nowhere' }, cwd: '/', encoding: 'utf8', timeout: 120_000 };
    expect(asked).toEqual([[[expect.stringMatching(/\/cli\/main\.js$/), ...words], options]]);
  });

  it('or is told that it is not, where that user cannot run this program', async () => {
    asRoot();
    const asked = says('no document');
    const { told } = await examined();
    expect([asked.length, told]).toEqual([1, ['error other-user']]);
  });

  it('but no other user has', async () => {
    makeBox(home(), 'b1');
    const asked = says('{}');
    vi.spyOn(process, 'geteuid').mockReturnValue(4321);
    const { told } = await examined();
    expect([asked, told]).toEqual([[], ['error other-user']]);
  });
});

describe('without a home', () => {
  it('a deep one is made and removed, and what would be a warning is none', async () => {
    fs.mkdirSync(parent(), { mode: 0o755 });
    fs.chmodSync(parent(), 0o755);
    const { report, selfCheck, told, steps } = await examined({ home: null });
    expect(steps).toEqual([FIRST, 'Making a deep home and binding in it']);
    expect(told).toEqual(['info parent-mode', 'info direct-bind']);
    expect(report.ok).toBe(true);
    expect(report.boxes).toEqual([selfCheck?.box]);
    expect(fs.readdirSync(test.base)).toEqual([path.basename(parent())]);
  });

  it('it is not made where it is interrupted', async () => {
    const interruption = new Interruption();
    vi.spyOn(interruption, 'received', 'get').mockReturnValue(true);
    const { selfCheck, steps, report } = await examined({ home: null }, interruption);
    expect([selfCheck, steps, report.boxes]).toEqual([null, [FIRST], []]);
  });

  it('what fails of it is told, but not where the base is known to be broken', async () => {
    vi.spyOn(BoxSockets.prototype, 'ensure').mockRejectedValue(coded('EIO'));
    const failing = await examined({ home: null });
    expect([failing.told, failing.report.ok]).toEqual([['error self-check-failed', 'info direct-bind'], false]);
    vi.spyOn(process, 'getuid').mockReturnValue(me + 1);
    const broken = await examined({ home: null });
    expect(broken.told).toEqual(['error uid-mismatch', 'info direct-bind']);
  });
});

describe('the check', () => {
  const asked = () => request({ home: null });
  const ELSEWHERE = 'mkdir -p -m 0700 ~/.boxsockets\nboxsockets doctor --base ~/.boxsockets';
  const failed = (what: string) => ({
    severity: 'error',
    code: 'self-check-failed',
    message: `The self-check could not make ${what}: EIO: words`,
    remedy: ELSEWHERE,
  });

  it('tries a directory of 300 bytes, directly and through its binding', async () => {
    const { box, direct, through, native, findings } = await runSelfCheck(asked());
    expect(box).toMatchObject({ id: 'self-check', binding: { state: 'idle' } });
    const deep = box?.realDir ?? '';
    expect(deep).toMatch(/^\/.*\/bs-[^/]{6}\/(?:a-very-deep-home-)+[^/]*\/h+\/boxes\/self-check\/sockets$/);
    expect([deep.length, deep.split('/').at(-5)?.length]).toEqual([300, 140]);
    expect([direct?.path, through?.outcome, native]).toEqual([`${deep}/ready.sock`, 'bound', 'ENAMETOOLONG']);
    expect(through?.path).toBe(`${box?.bindingDir}/ready.sock`);
    expect(box?.sockets.every(({ probe }) => probe?.ok)).toBe(true);
    const [first, ...more] = findings;
    expect(more).toEqual([]);
    const truncates = Number.parseInt(process.versions.node, 10) < 24;
    const said = truncates
      ? `reports success and binds another path, cut to 108 bytes: ${direct?.cutPath}.`
      : 'fails: EINVAL.';
    expect(first).toEqual({
      severity: 'info',
      code: 'direct-bind',
      message: `net.Server.listen of Node ${process.version} at 311 bytes ${said}`,
      remedy: '# boxsockets ensure ID DIR, and bind below the path that it prints',
    });
    expect(fs.readdirSync(test.base)).toEqual([]);
  });

  it('finds no directory to work in', async () => {
    vi.spyOn(nodeFs, 'mkdtempSync').mockImplementation(() => {
      throw coded('EIO');
    });
    syncBuiltinESMExports();
    const findings = [failed('a directory to work in')];
    expect(await runSelfCheck(asked())).toEqual({ box: null, direct: null, through: null, native: null, findings });
  });

  it('tells that the binding was not made, and of a missing native part nothing more', async () => {
    const ensured = vi.spyOn(BoxSockets.prototype, 'ensure').mockRejectedValue(coded('EIO'));
    const broken = await runSelfCheck(asked());
    expect(broken.findings).toEqual([expect.objectContaining({ code: 'direct-bind' }), failed('its binding')]);
    expect([broken.through, broken.native, broken.box?.binding.state]).toEqual([null, 'ENAMETOOLONG', 'missing']);
    ensured.mockRejectedValue(coded('ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE'));
    expect((await runSelfCheck(asked())).findings.map(({ code }) => code)).toEqual(['direct-bind']);
    expect(fs.readdirSync(test.base)).toEqual([]);
  });

  it('tells what is wrong with a box that is bound, with what still can be done', async () => {
    vi.spyOn(BoxSockets.prototype, 'probe').mockRejectedValue(coded('EIO'));
    const { findings } = await runSelfCheck(asked());
    expect(findings.map(({ code, remedy }) => [code, remedy]).slice(1)).toEqual([['sockets-fail', ELSEWHERE]]);
    expect(fs.readdirSync(test.base)).toEqual([]);
  });

  it('leaves nothing where it throws', async () => {
    vi.spyOn(BoxSockets, 'list').mockImplementation(() => {
      throw coded('EIO');
    });
    await expect(runSelfCheck(asked())).rejects.toThrow('EIO');
    expect(fs.readdirSync(test.base)).toEqual([]);
  });
});
