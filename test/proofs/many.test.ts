// What takes many boxes, or many moves of one, to be seen.

import * as fs from 'node:fs';
import { expect, it } from 'vitest';
import { BoxSockets } from '../../dist/index.js';
import { makeWorld, usedWorld } from '../helpers.js';

it('ensureSync sees every move of a link that has been right for long, however fast one follows another', async () => {
  const world = usedWorld();
  const box = world.box('b');
  const mover = world.box('b', 'otherhome');
  for (let pause = 0; pause < 3; pause++) {
    box.ensureSync();
    for (const end = Date.now() + 150; Date.now() < end; ) expect(box.ensureSync().status).toBe('unchanged');
    for (let i = 0; i < 300; i++) {
      expect(mover.ensureSync().status).toBe('replaced');
      expect(box.ensureSync().status).toBe('replaced');
      expect(fs.readlinkSync(box.bindingDir)).toBe(box.realDir);
      expect(box.ensureSync().status).toBe('unchanged');
    }
  }
});

it('ensureAll keeps the order of thousands', async () => {
  const world = makeWorld();
  const boxes = Array.from({ length: 3000 }, (_, i) => world.box(`b${i}`, i % 7 === 0 ? 'lost' : 'home'));
  fs.rmSync(`${world.base}/lost`, { recursive: true });
  const outcomes = await BoxSockets.ensureAll(boxes);
  expect(outcomes.map(({ status, bindingDir }) => [status, bindingDir])).toEqual(
    boxes.map(({ bindingDir }, i) => [i % 7 === 0 ? 'failed' : 'created', bindingDir]),
  );
  expect(outcomes[2996]?.error?.path).toBe(boxes[2996]?.realDir);
});
