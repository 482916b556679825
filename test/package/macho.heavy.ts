// The Mach-O reader, and what is changed after linking, against LLVM's tools.

import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { buildTarget, linkTarget } from '../../scripts/release/build-target.mjs';
import { readRecipe } from '../../scripts/release/gyp.mjs';
import { readMachO } from '../../scripts/release/macho.mjs';
import { openZig } from '../../scripts/release/zig.mjs';
import { target } from './variations.js';

const root = path.resolve(__dirname, '../..');
const nm = findTool('llvm-nm');
const objdump = findTool('llvm-objdump');
const found = nm !== undefined && objdump !== undefined;

/** Debian has them with the version in the name. */
function findTool(name: string): string | undefined {
  const names = [name, ...[20, 19, 18, 17, 16, 15, 14].map((version) => `${name}-${version}`)];
  return names.find((each) => spawnSync(each, ['--version']).status === 0);
}

function run(tool: string | undefined, ...args: string[]): string {
  return execFileSync(tool ?? '', args, { encoding: 'utf8', maxBuffer: 16 << 20 });
}

describe.skipIf(!found).each(['darwin-x64', 'darwin-arm64'])(
  `%s, as LLVM reads it${found ? '' : ' (skipped: llvm-nm and llvm-objdump are missing)'}`,
  (name) => {
    let directory: string;
    let file: string;

    beforeAll(async () => {
      directory = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
      file = path.join(directory, 'boxsockets.node');
      const bytes = await buildTarget({ root, recipe: readRecipe(root), target: target(name), zig: openZig() });
      fs.writeFileSync(file, bytes);
    });
    afterAll(() => fs.rmSync(directory, { recursive: true }));

    test('exports what Node looks up, and nothing else', () => {
      const names = [...run(objdump, '--macho', '--exports-trie', file).matchAll(/^0x\S+ +(\S+)$/gm)].map(
        ([, each]) => each,
      );
      expect(names.sort()).toEqual(['_napi_register_module_v1', '_node_api_module_get_api_version_v1']);
      expect(readMachO(fs.readFileSync(file)).exports).toEqual(names);
    });

    test('states the addresses of its exports as the symbol table does', () => {
      const trie = run(objdump, '--macho', '--exports-trie', file);
      for (const [, address, symbol] of trie.matchAll(/^0x(\S+) +(\S+)$/gm)) {
        expect(run(nm, '--defined-only', '--extern-only', file)).toMatch(
          new RegExp(`^0*${address?.replace(/^0*/, '')} T ${symbol}$`, 'mi'),
        );
      }
    });

    test('has the undefined symbols that the reader finds', () => {
      const undefinedOnes = readMachO(fs.readFileSync(file)).symbols.filter(
        ({ defined, external }) => external && !defined,
      );
      const names = run(nm, '--undefined-only', '--format=just-symbols', file).trim().split('\n');
      expect(undefinedOnes.map((each) => each.name).sort()).toEqual(names.sort());
    });

    test('names no functions of its own but those two', () => {
      const table = run(nm, '--no-sort', '--defined-only', '--format=just-symbols', file).trim().split('\n');
      expect(table.sort()).toEqual(['_napi_register_module_v1', '_node_api_module_get_api_version_v1']);
    });

    test('has the code and the data that were linked, bound in the same way', async () => {
      const linked = path.join(directory, 'linked.node');
      const before = await linkTarget({ root, recipe: readRecipe(root), target: target(name), zig: openZig() });
      fs.writeFileSync(linked, before);
      const after = fs.readFileSync(file);
      const end = readMachO(before).layout.linkEdit.offset;
      const start = 32 + before.readUInt32LE(20);
      expect(after.subarray(start, end).equals(before.subarray(start, end))).toBe(true);
      for (const option of ['--rebase', '--bind', '--lazy-bind']) {
        const [is, was] = [file, linked].map((each) => run(objdump, '--macho', option, each).replaceAll(each, 'it'));
        expect(is).toBe(was);
      }
      const [starts, startsBefore] = [after, before].map((bytes) => functionStarts(bytes));
      expect(starts?.subarray(0, startsBefore?.length)).toEqual(startsBefore);
      expect(starts?.at(-1)).toBe(0);
      const [is, was] = [file, linked].map((each) => stubs(run(objdump, '--macho', '--indirect-symbols', each)));
      expect(is).toEqual(was);
      expect(is).toContain('_napi_define_properties');
    });

    test("has its tables one after another, as Apple's codesign and strip insist", () => {
      const spans = tableSpans(run(objdump, '--macho', '--private-headers', file));
      expect(spans.length).toBeGreaterThanOrEqual(name === 'darwin-arm64' ? 9 : 8);
      for (const [index, { offset, size }] of spans.entries()) {
        const next = spans[index + 1]?.offset ?? fs.statSync(file).size;
        expect(next - offset - size).toBeGreaterThanOrEqual(0);
        expect(next - offset - size).toBeLessThan(16); // alignment
      }
    });

    test('needs libSystem alone, and macOS 11.0', () => {
      const commands = run(objdump, '--macho', '--private-headers', file);
      expect([...commands.matchAll(/cmd LC_LOAD_DYLIB\n.*\n +name (\S+)/g)].map(([, each]) => each)).toEqual([
        '/usr/lib/libSystem.B.dylib',
      ]);
      expect(commands).toMatch(/minos 11\.0/);
    });
  },
);

/** Where the load commands say that the tables behind the segments lie, in order. */
function tableSpans(commands: string): { offset: number; size: number }[] {
  const value = (name: string) => Number(new RegExp(`^ *${name} (\\d+)`, 'm').exec(commands)?.[1] ?? 0);
  const data = [...commands.matchAll(/^ +dataoff (\d+)\n +datasize (\d+)/gm)].map(([, offset, size]) => ({
    offset: Number(offset),
    size: Number(size),
  }));
  const dyld = ['rebase', 'bind', 'weak_bind', 'lazy_bind', 'export'].map((table) => ({
    offset: value(`${table}_off`),
    size: value(`${table}_size`),
  }));
  return [
    ...data,
    ...dyld,
    { offset: value('symoff'), size: value('nsyms') * 16 },
    { offset: value('indirectsymoff'), size: value('nindirectsyms') * 4 },
    { offset: value('stroff'), size: value('strsize') },
  ]
    .filter(({ size }) => size > 0)
    .sort((a, b) => a.offset - b.offset);
}

function functionStarts(bytes: Buffer): Buffer {
  const at = readMachO(bytes).layout.functionStarts[0] ?? 0;
  const offset = bytes.readUInt32LE(at);
  return bytes.subarray(offset, offset + bytes.readUInt32LE(at + 4));
}

/** What each stub and pointer is for, in order. */
function stubs(indirectSymbols: string): (string | undefined)[] {
  return [...indirectSymbols.matchAll(/^0x\S+ +\S+ +(\S+)$/gm)].map(([, name]) => name);
}
