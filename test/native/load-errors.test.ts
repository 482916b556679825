// What is said where no binary loads: a remedy for each reason that a loader gives.

import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { cutShort, nativeUnavailable, wrongContract } from '../../dist/native/load-errors.js';
import { checkWhole } from '../../dist/native/whole-file.js';
import { openDescriptors } from '../helpers/descriptors.js';
import { tempDir } from '../helpers.js';

const failed = (...messages: string[]) =>
  nativeUnavailable(messages.map((message, at) => ({ place: `/place/${at}`, reason: new Error(message) })));
const lastLine = (text: string): string => text.split('\n').at(-1) ?? '';

describe('a binary that does not load', () => {
  it.each([
    ['Cannot load native addon because loading addons is disabled.', 'start Node without --no-addons'],
    [
      'Access to this API has been restricted. Use --allow-addons to manage permissions.',
      'start Node without --no-addons',
    ],
    ['Requires ffi access, run again with the --allow-ffi flag', 'deno run --allow-ffi'],
    ['/a.node: failed to map segment from shared object', 'not mounted noexec, or name a copy elsewhere'],
    ['dlopen(/a.node): Operation not permitted', 'not mounted noexec, or name a copy elsewhere'],
    ["Cannot find module '/a.node'", 'Install the package anew with all its files'],
  ])('for the reason %j has a remedy on its last line', (reason, remedy) => {
    expect(lastLine(failed(reason).message)).toContain(remedy);
    // Whichever of the places gives it.
    expect(lastLine(failed("Cannot find module 'x'", reason).message)).toContain(remedy);
  });

  it('under permissions is allowed by their flag', () => {
    Object.assign(process, { permission: { has: () => false } });
    onTestFinished(() => void Reflect.deleteProperty(process, 'permission'));
    const { message } = failed('loading addons is disabled');
    expect(lastLine(message)).toBe('Allow native addons: node --permission --allow-addons');
  });

  it('names each place with one line of its reason, and has all reasons as its cause', () => {
    const error = failed('one\nmore', '\n  \nloader:\n  two\nthree', 'four:', '');
    expect(error.code).toBe('ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE');
    expect(error.message.split('\n').slice(0, -1)).toEqual([
      `No native binary could be loaded for ${process.platform}-${process.arch}. Tried:`,
      '  - /place/0: one',
      '  - /place/1: loader: two',
      '  - /place/2: four:',
      '  - /place/3: no reason was given (Error)',
    ]);
    expect((error.cause as AggregateError).errors).toHaveLength(4);
    expect((failed('one').cause as AggregateError).errors).toHaveLength(1);
  });

  it('that there is none of says for what there are, and has no cause', () => {
    const error = failed();
    expect(Object.hasOwn(error, 'cause')).toBe(false);
    expect(error.message).not.toContain('Tried');
    expect(lastLine(error.message)).toMatch(/^There is none for it: .* linux and darwin on x64 and arm64$/);
  });

  it('of another version or too short tells both numbers', () => {
    expect(wrongContract(3, 14).message).toMatch(/contract 3, expected 14/);
    expect(wrongContract(undefined, 14).message).toMatch(/contract undefined, expected 14/);
    expect(cutShort({ found: 3, stated: 14 }).message).toMatch(/3 bytes of 14/);
  });
});

describe('a file that is looked at before it is loaded', () => {
  /** An ELF file of 64 bits whose table of sections ends at that byte. */
  function elf(end: number, size: number): string {
    const file = `${tempDir()}/a.node`;
    const bytes = new DataView(new ArrayBuffer(size));
    bytes.setUint32(0, 0x7f454c46);
    bytes.setUint8(4, 2);
    bytes.setUint8(5, 1);
    bytes.setBigUint64(0x28, BigInt(end - 2 * 64), true);
    bytes.setUint16(0x3a, 64, true);
    bytes.setUint16(0x3c, 2, true);
    fs.writeFileSync(file, new Uint8Array(bytes.buffer));
    return file;
  }

  it('is whole to its last byte, or is refused with both lengths; nothing of it stays open', () => {
    const before = openDescriptors('/tmp');
    expect(checkWhole(elf(500, 500))).toBeUndefined();
    expect(checkWhole(elf(500, 501))).toBeUndefined();
    expect(() => checkWhole(elf(500, 499))).toThrow('file too short: it has 499 bytes of 500');
    expect(openDescriptors('/tmp')).toEqual(before);
  });

  it('is left to the loader where it is none, is too short to tell, or cannot be read', () => {
    const directory = tempDir();
    fs.writeFileSync(`${directory}/text`, 'no binary '.repeat(50));
    fs.writeFileSync(`${directory}/short`, fs.readFileSync(elf(500, 500)).subarray(0, 63));
    fs.writeFileSync(`${directory}/empty`, '');
    for (const name of ['text', 'short', 'empty', 'none']) expect(checkWhole(`${directory}/${name}`)).toBeUndefined();
  });
});

describe('the modules of Node', () => {
  const load = createRequire(__filename);
  const id = load.resolve('../../dist/native/host.js');

  /** A copy of its own, as the package is loaded the first time. */
  function fresh(): typeof import('../../dist/native/host.js') {
    const kept = load.cache[id];
    delete load.cache[id];
    const host = load(id);
    load.cache[id] = kept;
    return host;
  }

  it('are required where nobody has handed them over, and are those of this build alone', () => {
    const host = fresh();
    const names =
      'buffer child_process cluster crypto events fs fs/promises net os path stream timers timers/promises url util';
    for (const name of names.split(' ')) expect(host.builtin(`node:${name}`)).toBe(load(`node:${name}`));
    expect(() => host.builtin('node:repl')).toThrow('node:repl is not among the modules of this build');
    expect(host.requireOptional('a', () => 'literal')).toBe('literal');
    expect(host.directoryOfBundle()).toMatch(/\/dist\/native$/);
  });

  it('are those that the ES module hands over first, and the rest is asked for later', () => {
    const host = fresh();
    const required = vi.fn(() => 'required');
    const fsOfHost = {};
    host.setHost({ modules: { 'node:fs': fsOfHost }, directory: '/bundle', require: required });
    host.setHost({ modules: {}, directory: '/other', require: () => expect.unreachable('the second one') });
    expect(host.builtin('node:fs')).toBe(fsOfHost);
    expect(host.builtin('node:os')).toBe(load('node:os'));
    expect(host.requireOptional('better', () => expect.unreachable('literal'))).toBe('required');
    expect(required).toHaveBeenCalledExactlyOnceWith('better');
  });
});
