import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';

import { TARGETS } from '../../scripts/release/targets.mjs';
import { installPinned } from '../../scripts/tools/pinned.mjs';
import { titled, whyNoTools } from './installed.js';

const root = path.resolve(__dirname, '../..');

const npms = ['npm-10', 'npm-11', 'npm-12'];
const whyNot = whyNoTools('package-managers');

test.skipIf(whyNot !== undefined).each(npms)(
  titled('%s pack publishes another manifest than the checkout keeps', whyNot),
  (npm) => {
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
      const kept = fs.readFileSync(path.join(checkout, 'package.json'), 'utf8');
      const cli = path.join(installPinned('package-managers'), npm, 'bin/npm-cli.js');
      execFileSync(process.execPath, [cli, 'pack'], { cwd: checkout, stdio: 'pipe' });
      for (const { name, file } of TARGETS) expect(fs.readFileSync(path.join(checkout, file), 'utf8')).toBe(name);
      expect(fs.readFileSync(path.join(checkout, 'package.json'), 'utf8')).toBe(kept);

      const [tarball = ''] = fs.readdirSync(checkout).filter((name) => name.endsWith('.tgz'));
      execFileSync('tar', ['-xf', tarball], { cwd: checkout });
      const packed = JSON.parse(fs.readFileSync(path.join(checkout, 'package/package.json'), 'utf8'));
      expect(Object.keys(packed)).not.toEqual(expect.arrayContaining(['scripts']));
      expect(packed).toMatchObject({ name: 'boxsockets', exports: JSON.parse(kept).exports });
      expect(fs.existsSync(path.join(checkout, 'package/dist/index.mjs'))).toBe(true);
    } finally {
      fs.rmSync(checkout, { recursive: true });
    }
  },
);
