import path from 'node:path';
import { defineConfig } from 'vitest/config';

// What StrykerJS runs: the tests that call TypeScript in their own process, on the sources in place of what is built.
export default defineConfig({
  plugins: [
    {
      name: 'sources-in-place-of-dist',
      enforce: 'pre',
      resolveId(source, importer) {
        const found = /^(?:\.\.\/)+dist\/(.*)\.js$/.exec(source);
        return found === null || importer === undefined ? null : path.resolve(`lib/${found[1]}.ts`);
      },
      // What is loaded at its first use only: Node's own require knows no TypeScript.
      transform(code, id) {
        if (!id.startsWith(path.resolve('lib'))) return null;
        const imports: string[] = [];
        const text = code.replace(/\brequire\(('\.[^']*\.js')\)/g, (_, file) => {
          imports.push(`import * as lazy${imports.length} from ${file};`);
          return `lazy${imports.length - 1}`;
        });
        return imports.length === 0 ? null : { code: `${text}\n${imports.join('\n')}`, map: null };
      },
    },
  ],
  test: {
    include: [
      'test/{paths,krun,sandbox,box,cli,runtime}/**/*.test.ts',
      'test/*.test.ts',
      'test/proofs/cli/mounts.test.ts',
    ],
    // What a program in a sandbox may do is no matter of these sources alone, and takes long. node:fs can be replaced for
    // what is built alone, and a mask is of a whole process.
    exclude: [
      'test/sandbox/{bubblewrap-real,landlock}.test.ts',
      'test/budgets.test.ts',
      'test/{beneath,mount-points}.test.ts',
    ],
    // One that fails by chance before any mutant would end it all.
    retry: 1,
    pool: 'threads',
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
