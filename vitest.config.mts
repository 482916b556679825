import { defineConfig } from 'vitest/config';

// Tests run against the built package (dist/ and the optimised addon), as its users do.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    setupFiles: ['test/coverage.setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    server: { deps: { external: [/\/dist\//] } },
  },
});
