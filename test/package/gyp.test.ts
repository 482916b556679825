import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';

import { parseGyp, readRecipe } from '../../scripts/release/gyp.mjs';

const root = path.resolve(__dirname, '../..');

function withGyp<T>(text: string, use: (directory: string) => T): T {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
  try {
    fs.writeFileSync(path.join(directory, 'binding.gyp'), text);
    return use(directory);
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}

test('the cross build compiles every source of the two native layers', () => {
  const present = ['native/posix', 'native/glue'].flatMap((folder) =>
    fs
      .readdirSync(path.join(root, folder))
      .filter((name) => name.endsWith('.cc'))
      .map((name) => `${folder}/${name}`),
  );
  expect(readRecipe(root).sources.toSorted()).toEqual(present.toSorted());
});

test('a gyp file is read as Python would read it: comments, quotes of both kinds, trailing commas', () => {
  const text = `# a comment with 'quotes"
  {
    'targets': [{ # another
      "sources": ['a#b.cc', "it's.cc", 'say \\'hi\\'.cc',],
    },],
  }`;
  expect(parseGyp(text)).toEqual({ targets: [{ sources: ['a#b.cc', "it's.cc", "say 'hi'.cc"] }] });
});

test('defines and flags come with the sources', () => {
  const text =
    "{ 'targets': [{ 'sources': ['a.cc'], 'defines': ['A=1'], 'cflags': ['-Wall'], 'cflags_cc': ['-Os'] }] }";
  expect(withGyp(text, readRecipe)).toEqual({ sources: ['a.cc'], defines: ['A=1'], flags: ['-Wall', '-Os'] });
});

test.each([
  ['no target', "{ 'targets': [] }", /no target/],
  ['no sources', "{ 'targets': [{ 'defines': [] }] }", /no sources/],
  [
    'a condition in place of a source',
    "{ 'targets': [{ 'sources': [['OS==1', 'a.cc']] }] }",
    /expected a list of strings/,
  ],
  ['text that is no literal', 'not a gyp file', /Unexpected/],
])('%s is refused, not built as something else', (_, text, message) => {
  expect(() => withGyp(text, readRecipe)).toThrow(message);
});
