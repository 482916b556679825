// The boxes of a home: found, judged, and told apart from what is none; to the letter.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { DoctorRequest } from '../../../dist/cli/doctor/doctor-report.js';
import { inspectBox, isFileLost, isReached, otherUser, readHome } from '../../../dist/cli/doctor/home-boxes.js';
import { type BindingInfo, BoxSockets } from '../../../dist/index.js';
import { coded, nodeFs, restoreAfterEach, syncBuiltinESMExports } from '../../helpers/builtins.js';
import { makeBox, NOBODY, scratch } from '../run.js';
import { listenAt } from './state.js';

const test = scratch();
const me = process.geteuid?.() ?? 0;
const home = () => path.join(test.dir, 'my home');
const quoted = (where: string) => `'${where}'`;
const LOOK = 'ls -ldn --';

const request = (changes: Partial<DoctorRequest> = {}): DoctorRequest => {
  return { home: home(), base: test.base, uid: me, krun: null, names: [], ...changes };
};

beforeEach(() => {
  vi.stubEnv('PATH', '/nowhere');
});

restoreAfterEach();

describe('a home', () => {
  const found = (changes: Partial<DoctorRequest> = {}) => {
    const { boxes, findings } = readHome(request(changes));
    return {
      ids: boxes.map(({ boxId }) => boxId),
      told: findings.map(({ severity, code, message, remedy }) => [severity, code, message, ...remedy.split('\n')]),
    };
  };
  const doctor = (of: string) => `npx boxsockets doctor --home ${of} --base ${test.base}`;
  const oneOff = (asked: string, meant: string) => [
    'error',
    'home-one-off',
    `${asked} is not a home: the boxes lie in ${meant}/boxes.`,
    `${LOOK} ${quoted(meant)}`,
    doctor(quoted(meant)),
  ];

  it('that is not asked for has nothing', () => {
    expect(found({ home: null })).toEqual({ ids: [], told: [] });
  });

  it('has its boxes by their ids, links among them, and nothing of files', () => {
    for (const id of ['b10', 'b2', 'a']) makeBox(home(), id);
    fs.symlinkSync('a', path.join(home(), 'boxes/link'));
    fs.writeFileSync(path.join(home(), 'boxes/file'), '');
    expect(found()).toEqual({ ids: ['a', 'b10', 'b2', 'link'], told: [] });
    const [box] = readHome(request({ krun: 'none', names: ['x.sock'], uid: 7 })).boxes;
    expect(box?.realDir).toBe(path.join(home(), 'boxes/a/sockets'));
    expect(box?.bindingDir).toBe(path.join(test.base, 'bl-7/a'));
    const names = box?.budget().sockets.map(({ name }) => name);
    expect(names).toEqual(['box.sock', 'ready.sock', 'net.sock', 'gvproxy-ctl.sock', 'x.sock']);
  });

  it('holds what bears no id: it is told with an id that it may have, and the others are found', () => {
    makeBox(home(), 'b1');
    makeBox(home(), 'a b');
    const where = path.join(home(), 'boxes/a b');
    const renamed = path.join(home(), 'boxes', BoxSockets.idFor('a b'));
    expect(found()).toEqual({
      ids: ['b1'],
      told: [
        [
          'warning',
          'box-id-invalid',
          `The name of ${where} is not a valid box id, so doctor does not check it.`,
          `${LOOK} ${quoted(where)}`,
          `mv -n -- ${quoted(where)} ${quoted(renamed)}`,
        ],
      ],
    });
  });

  it('without boxes is told of', () => {
    fs.mkdirSync(path.join(home(), 'boxes'), { recursive: true });
    fs.writeFileSync(path.join(home(), 'boxes/file'), '');
    const message = `${home()} holds no boxes yet: ${home()}/boxes is empty.`;
    const told = [['info', 'home-without-boxes', message, `${LOOK} ${quoted(`${home()}/boxes`)}`]];
    expect(found()).toEqual({ ids: [], told });
  });

  it('one level off is found from there', () => {
    makeBox(home(), 'b1');
    for (const off of ['boxes', 'boxes/b1', 'boxes/b1/sockets', 'boxes/none']) {
      expect(found({ home: path.join(home(), off) }).told).toEqual([oneOff(path.join(home(), off), home())]);
    }
    expect(found({ home: test.dir }).told).toEqual([oneOff(test.dir, home())]);
  });

  it('of a home below a directory that is called boxes, too, the nearest one', () => {
    const inner = path.join(test.dir, 'boxes/h');
    makeBox(inner, 'b1');
    expect(found({ home: `${inner}/boxes/b1` }).told[0]?.[2]).toContain(`the boxes lie in ${inner}/boxes.`);
    // Nothing above it is a home: no boxes directory in it holds a directory.
    fs.rmSync(path.join(test.dir, 'boxes'), { recursive: true });
    fs.mkdirSync(path.join(test.dir, 'boxes'));
    fs.writeFileSync(path.join(test.dir, 'boxes/file'), '');
    expect(found({ home: path.join(test.dir, 'boxes') }).told[0]?.[1]).toBe('home-not-a-home');
  });

  it('spelled in another way is found beside it', () => {
    makeBox(home(), 'b1');
    for (const name of ['My-Home', 'myhome', '.my_home']) {
      const asked = path.join(test.dir, name);
      expect(found({ home: asked }).told).toEqual([oneOff(asked, home())]);
    }
    expect(found({ home: path.join(test.dir, 'myhomes') }).told[0]?.[1]).toBe('home-missing');
  });

  it('that is missing: the nearest directory that is there', () => {
    const asked = path.join(test.dir, 'a/b/c');
    const told = [
      'error',
      'home-missing',
      `There is no home at ${asked}; of that path, ${test.dir} exists.`,
      `ls -la -- ${test.dir}`,
      '# then name the directory that holds boxes/',
    ];
    expect(found({ home: asked }).told).toEqual([told]);
    fs.writeFileSync(path.join(test.dir, 'a'), '');
    expect(found({ home: asked }).told).toEqual([told]);
    expect(found({ home: '/none' }).told[0]?.[2]).toBe('There is no home at /none; of that path, / exists.');
  });

  it('that is none yet is made one', () => {
    fs.mkdirSync(home());
    expect(found().told).toEqual([
      [
        'warning',
        'home-not-a-home',
        `${home()} has no directory boxes/: it is not a home yet, or another one is meant.`,
        `ls -la -- ${quoted(home())}`,
        `mkdir -m 0700 -- ${quoted(`${home()}/boxes`)}`,
      ],
    ]);
  });

  it('that cannot be listed: which directory is closed', () => {
    fs.mkdirSync(home());
    const boxes = path.join(home(), 'boxes');
    const { readdirSync } = nodeFs;
    vi.spyOn(nodeFs, 'readdirSync').mockImplementation(((file: string, ...rest: []) => {
      if (file === boxes) throw coded('EACCES');
      return readdirSync(file, ...rest);
    }) as never);
    syncBuiltinESMExports();
    const told = (closed: string) => [
      'error',
      'home-unreadable',
      `The boxes of ${home()} cannot be listed: ${closed} is closed (EACCES).`,
      `${LOOK} ${quoted(closed)}`,
      `chmod u+rwx ${quoted(closed)}`,
    ];
    expect(found().told).toEqual([told(boxes)]);
    vi.spyOn(nodeFs, 'accessSync').mockImplementation((file) => {
      if (file === home()) throw coded('EACCES');
    });
    syncBuiltinESMExports();
    expect(found().told).toEqual([told(home())]);
  });
});

describe("another user's", () => {
  const told = (asked: DoctorRequest, parent = '/nowhere') => {
    const other = otherUser(asked, parent);
    if (other === null) return null;
    const { severity, code, message, remedy } = other.finding;
    return [other.uid, other.gid, severity, code, message, ...remedy.split('\n')];
  };

  it('home is told of, with who may judge it', () => {
    fs.mkdirSync(home());
    const { uid, gid } = fs.statSync(home());
    expect(told(request())).toBeNull();
    expect(told(request({ home: '/nowhere' }))).toBeNull();
    vi.spyOn(process, 'geteuid').mockReturnValue(4321);
    expect(told(request({ uid: 4321 }))).toEqual([
      uid,
      gid,
      'error',
      'other-user',
      `${home()} belongs to uid ${uid}, and only that user can judge it. You are uid 4321.`,
      `${LOOK} ${quoted(home())}`,
      `sudo -u '#${uid}' npx boxsockets doctor --home ${quoted(home())} --base ${test.base}`,
    ]);
  });

  it('parent is, where it bears the name that was asked for', () => {
    fs.mkdirSync(home());
    const { uid } = fs.statSync(home());
    vi.spyOn(process, 'geteuid').mockReturnValue(4321);
    expect(told(request({ home: null, uid: 4321 }), home())).toBeNull();
    expect(told(request({ home: null, uid }), home())?.slice(2, 4)).toEqual(['error', 'other-user']);
  });
});

describe('the state of a binding', () => {
  it.each([
    ['live', undefined, true],
    ['idle', undefined, true],
    ['unreadable', 'EAGAIN', true],
    ['unreadable', 'EACCES', false],
    ['foreign', 'EAGAIN', false],
    ['missing', undefined, false],
  ] as const)('%s, %s reaches its directory: %s', (state, code, isIt) => {
    expect(isReached({ state, ...(code !== undefined && { code }) })).toBe(isIt);
  });

  it.each([
    [{ name: 'a', held: true, reason: 'r' }, true],
    [{ name: 'a', held: true }, false],
    [{ name: 'a', held: 'unknown', reason: 'r' }, false],
    [{ name: 'a', held: false, reason: 'r' }, false],
  ] as const)('%j has lost its file: %s', (socket, isIt) => {
    expect(isFileLost(socket)).toBe(isIt);
  });
});

describe('a box', () => {
  const box = () => new BoxSockets('b1', path.join(home(), 'boxes/b1/sockets'), { base: test.base });
  const entry = (changes: Partial<BindingInfo> = {}) =>
    new Map([['b1', { id: 'b1', target: box().realDir, state: 'idle', sockets: [], ...changes } as BindingInfo]]);

  it('whose parent was not looked into, or that has no binding, is not probed', async () => {
    makeBox(home(), 'b1');
    const probed = vi.spyOn(BoxSockets.prototype, 'probe');
    const { box: unknown, held, holders } = await inspectBox(box(), null);
    expect([unknown.binding, held, holders]).toEqual([{ state: 'unknown', target: null }, [], null]);
    const { box: missing } = await inspectBox(box(), new Map());
    expect(missing.binding).toEqual({ state: 'missing', target: null });
    expect(missing.sockets.map(({ probe }) => probe)).toEqual([null, null, null, null, null]);
    expect(probed).not.toHaveBeenCalled();
  });

  it('has its numbers, and what each name came to', async () => {
    makeBox(home(), 'b1');
    await box().ensure();
    const { box: report, holders } = await inspectBox(box(), entry());
    const { deadZone, sockets } = box().budget();
    expect(report).toEqual({
      id: 'b1',
      realDir: box().realDir,
      bindingDir: box().bindingDir,
      binding: { state: 'idle', target: box().realDir },
      deadZone,
      sockets: sockets.map(({ name, bytes, limit, fits, realBytes, realFits }) => {
        return { name, bytes, limit, fits, realBytes, realFits, probe: { ok: true } };
      }),
    });
    expect(holders).toBeNull();
  });

  it('that cannot be probed as a whole has that of each name', async () => {
    makeBox(home(), 'b1');
    await box().ensure();
    vi.spyOn(BoxSockets.prototype, 'probe').mockRejectedValue(coded('EIO'));
    const { box: report } = await inspectBox(box(), entry({ state: 'unreadable', code: 'EAGAIN' }));
    const failed = { ok: false, code: 'EIO', message: 'EIO: words' };
    expect(report.sockets.map(({ probe }) => probe)).toEqual([failed, failed, failed, failed, failed]);
  });

  it('whose binding leads to another directory is foreign, and is not probed', async () => {
    makeBox(home(), 'b1');
    const other = makeBox(path.join(test.dir, 'other'), 'b1');
    fs.mkdirSync(path.dirname(box().bindingDir), { mode: 0o700 });
    fs.symlinkSync(other, box().bindingDir);
    const probed = vi.spyOn(BoxSockets.prototype, 'probe');
    const { box: report } = await inspectBox(box(), entry({ target: other, code: 'EAGAIN' as never }));
    expect(report.binding).toEqual({ state: 'foreign', target: other, code: 'EAGAIN' });
    // It cannot be told where one of them is gone.
    fs.rmSync(home(), { recursive: true });
    expect((await inspectBox(box(), entry({ target: other }))).box.binding.state).toBe('foreign');
    // What is not reached stays what it is.
    const { box: dangling } = await inspectBox(box(), entry({ state: 'dangling' }));
    expect(dangling.binding.state).toBe('dangling');
    expect(probed).not.toHaveBeenCalled();
  });

  it('names who holds what has lost its binding or a file, and whom it would rob', async () => {
    makeBox(home(), 'b1');
    const other = new BoxSockets('b1', makeBox(path.join(test.dir, 'other'), 'b1'), { base: test.base });
    const foreign = entry({ state: 'foreign' as never, target: other.realDir });
    await other.ensure();
    const closeOther = await listenAt(path.join(other.bindingDir, 'box.sock'));
    expect((await inspectBox(box(), foreign)).holders).toEqual([process.pid]);
    await closeOther();
    expect((await inspectBox(box(), foreign)).holders).toBeNull();

    await box().ensure();
    const closeMine = await listenAt(path.join(box().bindingDir, 'box.sock'));
    const closeSecond = await listenAt(path.join(box().bindingDir, 'ready.sock'));
    expect((await inspectBox(box(), new Map())).holders).toEqual([process.pid]);
    expect((await inspectBox(box(), entry({ state: 'dangling' }))).holders).toBeNull();
    const lost = entry({ state: 'dangling', sockets: [{ name: 'box.sock', held: true, reason: 'gone' }] });
    expect((await inspectBox(box(), lost)).holders).toEqual([process.pid]);
    await Promise.all([closeMine(), closeSecond()]);
    expect((await inspectBox(box(), new Map())).holders).toBeNull();
  });
});

it.runIf(me === 0)("root's home is no other user's, and one of nobody's is (needs root)", () => {
  fs.mkdirSync(home());
  expect(otherUser(request(), '/nowhere')).toBeNull();
  fs.chownSync(home(), NOBODY.uid, NOBODY.gid);
  expect(otherUser(request(), '/nowhere')).toMatchObject({ uid: NOBODY.uid, gid: NOBODY.gid });
});
