import fc from 'fast-check';
import { expect, test } from 'vitest';

import { readTrie, writeTrie } from '../../scripts/release/export-trie.mjs';

const symbols = fc.uniqueArray(
  fc.record({
    name: fc.stringMatching(/^[_a-cA-C]{1,12}$/),
    flags: fc.constant(0),
    address: fc.nat({ max: 2 ** 31 }),
  }),
  { selector: ({ name }) => name, maxLength: 200 },
);

test('what is written is read back, whatever the names have in common', () => {
  fc.assert(
    fc.property(symbols, (given) => {
      const sorted = given.toSorted((a, b) => (a.name < b.name ? -1 : 1));
      expect(readTrie(writeTrie(given))).toEqual(sorted);
    }),
  );
});

test('no exports at all are read as none', () => {
  expect(readTrie(Buffer.alloc(0))).toEqual([]);
});

test('a trie that leads in a circle, or out of the file, ends with an error', () => {
  const circle = Buffer.from([0, 1, 'a'.charCodeAt(0), 0, 0]);
  expect(() => readTrie(circle)).toThrow(/circle/);
  expect(() => readTrie(Buffer.from([0, 1, 'a'.charCodeAt(0), 0, 99]))).toThrow();
});
