// The listing of docs/boxes.md and the programs in examples/, run as a host would run them.

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { missingTool, promise } from '../helpers.js';
import { missingSqlite } from '../runtime/home.js';

const root = path.join(__dirname, '..', '..');

/** What a program prints, with the package under its own name. */
function output(args: readonly string[]): string[] {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    timeout: 50_000,
  });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return stdout.trimEnd().split('\n');
}

const missingSocat = missingSqlite ?? missingTool('socat', ['-V']);

describe('docs/boxes.md', () => {
  const page = fs.readFileSync(path.join(root, 'docs', 'boxes.md'), 'utf8');
  const [listing = '', ...further] = [...page.matchAll(/```js\n(.*?)```/gs)].map((match) => match[1] ?? '');

  it('has one listing', () => {
    expect(further).toEqual([]);
  });

  it('tells every refusal of boxes and their runtime', () => {
    const told = [...page.matchAll(/^\| `([A-Z_]+)` \|/gm)].map((match) => match[1]);
    const inReadme = fs.readFileSync(path.join(root, 'README.md'), 'utf8');
    const all = [
      ...fs.readFileSync(path.join(root, 'lib', 'errors.ts'), 'utf8').matchAll(/\| 'ERR_BOX_SOCKETS_([A-Z_]+)'/g),
    ];
    const others = all.map((match) => match[1] ?? '').filter((code) => !inReadme.includes(`\`${code}\``));
    expect(told.sort()).toEqual(others.sort());
  });

  promise(missingSocat, 'leads from a row to a running box and back', () => {
    const printed = output(['-e', listing]);
    expect(printed).toEqual(['running', 'hello', '0']);
    // As the comments in it promise.
    expect([...listing.matchAll(/; \/\/ (running|hello|0)$/gm)].map((match) => match[1])).toEqual(printed);
  });
});

describe('examples', () => {
  promise(missingSocat, 'socat.mjs runs a box whose shim is socat', () => {
    const [echo, bound, removed] = output(['examples/socat.mjs']);
    expect(echo).toBe('echo: hello');
    expect(bound).toMatch(/^bound with \d{2} bytes; its file has a path of 3\d\d$/);
    expect(removed).toContain("row: true, killed: true, home: 'removed', binding: 'removed'");
  });

  promise(missingSqlite ?? missingTool('qemu-system-x86_64'), 'qemu.mjs runs a box whose shim is a VM', () => {
    const printed = output(['examples/qemu.mjs']);
    expect(printed[0]).toMatch(/^QEMU \d+ running$/);
    expect(printed.slice(1, 4)).toEqual([
      'console: hello from the guest',
      'sockets: box.sock serial.sock in a home of 300 bytes',
      'stopped: stopped',
    ]);
    expect(printed[4]).toContain("row: true, killed: false, home: 'removed', binding: 'removed'");
  });

  it('are all run', () => {
    expect(fs.readdirSync(path.join(root, 'examples')).sort()).toEqual(['qemu.mjs', 'socat.mjs']);
  });
});
