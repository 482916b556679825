import { describe, expect, it } from 'vitest';
import { deeperThan, withoutMembers } from '../../dist/box/json-members.js';

describe('withoutMembers', () => {
  it.each([
    ['{"a":1,"b":2}', ['a'], '{"b":2}'],
    ['{"a":1,"b":2}', ['b'], '{"a":1}'],
    ['{"a":1,"b":2,"c":3}', ['a', 'c'], '{"b":2}'],
    ['{"a":1}', ['a'], '{}'],
    ['{}', ['a'], '{}'],
    // What stays, stays byte for byte.
    [' { "a" : 1 , "b" : 18446744073709551615 } ', ['a'], ' { "b" : 18446744073709551615 } '],
    [' { "a" : 1 , "b" : 1.0 } ', ['c'], ' { "a" : 1 , "b" : 1.0 } '],
    // Neither what nests nor what stands in a string divides or names a member.
    ['{"x":{"a":1,"b":[1,2]},"a":[{"a":1},2]}', ['a'], '{"x":{"a":1,"b":[1,2]}}'],
    ['{"x":"a\\",\\"a\\":1,{[","a":"}]"}', ['a'], '{"x":"a\\",\\"a\\":1,{["}'],
    ['{"x":"\\\\","a":1}', ['a'], '{"x":"\\\\"}'],
    ['{"\\u0061":1,"b":2}', ['a'], '{"b":2}'],
    ['{"a\\"b":1,"b":2}', ['a"b'], '{"b":2}'],
    ['{"x":"line","a":"two\\nlines","b":1}', ['a'], '{"x":"line","b":1}'],
    ['{"a":1,"a":2,"b":3}', ['a'], '{"b":3}'],
    ['{"b":[],"a":{},"c":null}', ['a'], '{"b":[],"c":null}'],
  ])('%s without %j is %s', (text, names, rest) => {
    expect(withoutMembers(text, new Set(names))).toBe(rest);
    expect(() => JSON.parse(rest)).not.toThrow();
  });
});

describe('deeperThan', () => {
  it.each([
    ['1', 0, false],
    ['[]', 0, true],
    ['[]', 1, false],
    ['{"a":[]}', 1, true],
    ['{"a":[]}', 2, false],
    ['[[],[],{}]', 2, false],
    ['[[],[[]],{}]', 2, true],
    ['{"a":"[[[["}', 1, false],
    ['{"a":"\\"[[[["}', 1, false],
    ['{"[[[[":1}', 1, false],
    // A string without an end hides what follows, as it would to a parser.
    ['{"a":"[[[[', 1, false],
    ['[[[[', 3, true],
    ['[[[[', 4, false],
    ['"a\n[[["[[', 1, true],
    ['"a\n[[["[[', 2, false],
  ])('%j, %d: %s', (text, levels, isDeeper) => {
    expect(deeperThan(text, levels)).toBe(isDeeper);
  });
});
