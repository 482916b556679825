import path from 'node:path';
import { defineConfig } from 'vitest/config';

// The tests of this directory: they start Macs as children.
export default defineConfig({
  root: path.join(import.meta.dirname, '../..'),
  test: {
    include: ['test/darwin/**/*.heavy.ts'],
    globalSetup: 'scripts/build/fresh.mjs',
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 300_000,
    hookTimeout: 300_000,
    server: { deps: { external: [/\/dist\//] } },
  },
});
