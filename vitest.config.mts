import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { countLoops } from './test/loops.mjs';

// Tests run against the built package (dist/ and the optimised addon), as its users do; what is out of date is built
// before the first of them. The maps of that build make stack traces name the line of TypeScript.
// What takes long, or needs a second user, is in test/proofs: `npm run test:all`, or by its name.
const isAll = process.env.BOXSOCKETS_TEST_ALL !== undefined || process.argv.some((arg) => arg.includes('proofs'));

export default defineConfig({
  plugins: [countLoops],
  test: {
    include: ['test/**/*.test.ts'],
    exclude: isAll ? [] : ['test/proofs/**'],
    globalSetup: 'scripts/build/fresh.mjs',
    setupFiles: ['test/coverage.setup.ts', 'test/aftermath.setup.ts'],
    // A test whose loop passes over nothing has shown nothing. What is waited for comes late on a busy machine.
    expect: { requireAssertions: true, poll: { timeout: 20_000 } },
    pool: 'forks',
    execArgv: ['--enable-source-maps'],
    // One more than vitest would take on two cores: many tests wait for a child.
    maxWorkers: Math.max(3, availableParallelism()),
    testTimeout: 60_000,
    hookTimeout: 60_000,
    server: { deps: { external: [/\/dist\//] } },
  },
});
