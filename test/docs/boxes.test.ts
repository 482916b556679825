// The listing of docs/boxes.md and the programs in examples/, run as a host would run them.

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { missingTool, promise } from '../helpers.js';
import { missingSqlite } from '../runtime/home.js';

const root = path.join(__dirname, '..', '..');

/** What a program prints, with the package under its own name. */
function output(args: readonly string[], env = process.env): string[] {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: root,
    env,
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

  it('has the host of examples/machine for its listing, to the byte', () => {
    expect(listing).toBe(fs.readFileSync(path.join(root, 'examples', 'machine', 'host.mjs'), 'utf8'));
  });
});

describe('examples', () => {
  promise(missingSocat, 'socat.mjs runs a box whose shim is socat', () => {
    const [echo, bound, removed] = output(['examples/socat.mjs']);
    expect(echo).toBe('echo: hello');
    expect(bound).toMatch(/^bound with \d{2} bytes; its file has a path of 3\d\d$/);
    expect(removed).toContain("row: true, killed: true, home: 'removed', binding: 'removed'");
  });

  it('the machine says in one sentence which Debian package it lacks, and counts as skipped', () => {
    const env = { ...process.env, PATH: '/nowhere' };
    const [skipped, counts, ...further] = output(['examples/machine/run.mjs'], env);
    expect(skipped).toMatch(/: there is no qemu-system-x86_64; it is in the Debian package qemu-system-x86$/);
    expect([counts, ...further]).toEqual(['0 passed, 0 failed, 1 skipped']);
  });

  it('are all run', () => {
    expect(fs.readdirSync(path.join(root, 'examples')).sort()).toEqual(['machine', 'socat.mjs']);
    expect(fs.readFileSync(path.join(root, '.ci', 'steps.mjs'), 'utf8')).toContain("'examples/machine/run.mjs'");
  });
});
