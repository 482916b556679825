import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { bwrapMissing, self } from '../sandbox/run.js';
import { readProfile } from '../sandbox/sbpl.js';

const root = path.join(__dirname, '..', '..');
const page = fs.readFileSync(path.join(root, 'docs', 'sandbox.md'), 'utf8');
const examples = [...page.matchAll(/<!-- run -->\n```js\n(.*?)```/gs)].map((match) => match[1] ?? '');
const missing = bwrapMissing(self);

/** Runs an example as a host would: with the package under its own name. */
function output(code: string): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', code], { cwd: root, encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return stdout;
}

describe('docs/sandbox.md', () => {
  it.skipIf(missing !== null)(
    `its first listing runs a shim${missing === null ? '' : ` (skipped: ${missing})`}`,
    () => {
      expect(output(examples[0] ?? '')).toBe("['b1']\n [ 'box.sock' ]\n");
    },
  );

  it('its second listing prints a profile', () => {
    expect(readProfile(output(examples[1] ?? '')).length).toBeGreaterThan(0);
  });

  it('holds no other listing to run', () => {
    expect(examples).toHaveLength(2);
  });
});
