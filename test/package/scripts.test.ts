// What the scripts of a checkout say to whoever has just cloned it.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const root = path.resolve(__dirname, '../..');

function script(file: string, env: NodeJS.ProcessEnv = process.env): { status: number | null; stderr: string } {
  return spawnSync(process.execPath, [file], { encoding: 'utf8', env });
}

test('tools that are missing are one sentence, with the Debian packages that bring them', () => {
  const { status, stderr } = script(path.join(root, 'scripts/build/native.mjs'), { PATH: '/nowhere' });
  expect(status).toBe(1);
  expect(stderr).toBe('make, strip, g++, python3 are missing: apt-get install make binutils g++ python3\n');
});

test('a checkout that is not built says what to run first', () => {
  const checkout = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
  onTestFinished(() => fs.rmSync(checkout, { recursive: true }));
  fs.cpSync(path.join(root, 'scripts'), path.join(checkout, 'scripts'), { recursive: true });
  const { status, stderr } = script(path.join(checkout, 'scripts/build/start.mjs'));
  expect([status, stderr]).toEqual([1, 'This checkout is not built yet: run npm ci first.\n']);
});

test('CONTRIBUTING has every command: of package.json, and what is run by its name', () => {
  const text = fs.readFileSync(path.join(root, 'CONTRIBUTING.md'), 'utf8');
  const { scripts } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  const hooks = /^(prepare|prepublishOnly|prepack|postpack)$/;
  const commands = Object.keys(scripts).filter((name) => !hooks.test(name));
  expect(commands.length).toBeLessThan(15);
  const named = (name: string): boolean => new RegExp(`\`(npm (run )?|-- )?${name}\\b`).test(text);
  expect(commands.filter((name) => !named(name))).toEqual([]);
  const files = fs.readdirSync(path.join(root, 'scripts'), { recursive: true, encoding: 'utf8' });
  const programs = files
    .filter((name) => name.endsWith('.mjs') && !name.startsWith('native/fuzz/'))
    .map((name) => `scripts/${name}`)
    .filter((name) => fs.readFileSync(path.join(root, name), 'utf8').startsWith('#!'));
  const everywhere = text + JSON.stringify(scripts);
  expect(programs.filter((name) => !everywhere.includes(name))).toEqual([]);
});
