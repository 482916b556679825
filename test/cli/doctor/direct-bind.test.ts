import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { tryDirectBind } from '../../../dist/cli/doctor/self-check.js';
import { scratch } from '../run.js';

const test = scratch();
const nodeTruncates = Number.parseInt(process.versions.node, 10) < 24;

describe('what net.Server.listen makes of a path', () => {
  it('a short one is bound, and nothing is left', async () => {
    const file = path.join(test.base, 's.sock');
    expect(await tryDirectBind(file)).toEqual({ path: file, outcome: 'bound' });
    expect(fs.readdirSync(test.base)).toEqual([]);
  });

  it('a long one is cut or refused, and the cut socket is found and removed', async () => {
    for (let bytes = 109; bytes < 320; bytes += 7) {
      const file = path.join(test.base, 'x'.repeat(bytes - test.base.length - 1).slice(0, 255));
      const bind = await tryDirectBind(file);
      const cut = { outcome: 'cut', cutPath: file.slice(0, 108) };
      expect(bind).toMatchObject(nodeTruncates ? cut : { outcome: 'refused', code: 'EINVAL' });
      expect(fs.readdirSync(test.base)).toEqual([]);
    }
  });

  it('what cannot be bound is refused with the reason', async () => {
    expect(await tryDirectBind(path.join(test.base, 'none/s.sock'))).toMatchObject({
      outcome: 'refused',
      code: expect.stringMatching(/^(ENOENT|EACCES)$/),
    });
    fs.writeFileSync(path.join(test.base, 'file'), '');
    expect(await tryDirectBind(path.join(test.base, 'file'))).toMatchObject({ outcome: 'refused', code: 'EADDRINUSE' });
    expect(fs.readdirSync(test.base)).toEqual(['file']);
  });
});
