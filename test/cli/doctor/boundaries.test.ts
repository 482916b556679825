// Where doctor's numbers turn: what still fits, what no longer does, and what it leaves as it was.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { snapshot } from '../../helpers.js';
import { boxsockets, json, uid } from '../run.js';
import { at, bind, troubles } from './patient.js';

describe('a name that is bound through the binding', () => {
  it.each([
    [103, null],
    [104, 'that is 1 byte too many.'],
    [105, 'that is 2 bytes too many.'],
  ])('of %d bytes', async (bytes, says) => {
    await bind();
    const name = 'n'.repeat(bytes - Buffer.byteLength(at.binding('b1')) - 1);
    const report = json(await boxsockets(['doctor', '--json', '--home', at.home, '--base', at.base, '--name', name]));
    const socket = report.boxes[0].sockets.find((one: { name: string }) => one.name === name);
    expect(socket).toMatchObject({ bytes, limit: 104, fits: bytes < 104 });
    const found = troubles(report).filter(({ code }) => !code.startsWith('cleaner-'));
    const message = `Box b1 has names that do not fit even through its binding: ${name} ${bytes}; ${says}`;
    expect(found.map((one) => one.message)).toEqual(says === null ? [] : [message]);
  });
});

it('doctor without a home leaves an empty parent that was there', async () => {
  fs.mkdirSync(path.join(at.base, `bl-${uid}`), { mode: 0o700 });
  const before = snapshot(at.base);
  expect(Object.keys(before)).toHaveLength(2);
  expect((await boxsockets(['doctor', '--base', at.base])).status).toBe(0);
  const after = snapshot(at.base);
  // The base itself has had an entry for a moment.
  delete before[at.base];
  delete after[at.base];
  expect(after).toEqual(before);
});
