import { describe, expect, it } from 'vitest';
import { printable, printableJson, shellCommand, shorten, wrap } from '../../dist/cli/text.js';

describe('text for a person', () => {
  it('a path that is too long loses its middle', () => {
    expect(shorten('/home/me/boxes', 20)).toBe('/home/me/boxes');
    expect(shorten('/home/me/boxes/b1/sockets', 15, '…')).toBe('/home/m…sockets');
    expect(shorten('äöüäöüäöü', 5, '…')).toBe('äö…öü');
  });

  it('lines are broken at blanks, and a long word stays whole', () => {
    expect(wrap('one two three', 8)).toEqual(['one two', 'three']);
    expect(wrap(`a ${'x'.repeat(20)} b`, 8)).toEqual(['a', 'x'.repeat(20), 'b']);
    expect(wrap('  ', 8)).toEqual([]);
  });

  it('control characters and marks that turn the direction of writing are spelled out', () => {
    expect(printable('a\u001b[31m\u009b\u202e\u2028b\tc')).toBe('a\\x1b[31m\\x9b\\u202e\\u2028b\\x09c');
    expect(printable('/home/jörg/箱')).toBe('/home/jörg/箱');
  });

  it('and in a document as JSON escapes them, so that a reader gets them back', () => {
    const value = { name: 'a\u001b[31m\u009b\u202e\u2028b\tc', home: '/home/jörg/箱' };
    const text = printableJson(value);
    expect(text).toContain('"a\\u001b[31m\\u009b\\u202e\\u2028b\\tc"');
    expect(JSON.parse(text)).toEqual(value);
    // The document's own line ends alone are left.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(text.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e]/);
  });

  it('a command is quoted for a shell', () => {
    expect(shellCommand('ls', '-l', "it's $HOME")).toBe("ls -l 'it'\\''s $HOME'");
  });
});
