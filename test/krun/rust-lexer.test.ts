import * as fs from 'node:fs';
import * as path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lexRust, type RustToken } from '../../dist/krun/rust-lexer.js';

const shapes = (source: string) => [...lexRust(source)].map(({ kind, text }) => ({ kind, text }));
const strings = (source: string) => shapes(source).flatMap(({ kind, text }) => (kind === 'string' ? [text] : []));
const words = (source: string) => shapes(source).flatMap(({ kind, text }) => (kind === 'ident' ? [text] : []));

describe('lexRust tells code from comments and strings', () => {
  it.each([
    ['a line comment', '// "no"\n"yes"'],
    ['a doc comment', '/// "no"\n//! "no"\n"yes"'],
    ['nested block comments', '/* "no" /* "no" */ "no" */ "yes" /**/'],
    ['a block doc comment', '/** "no" */ /*! "no" */ "yes"'],
    ['a comment that looks like a string', `/* " */ "yes" // "`],
    ['a quote as a character', `'"' "yes" '\\'' '"'`],
    ['a quote as a byte', `b'"' "yes" b'\\''`],
    ['a lifetime', `fn f<'a>(x: &'a str) -> &'static str { "yes" }`],
    ['a label', `'outer: loop { break 'outer "yes" }`],
    ['characters and lifetimes mixed', `<'a, 'b> 'a' 'b' '\\u{1F980}' '🦀' "yes" '/' '/'`],
    ['an escaped backslash before a closing quote', `'\\\\' "yes" '\\\\'`],
  ])('%s', (_, source) => {
    expect(strings(source)).toEqual(['yes']);
  });

  it.each([
    [String.raw`"a\"b"`, 'a"b'],
    [String.raw`"a\\"`, 'a\\'],
    [String.raw`"\x2dkrun\u{2e}sock"`, '-krun.sock'],
    [String.raw`"\u{1_F98_0}\0\n\r\t\'"`, "🦀\0\n\r\t'"],
    ['"-krun\\\n        .sock"', '-krun.sock'],
    ['"two\nlines"', 'two\nlines'],
    ['"// no comment /* "', '// no comment /* '],
    ['r"a\\"', 'a\\'],
    ['r#"a"b"#', 'a"b'],
    ['r##"a"#b"##', 'a"#b'],
    ['br#"a"#', 'a'],
    ['b"a"', 'a'],
    ['c"a"', 'a'],
    ['cr#"a"#', 'a'],
    ['r#"// "#', '// '],
  ])('the value of %s', (source, value) => {
    expect(strings(`${source} + 1`)).toEqual([value]);
  });

  it('keeps raw identifiers, prefixes and numbers apart from literals', () => {
    expect(words('r#fn bar r b br x1 _ été 0x1f 1e5 1..2 1.0f32 7usize')).toEqual([
      'fn',
      'bar',
      'r',
      'b',
      'br',
      'x1',
      '_',
      'été',
    ]);
    expect(strings('println!(r"a", b); r = "b"; br; "c"')).toEqual(['a', 'b', 'c']);
  });

  it('says on which line a token begins', () => {
    const source = '"a"\r\n/*\n*/ "b\n" r#"\n\n"# /* */ "c"\n// \n"d"';
    const lines = [...lexRust(source)].flatMap(({ kind, line }) => (kind === 'string' ? [line] : []));
    expect(lines).toEqual([1, 3, 4, 6, 8]);
  });

  it.each(['"abc', 'r#"abc"', '/* /* */', "'", "'\\", 'b"', 'r###', '"\\', '\u{FEFF}x', '\ud800'])(
    'comes to an end in %j, which is cut short',
    (source) => {
      expect(() => shapes(source)).not.toThrow();
      expect(strings(`${source}\n`).length).toBeLessThanOrEqual(1);
    },
  );
});

const piece = fc.oneof(
  fc.constantFrom('fn', 'let', 'b', 'r', 'br', 'krun_net', 'SOCK').map((text) => ({ raw: text, kind: 'ident', text })),
  fc.constantFrom('(', ')', '{', '}', '::', '->', '#', '!', ';', '&', '*', '<').map((raw) => ({ raw, kind: 'punct' })),
  fc
    .constantFrom("'a'", "'\"'", "'\\''", "'\\\\'", "b'/'", "'static", "'_", '42', '0x2f', '1.5')
    .map((raw) => ({ raw })),
  fc
    .string({ unit: fc.constantFrom('a', '/', '*', '"', '\\', "'", '\n', '#', '-krun.sock', '{}') })
    .chain((text) =>
      fc.constantFrom(
        { raw: `"${text.replace(/["\\]/g, '\\$&')}"`, kind: 'string', text },
        { raw: `b"${text.replace(/["\\]/g, '\\$&')}"`, kind: 'string', text },
        { raw: `r#####"${text.replaceAll('#', '-')}"#####`, kind: 'string', text: text.replaceAll('#', '-') },
      ),
    ),
);
const remark = fc.string({ unit: fc.constantFrom('a', ' ', '"', "'", '\\', 'r#"', '{}-krun.sock', '// ', '\t') });
const gap = fc.oneof(
  fc.constantFrom(' ', '\n', '\t\r\n'),
  remark.map((text) => `//${text}\n`),
  remark.map((text) => ` /*${text.replaceAll('//', '')}*/ `),
  fc
    .tuple(remark, remark)
    .map(([a, b]) => ` /*${a.replaceAll('/', '')}/*${b.replaceAll('/', '')}*/${a.replaceAll('/', '')}*/ `),
);

describe('lexRust, whatever the program', () => {
  it('yields the same tokens with any comments between them', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(piece, gap)), (program) => {
        const source = program.map(([{ raw }, between]) => raw + between).join('');
        const expected = program.flatMap(([token]) => {
          if (!('kind' in token)) return [];
          return token.kind === 'punct'
            ? [...token.raw].map((text) => ({ kind: 'punct', text }))
            : [{ kind: token.kind, text: 'text' in token ? token.text : '' }];
        });
        expect(shapes(source)).toEqual(expected);
      }),
      { numRuns: 2_000 },
    );
  });

  it('ends, and counts the lines, of any text at all', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom(...'\'"\\/*#rbc\n{}a ') }));
    fc.assert(
      fc.property(text, (source) => {
        const last: RustToken | undefined = [...lexRust(source)].at(-1);
        expect(last?.line ?? 1).toBeLessThanOrEqual(source.split('\n').length);
      }),
      { numRuns: 2_000 },
    );
  });

  it('reads our own fixtures to their ends', () => {
    const root = path.join(__dirname, '..', 'fixtures', 'krun', 'suffix', 'src', 'devices', 'src', 'virtio', 'net');
    const source = fs.readFileSync(path.join(root, 'unixgram.rs'), 'utf8');
    const tokens = [...lexRust(source)];
    expect(tokens.at(-1)).toMatchObject({ kind: 'punct', text: '}', line: source.trimEnd().split('\n').length });
  });
});
