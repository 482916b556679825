import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes longest begins first: by itself at the end, it would have one of the processors idle. */
const LONGEST = ['reproducible', 'hosts', 'types', 'boxlite-home', 'bundlers', 'conformance'];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = LONGEST.findIndex((name) => moduleId.endsWith(`/${name}.heavy.ts`));
      return at < 0 ? LONGEST.length : at;
    };
    return files.sort((a, b) => rank(a) - rank(b));
  }
}

// The tests of the package as a whole, the long ones among them (*.heavy.ts): they build every platform's binary, and
// fetch a compiler and other runtimes from npm on first use.
export default defineConfig({
  test: {
    include: ['test/package/**/*.test.ts', 'test/package/**/*.heavy.ts'],
    globalSetup: 'test/package/setup.ts',
    pool: 'forks',
    // One more than there are processors on the gate's machine: they wait for the disk and for time-outs as well.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    testTimeout: 300_000,
    hookTimeout: 600_000,
    server: { deps: { external: [/\/dist\//] } },
  },
});
