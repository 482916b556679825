import path from 'node:path';
import { defineConfig } from 'vitest/config';

// The package's own tests that touch the addon, on the binaries for macOS: test/darwin/run.mjs says which host and which
// image.
const preload = path.join(import.meta.dirname, 'preload.cjs');
const { DARWIN_HOST = '', DARWIN_IMAGE = '' } = process.env;

export default defineConfig({
  root: path.join(import.meta.dirname, '../..'),
  test: {
    include: [
      'test/*.test.ts',
      'test/{box,native,operations,paths,runtime}/**/*.test.ts',
      'test/cli/**/{commands,doctor,findings,direct-bind}.test.ts',
      'test/proofs/{hostile-box,judgement}/**/*.test.ts',
      // What takes long is run natively alone: it proves no more of a processor.
      ...(DARWIN_IMAGE.includes('x64')
        ? [
            'test/proofs/{concurrency,descriptors,other-user,runtime-crash}.test.ts',
            'test/proofs/{interference,strangers}/**/*.test.ts',
          ]
        : []),
    ],
    exclude: [
      'test/native/load.test.ts', // finds the binary of this machine
      'test/proofs/strangers/namespaces.test.ts', // user namespaces
    ],
    setupFiles: [path.join(import.meta.dirname, 'setup.ts')],
    globalSetup: 'scripts/build/fresh.mjs',
    pool: 'forks',
    // The children of the tests are Macs, too.
    env: { DARWIN_HOST, DARWIN_IMAGE, NODE_OPTIONS: `--require ${preload}` },
    execArgv: ['--require', preload],
    maxWorkers: 3,
    // Emulated, and beside others, what takes a second elsewhere took 45: no deadline here is a promise.
    expect: { poll: { timeout: 20_000 } },
    testTimeout: 240_000,
    hookTimeout: 240_000,
    server: { deps: { external: [/\/dist\//] } },
  },
});
