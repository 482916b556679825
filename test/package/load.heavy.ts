// Each binary in the runtimes that should take it, and in those that must refuse it.

import { execFile, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { prebuilt } from '../../scripts/release/prebuilt.mjs';
import { TARGETS } from '../../scripts/release/targets.mjs';
import { launch, RUNTIMES, whyNot } from './runtimes/runtimes.mjs';

const root = path.resolve(__dirname, '../..');
const script = path.join(root, 'test/fixtures/load-binding.cjs');
const ENOENT = { errno: 2, syscall: 'stat' };
let directory: string;

beforeAll(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
  for (const target of TARGETS.filter(({ platform }) => platform === 'linux')) {
    fs.copyFileSync(path.join(await prebuilt(root), target.file), path.join(directory, `${target.name}.node`));
  }
});
afterAll(() => fs.rmSync(directory, { recursive: true }));

async function load(runtime: (typeof RUNTIMES)[number], libc: 'glibc' | 'musl'): Promise<unknown> {
  const { command, args, env } = await launch(runtime);
  const file = path.join(directory, `linux-${runtime.arch}-${libc}.node`);
  const { stdout } = await promisify(execFile)(command, [...args, script, file], { env: { ...process.env, ...env } });
  return JSON.parse(stdout);
}

const MUSL = '/lib/ld-musl-x86_64.so.1';
const hasMusl = fs.existsSync(MUSL);

// Bun looks at a binary before musl does. This is musl's own answer.
test.skipIf(!hasMusl)(
  `musl itself misses nothing but Node-API in its binary, and a function of glibc in glibc's${hasMusl ? '' : ' (skipped: musl is missing)'}`,
  () => {
    const missing = (libc: string) => {
      const { stderr } = spawnSync(MUSL, ['--list', path.join(directory, `linux-x64-${libc}.node`)], {
        encoding: 'utf8',
      });
      return [...stderr.matchAll(/: (\S+): symbol not found/g)].map(([, name]) => name ?? '');
    };
    expect(missing('musl').length).toBeGreaterThan(10);
    expect(missing('musl').filter((name) => !name.startsWith('napi_'))).toEqual([]);
    expect(missing('glibc')).toContain('gnu_get_libc_version');
  },
);

describe.each(RUNTIMES.map((runtime) => [runtime.name, runtime] as const))('%s', (_, runtime) => {
  const reason = whyNot(runtime);
  const why = reason === undefined ? '' : ` (skipped: ${reason})`;

  test.skipIf(reason !== undefined)(`loads its own binary, which reads errno of its own libc${why}`, async () => {
    expect(await load(runtime, runtime.libc)).toMatchObject({
      same: true,
      different: false,
      missing: ENOENT,
      sameAsync: true,
      missingAsync: ENOENT,
    });
  });

  test.skipIf(reason !== undefined)(`refuses the other libc's binary when it is loaded, not later${why}`, async () => {
    const other = runtime.libc === 'glibc' ? 'musl' : 'glibc';
    await expect(load(runtime, other)).rejects.toThrow(
      other === 'musl' ? /libc\.so: (invalid ELF header|cannot open shared object file)/ : /linked against glibc|gnu_/,
    );
  });
});
