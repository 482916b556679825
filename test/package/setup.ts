// Before the tests of the package: it is packed once, and all of them install that tarball.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';

import { packPackage } from '../../scripts/release/pack.mjs';

declare module 'vitest' {
  interface ProvidedContext {
    tarball: string;
  }
}

export async function setup(project: TestProject): Promise<() => void> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
  project.provide('tarball', await packPackage(path.resolve(__dirname, '../..'), folder));
  return () => fs.rmSync(folder, { recursive: true });
}
