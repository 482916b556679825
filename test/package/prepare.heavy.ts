import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';

import { TARGETS } from '../../scripts/release/targets.mjs';

const root = path.resolve(__dirname, '../..');

test('npm pack takes the prebuilt binaries as they are, and builds the JavaScript', () => {
  const checkout = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
  try {
    for (const each of ['package.json', 'tsconfig.json', 'binding.gyp', 'lib', 'native', 'scripts']) {
      fs.cpSync(path.join(root, each), path.join(checkout, each), { recursive: true });
    }
    fs.symlinkSync(path.join(root, 'node_modules'), path.join(checkout, 'node_modules'));
    for (const { name, file } of TARGETS) {
      fs.mkdirSync(path.join(checkout, path.dirname(file)), { recursive: true });
      fs.writeFileSync(path.join(checkout, file), name);
    }
    execFileSync('npm', ['pack', '--dry-run'], { cwd: checkout, stdio: 'pipe' });
    for (const { name, file } of TARGETS) expect(fs.readFileSync(path.join(checkout, file), 'utf8')).toBe(name);
    expect(fs.existsSync(path.join(checkout, 'dist/index.js'))).toBe(true);
    expect(fs.existsSync(path.join(checkout, 'build'))).toBe(false);
  } finally {
    fs.rmSync(checkout, { recursive: true });
  }
});
