import { defineConfig } from 'vitest/config';

// The tests of the package as a whole, the long ones among them (*.heavy.ts): they build every platform's binary, and
// fetch a compiler and other runtimes from npm on first use.
export default defineConfig({
  test: {
    include: ['test/package/**/*.test.ts', 'test/package/**/*.heavy.ts'],
    globalSetup: 'test/package/setup.ts',
    pool: 'forks',
    testTimeout: 300_000,
    hookTimeout: 600_000,
    server: { deps: { external: [/\/dist\//] } },
  },
});
