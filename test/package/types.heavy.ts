// The types, from the installed package: what compiles and what must not, by TypeScript from 5.0 on, in each way to
// resolve modules, the package's own declarations checked too.

import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';

import { installPinned } from '../../scripts/tools/pinned.mjs';
import { installedProject, root, run, titled, whyNoTools } from './installed.js';

const SOURCE = path.join(__dirname, 'types/compiles.ts');
const whyNone = whyNoTools('typescripts');
let project: string;

beforeAll(() => {
  if (whyNone !== undefined) return;
  project = installedProject();
  const modules = installPinned('typescripts');
  for (const name of ['@types', 'undici-types']) {
    fs.symlinkSync(path.join(modules, name), path.join(project, 'node_modules', name));
  }
  for (const name of ['host.cts', 'host.mts', 'host.ts']) fs.copyFileSync(SOURCE, path.join(project, name));
  const wrong = fs.readFileSync(SOURCE, 'utf8').replaceAll('// @ts-expect-error', '//');
  fs.writeFileSync(path.join(project, 'wrong.ts'), wrong);
});

/** The newest, which is the checkout's own, and others. */
function compiler(version: string): string {
  const folder =
    version === '7'
      ? path.join(root, 'node_modules/typescript')
      : `${installPinned('typescripts')}/typescript-${version}`;
  return path.join(folder, 'bin/tsc');
}

async function compile(version: string, files: string[], options: string[]): Promise<string> {
  const strict = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess'];
  const own = version === '7' ? ['--ignoreConfig'] : ['--esModuleInterop', 'false'];
  const fixed = ['--types', 'node', '--target', 'es2022', '--skipLibCheck', 'false'];
  const args = [compiler(version), ...strict, ...own, ...fixed, ...options, ...files];
  const { stdout, stderr } = await run(process.execPath, args, { cwd: project });
  return stdout + stderr;
}

const RESOLUTIONS = [
  ['commonjs', 'node10', 'host.ts'],
  ['node16', 'node16', 'host.cts', 'host.mts'],
  ['nodenext', 'nodenext', 'host.cts', 'host.mts'],
  ['esnext', 'bundler', 'host.ts'],
] as const;

// TypeScript 7 has neither node10 nor a way to do without esModuleInterop.
const cases = ['5.0', '5.4', '5.9', '7'].flatMap((version) =>
  RESOLUTIONS.filter(([, resolution]) => version !== '7' || resolution !== 'node10').map(
    ([module, resolution, ...files]) => ({ version, module, resolution, files }),
  ),
);

type Case = (typeof cases)[number];

// A compiler is slow to start: where a file is alone, what is wrong is read by the same run as what is right.
const read = new Map<Case, Promise<string>>();

function errorsOf(each: Case): Promise<string> {
  const { version, module, resolution, files } = each;
  const all = files.length === 1 ? [...files, 'wrong.ts'] : files;
  const errors = read.get(each) ?? compile(version, all, ['--module', module, '--moduleResolution', resolution]);
  read.set(each, errors);
  return errors;
}

const WRONG = /^wrong\.ts\(\d+,\d+\): error .*\n(?: .*\n)*/gm;

test.skipIf(whyNone !== undefined).each(cases)(
  titled('TypeScript $version, module $module, moduleResolution $resolution', whyNone),
  async (each) => {
    expect((await errorsOf(each)).replace(WRONG, '')).toBe('');
  },
);

test.skipIf(whyNone !== undefined).each(cases.filter(({ files }) => files.length === 1))(
  titled('a type that is wrong is found: TypeScript $version, $resolution', whyNone),
  async (each) => {
    const expected = fs.readFileSync(SOURCE, 'utf8').split('@ts-expect-error').length - 1;
    expect((await errorsOf(each)).match(WRONG)?.length).toBe(expected);
  },
);
