import * as fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BoxSockets, BoxSocketsError } from '../../dist/index.js';
import { holdLock, makeWorld, missingFlock, promise, rejection, usedWorld } from '../helpers.js';

describe('ensureAll', () => {
  it('answers for each box in order, whatever became of it, and one that fails stops none', async () => {
    const world = usedWorld();
    const boxes = ['made', 'right', 'stale', 'lost', 'blocked', 'last'].map((id) => world.box(id));
    const [, right, , lost, blocked] = boxes;
    right?.ensureSync();
    fs.symlinkSync('/nonexistent', world.binding('stale'));
    fs.rmdirSync(lost?.realDir ?? '');
    fs.writeFileSync(blocked?.bindingDir ?? '', 'precious');
    const outcomes = await BoxSockets.ensureAll(boxes);
    expect(outcomes).toEqual([
      { status: 'created', bindingDir: world.binding('made') },
      { status: 'unchanged', bindingDir: world.binding('right') },
      { status: 'replaced', bindingDir: world.binding('stale') },
      { status: 'failed', bindingDir: world.binding('lost'), error: expect.any(BoxSocketsError) },
      { status: 'failed', bindingDir: world.binding('blocked'), error: expect.any(BoxSocketsError) },
      { status: 'created', bindingDir: world.binding('last') },
    ]);
    expect(outcomes.map(({ error }) => error?.code)).toEqual([
      undefined,
      undefined,
      undefined,
      'ERR_BOX_SOCKETS_REAL_DIR',
      'ERR_BOX_SOCKETS_NOT_A_SYMLINK',
      undefined,
    ]);
    expect(fs.readFileSync(world.binding('blocked'), 'utf8')).toBe('precious');
    for (const id of ['made', 'right', 'stale', 'last']) {
      expect(fs.realpathSync(world.binding(id))).toBe(fs.realpathSync(world.realDir(id)));
    }
  });

  it('takes boxes of several parents, a box twice, names that are too long, and any iterable', async () => {
    const [one, two] = [makeWorld(), makeWorld()];
    const long = one.box('x'.repeat(60), 'home', { names: ['y'.repeat(64)] });
    const again = one.box('a');
    const boxes = [one.box('a'), two.box('a'), long, again, two.box('b')];
    const outcomes = await BoxSockets.ensureAll(new Set(boxes));
    expect(outcomes.map(({ status }) => status)).toEqual(['created', 'created', 'failed', 'unchanged', 'created']);
    expect(outcomes[2]?.error?.code).toBe('ERR_BOX_SOCKETS_PATH_TOO_LONG');
    expect(fs.existsSync(long.bindingDir)).toBe(false);
    expect(await BoxSockets.ensureAll([])).toEqual([]);
  });

  promise(missingFlock, 'waits for the lock, and needs none where all is right', async () => {
    const world = usedWorld();
    const right = world.box('other');
    await holdLock(`${world.parent}/.lock`, 0.3);
    expect(await BoxSockets.ensureAll([right])).toMatchObject([{ status: 'unchanged' }]);
    expect(await BoxSockets.ensureAll([right, world.box('b'), world.box('c')])).toMatchObject([
      { status: 'unchanged' },
      { status: 'created' },
      { status: 'created' },
    ]);
  });

  it.each([[undefined], [null], [1], [{}], [[1]], [[null]], ['boxes']])('refuses %j', async (boxes) => {
    const error = await rejection(BoxSockets.ensureAll(boxes as never));
    expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
  });
});
