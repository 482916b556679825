// The pin's scanner of binaries: its answer is that of a search of the whole, wherever its buffer happens to end.

import { KrunLibraryScanner } from '../../dist/krun/library.js';
import { check } from './check.js';

export const seeds = [
  '\x01\x05net.sock-krun.sockEnsured',
  '\x21\x40libkrun-net-1 krun-net-4711-1.sock',
  '\x30\x07devices::virtio::net::passt virtio/net/unixgram.rs _ZN6virtio3net7gvproxy',
  '\x00\x01krun_add_net_unixgram krun_set_gvproxy_path',
  '\x40\x02-krun-krun2.sock-krun.sock',
];
export const dictionary = [
  ...['-krun.sock', '-krun-net-', 'krun-net-', 'libkrun-net-', '.sock', '-krun_x', 'krun_add_net_unixgram'],
  ...['krun_set_gvproxy_path', 'virtio::net::', 'virtio/net/', 'virtio3net5', 'passt', 'unixgram', 'gvproxy'],
];

const MOST_EVIDENCE = 16;
const LARGEST = 1 << 12;
// What the scanner keeps of one buffer for the next, and a byte.
const SMALLEST = 97;

/** The first byte is the size of the buffer, the second that of a read; the rest is the file. */
export function fuzz(data: Buffer): void {
  const file = data.subarray(2);
  const found = scan(file, SMALLEST + (data[0] ?? 0), 1 + (data[1] ?? 0));
  const whole = scan(file, LARGEST, LARGEST);
  // Of more than 16 places, which ones are shown is not promised.
  const isShort = found.evidence.length < MOST_EVIDENCE && whole.evidence.length < MOST_EVIDENCE;
  check(!isShort || JSON.stringify(found) === JSON.stringify(whole), 'no border changes the answer', found, whole);
  const expected = schemeOf(file.toString('latin1'));
  check(found.scheme === expected.scheme, 'the scheme is that of a search of the whole', found, expected);
  check(found.suffix === expected.suffix, 'and so is the suffix', found, expected);
  for (const { offset } of found.evidence as { offset: number }[]) {
    const shown = file.toString('latin1', offset, offset + 6);
    check(/^(?:-?krun|virtio)/.test(shown), 'the evidence is where it is said to be', offset, shown);
  }
}

function scan(file: Buffer, bufferBytes: number, readBytes: number): ReturnType<KrunLibraryScanner['finish']> {
  const scanner = new KrunLibraryScanner('f', bufferBytes);
  for (let at = 0; at < file.length; ) {
    const count = file.subarray(at, at + readBytes).copy(scanner.space());
    check(count > 0, 'there is always space');
    scanner.push(count);
    at += count;
  }
  check(scanner.size === file.length, 'every byte is counted once', scanner.size, file.length);
  return scanner.finish();
}

const SUFFIXES = /(?=(-krun(?!-net-|_add_net_unixgram|_set_gvproxy_path)[A-Za-z0-9_-]{0,24}\.sock))/g;
const TEMPLATE = /(?<!lib)krun-net-/;
const CALL = /krun_(?:add_net_unixgram|set_gvproxy_path)/;
const DATAGRAM = /virtio(?:::net::|\/net\/|3net[0-9])(?:unixgram|gvproxy)/;
const STREAM = /virtio(?:::net::|\/net\/|3net[0-9])passt/;

function schemeOf(text: string): { scheme: string; suffix: string | null } {
  const suffixes = new Set(Array.from(text.matchAll(SUFFIXES), ([, suffix]) => suffix ?? ''));
  const [suffix = null] = suffixes;
  const isTemplate = TEMPLATE.test(text);
  if (suffixes.size + Number(isTemplate) > 1) return { scheme: 'ambiguous', suffix: null };
  if (suffix !== null) return { scheme: 'suffix', suffix };
  if (isTemplate) return { scheme: 'temp-dir', suffix };
  return { scheme: STREAM.test(text) && !DATAGRAM.test(text) && !CALL.test(text) ? 'none' : 'unknown', suffix };
}
