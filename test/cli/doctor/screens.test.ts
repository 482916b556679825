// What a person sees, kept: three boxes of which one is broken, on terminals of 40, 80 and 200 columns.

import * as os from 'node:os';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { boxsockets, makeBox } from '../run.js';
import { at } from './patient.js';

// The parent of uid 0, whoever looks: another uid would have another length.
const AS_ROOT = ['--uid', '0'];
const isPlain = os.tmpdir() === '/tmp' ? null : 'the temporary directory is not /tmp, so that lines break elsewhere';

// A home in the dead zone.
async function threeBoxes(): Promise<string> {
  const home = path.join(at.dir, 'h'.repeat(88 - at.dir.length - 1 - '/boxes/b1/sockets'.length));
  const bind = (id: string, of: string) => boxsockets(['ensure', id, makeBox(of, id), '--base', at.base, ...AS_ROOT]);
  await bind('b1', home);
  await bind('b2', home);
  await bind('b3', path.join(at.dir, 'other'));
  makeBox(home, 'b3');
  return home;
}

const stable = (text: string): string =>
  text
    .replaceAll(/bs-[A-Za-z0-9]+/g, 'bs-X')
    .replaceAll(' --uid 0', '')
    .replace(/^Host[\s\S]*?\n\n/m, '');

describe.each([40, 80, 200])('%d columns', (columns) => {
  const env = { LC_ALL: 'C.UTF-8', NO_COLOR: '1' };
  const screens: [name: string, args: string[]][] = [
    ['doctor', []],
    ['verbose', ['--verbose']],
  ];

  const kept = isPlain === null ? it.each(screens) : it.skip.each(screens);
  kept(`%s is what was looked at${isPlain === null ? '' : ` (skipped: ${isPlain})`}`, async (name, more) => {
    const home = await threeBoxes();
    const args = ['doctor', '--home', home, '--base', at.base, ...AS_ROOT, ...more];
    const { stdout } = await boxsockets(args, { columns, env });
    await expect(stable(stdout)).toMatchFileSnapshot(`golden/${name}-${columns}.txt`);
  });

  it('no line of several words is longer, but for commands to paste and paths', async () => {
    const home = await threeBoxes();
    const base = ['--base', at.base];
    const pages = [
      ['doctor', '--home', home, ...base],
      ['doctor', ...base],
      ['list', ...base],
    ];
    for (const args of pages) {
      const { stdout } = await boxsockets(args, { columns, env });
      for (const line of stdout.split('\n').filter((one) => !/^ {4}[a-z]|\/\S{20}/.test(one))) {
        expect([...line].length, line).toBeLessThanOrEqual(columns);
      }
    }
  });
});
