// A worker is ended without a word by the test runner, so it writes what it covered after each file: `node scripts/tools/coverage.mjs`.

import * as v8 from 'node:v8';
import { afterAll } from 'vitest';

if (process.env.NODE_V8_COVERAGE !== undefined) afterAll(() => v8.takeCoverage());
