import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkKrunPin, checkKrunPinSync } from '../../dist/krun/pin.js';
import { judgeKrunSigns } from '../../dist/krun/signs.js';
import { readKrunSource } from '../../dist/krun/source.js';

const FIXTURES = path.join(__dirname, '..', 'fixtures', 'krun');
const NET = path.join('src', 'devices', 'src', 'virtio', 'net');
const fixture = (...names: string[]) => path.join(FIXTURES, ...names);

let dir = '';
beforeAll(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
});
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

let count = 0;
/** A tree of its own with the given files. */
function tree(files: Record<string, string>): string {
  count += 1;
  const root = path.join(dir, `t${count}`);
  fs.mkdirSync(root);
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    fs.writeFileSync(path.join(root, name), text);
  }
  return root;
}
const judge = (text: string) => judgeKrunSigns(readKrunSource('unixgram.rs', text));
const bound = (expression: string) =>
  `fn open(path: &Path) { let own = ${expression}; bind(fd, &own)?; connect(fd, path)?; }`;

describe('checkKrunPin of sources', () => {
  const schemes = [
    { name: 'none', scheme: 'none', suffix: null, longestName: null, file: 'passt.rs', line: 11 },
    {
      name: 'suffix',
      scheme: 'suffix',
      suffix: '-krun.sock',
      longestName: 'net.sock-krun.sock',
      file: 'unixgram.rs',
      line: 22,
    },
    {
      name: 'suffix-gvproxy',
      scheme: 'suffix',
      suffix: '-krun.sock',
      longestName: 'net.sock-krun.sock',
      file: 'gvproxy.rs',
      line: 13,
    },
    {
      name: 'temp-dir',
      scheme: 'temp-dir',
      suffix: null,
      longestName: 'krun-net-4194304-4294967295.sock',
      file: 'unixgram.rs',
      line: 22,
    },
  ];

  it.each(schemes)('reads the scheme of $name from the tree, its directories and the file', async (expected) => {
    const { name, scheme, suffix, longestName, file, line } = expected;
    const evidence = [{ file: fixture(name, NET, file), line, text: expect.any(String) }];
    for (const at of [[], ['src'], ['src', 'devices'], [NET], [NET, file]]) {
      const pin = { scheme, suffix, longestName, evidence };
      expect(checkKrunPinSync({ source: fixture(name, ...at) })).toEqual(pin);
      expect(await checkKrunPin({ source: fixture(name, ...at) })).toEqual(pin);
    }
  });

  it('shows the line that decides', () => {
    const { evidence } = checkKrunPinSync({ source: fixture('suffix-gvproxy') });
    expect(evidence[0]?.text).toBe('let own = PathBuf::from(format!("{}-krun.sock", path.display()));');
  });

  it('finds the backends of a vendored copy deep in another tree, and not those of its tests', () => {
    const root = tree({ 'Cargo.toml': '' });
    fs.cpSync(fixture('temp-dir'), path.join(root, 'deps', 'krun-sys', 'vendor', 'libkrun'), { recursive: true });
    fs.mkdirSync(path.join(root, 'target', 'net'), { recursive: true });
    fs.writeFileSync(path.join(root, 'target', 'net', 'unixgram.rs'), bound('format!("{}-krun.sock", p)'));
    expect(checkKrunPinSync({ source: root }).scheme).toBe('temp-dir');
  });

  it('finds backends in a directory of any name, and not in one of tests', () => {
    const root = tree({
      'src/backends/unixgram.rs': bound('format!("{}-krun.sock", p)'),
      'tests/gvproxy.rs': bound('format!("{}-krun2.sock", p)'),
    });
    expect(checkKrunPinSync({ source: root })).toMatchObject({ scheme: 'suffix', suffix: '-krun.sock' });
  });

  it('follows the name into a file beside the backend', () => {
    const root = tree({
      [`${NET}/unixgram.rs`]: 'pub fn open(path: PathBuf) { sys::connect_datagram(&super::names::own(&path), &path) }',
      [`${NET}/names.rs`]: 'pub fn own(path: &Path) -> String { format!("{}-krun.sock", path.display()) }',
    });
    expect(checkKrunPinSync({ source: root })).toMatchObject({ scheme: 'suffix', suffix: '-krun.sock' });
  });

  it('is not led astray by a neighbour that binds something else', () => {
    const root = tree({
      [`${NET}/unixgram.rs`]: 'pub fn open(fd: OwnedFd) -> Unixgram { Unixgram { fd } }',
      [`${NET}/tap.rs`]: 'fn up() { bind(fd, &local_addr)?; }',
    });
    expect(checkKrunPinSync({ source: root }).scheme).toBe('none');
  });

  it('says unknown of a tree or a file that is not libkrun, and of nothing', () => {
    expect(checkKrunPinSync({ source: tree({ 'src/main.rs': bound('"net.sock-krun.sock"') }) })).toEqual({
      scheme: 'unknown',
      suffix: null,
      longestName: null,
      evidence: [],
    });
    expect(checkKrunPinSync({ source: tree({}) }).scheme).toBe('unknown');
    expect(checkKrunPinSync({ source: path.join(tree({ 'empty.rs': '' }), 'empty.rs') }).scheme).toBe('unknown');
    expect(checkKrunPinSync({ source: path.join(__dirname, '..', '..', 'package.json') }).scheme).toBe('unknown');
  });

  it('does not follow a link to a directory in a circle', () => {
    const root = tree({ 'a/b/x.txt': '' });
    fs.symlinkSync('..', path.join(root, 'a', 'b', 'up'));
    expect(checkKrunPinSync({ source: root }).scheme).toBe('unknown');
  });
});

describe('the scheme of a source', () => {
  it.each([
    ['-krun.sock', 'format!("{}-krun.sock", path.display())'],
    ['-krun2.sock', 'format!("{}-krun2.sock", path.display())'],
    ['-krun.sock', 'format!("{path}-krun.sock")'],
    ['-krun.sock', 'format!(r#"{0}-krun.sock"#, path.display())'],
    ['-krun.sock', '{ let mut own = path.into_os_string(); own.push("-krun.sock"); own }'],
    ['-krun.sock', '[path.as_bytes(), b"-krun.sock\\0"].concat()'],
    ['-krun.sock', 'format!("{}{}", path.display(), SUFFIX); const SUFFIX: &str = "-krun.sock"'],
    ['-krun.sock', 'format!(\n  "{}-krun.sock",\n  path.display(),\n)'],
    ['-krun.sock', '{ let q = \'"\'; format!("{}-krun.sock", path) /* \'"\' */ }'],
  ])('is suffix, %s as it stands, for %s', (suffix, expression) => {
    expect(judge(bound(expression))).toMatchObject({ scheme: 'suffix', suffix, longestName: `net.sock${suffix}` });
  });

  it.each([
    'temp_dir().join(format!("krun-net-{}-{}.sock", id(), n))',
    'std::env::temp_dir().join(format!(\n"krun-net-{pid}-{n}.sock"\n))',
    'format!("{}/krun-net-{}-{}.sock", env::temp_dir().display(), id(), n)',
    'PathBuf::from(env::var_os("TMPDIR").unwrap()).join(format!("krun-net-{}-{}.sock", id(), n))',
  ])('is temp-dir for %s', (expression) => {
    const longestName = 'krun-net-4194304-4294967295.sock';
    expect(judge(bound(expression))).toMatchObject({ scheme: 'temp-dir', suffix: null, longestName });
  });

  it.each([
    ['two suffixes', 'if old { format!("{}-krun.sock", p) } else { format!("{}-krun2.sock", p) }'],
    [
      'two schemes',
      'if old { format!("{}-krun.sock", p) } else { temp_dir().join(format!("krun-net-{}-{}.sock", i, n)) }',
    ],
  ])('is ambiguous for %s, with the evidence of both', (_, expression) => {
    const pin = judge(bound(expression.replace(' else ', '\n else ')));
    expect(pin).toMatchObject({ scheme: 'ambiguous', suffix: null, longestName: null });
    expect(pin.evidence.map(({ line }: { line?: number }) => line)).toEqual([1, 2]);
  });

  it.each([
    ['an address from elsewhere', 'own_address(&path)'],
    ['a fixed name beside the peer', 'path.with_file_name("k.sock")'],
    ['a name in a fixed directory', 'format!("/run/krun-{}.sock", id())'],
    ['the suffix in a fixed directory', 'format!("/run/{}-krun.sock", id())'],
    ['a numbered name beside the peer', 'path.with_file_name(format!("krun-net-{}-{}.sock", id(), n))'],
    ['a numbered suffix', 'format!("{}-krun-{}.sock", path.display(), id())'],
    ['another suffix', 'format!("{}-local.socket", path.display())'],
    ['a suffix with an escape in it', 'format!("{}\\x2dkrun.sock", path.display())'],
    ['another name in the temporary directory', 'temp_dir().join(format!("k-{n}-{pid}.sock"))'],
    ['a suffix of two pieces', 'format!("{}{}", path.display(), ".sock")'],
  ])('is unknown for %s, and shows where', (_, expression) => {
    const pin = judge(bound(expression));
    expect(pin).toMatchObject({ scheme: 'unknown', suffix: null, longestName: null });
    expect(pin.evidence).toHaveLength(1);
  });

  it.each([
    ['connects and binds nothing', 'fn open(p: &Path) { let s = UnixDatagram::unbound()?; s.connect(p)?; }'],
    ['is given its descriptor', 'impl NetBackend for Unixgram { fn raw_socket_fd(&self) -> RawFd { self.fd } }'],
  ])('is none for a backend that %s', (_, source) => {
    expect(judge(source)).toMatchObject({ scheme: 'none', suffix: null, longestName: null });
    expect(judge(source).evidence).toHaveLength(1);
  });

  const none = 'fn open(p: &Path) { UnixDatagram::unbound()?.connect(p)?; }';
  it.each([
    ['a comment', '// format!("{}-krun.sock", p)'],
    ['a doc comment', '/// binds "krun-net-{}-{}.sock"\n/** "{}-krun.sock" */'],
    ['a nested comment', '/* /* */ format!("{}-krun.sock", p) */'],
    ['a doc attribute', '#[doc = "{}-krun.sock"]'],
    ['an import', 'use nix::sys::socket::{bind, connect};'],
    ['a log message', 'log::warn!("{}-krun.sock", p); debug!("krun-net-{}-{}.sock", 1, 2);'],
    ['an assertion', 'assert_eq!(name, "net-krun.sock");'],
    ['a test module', '#[cfg(test)] mod tests { fn f() { bind(fd, format!("{}-krun.sock", p)); } }'],
    ['a test', '#[test] #[ignore] pub(crate) fn f() -> [u8; 2] { bind(fd, format!("{}-krun.sock", p)) }'],
    ['a generic test', '#[cfg(test)] pub fn f<T, U>(t: T) where T: A, U: B { bind(fd, format!("{}-krun.sock", p)) }'],
    ['a test constant', '#[cfg(all(test, unix))] const N: [&str; 1] = ["-krun.sock"];'],
    ['a test field', 'struct S { #[cfg(test)] local_path: Option<PathBuf>, fd: OwnedFd }'],
    ['a whole file of tests', '#![cfg(test)] fn f() { bind(fd, format!("{}-krun.sock", p)); }'],
    ['a sentence', 'const HELP: &str = "once it was {}-krun.sock";'],
    [
      'something else of that name',
      'const NAME: &str = "libkrun"; fn t(i: u8) { spawn(format!("krun-net-{}-{}", i, i)) }',
    ],
  ])('takes no notice of %s', (_, text) => {
    expect(judge(`${none}\n${text}`).scheme).toBe('none');
    expect(judge(`${none}\n${text}\n${bound('format!("{}-krun9.sock", p)')}`)).toMatchObject(
      text.startsWith('#![') ? { scheme: 'none' } : { scheme: 'suffix', suffix: '-krun9.sock' },
    );
  });

  it.each([
    '#[cfg(not(test))]',
    '#[cfg(any(test, feature = "net"))]',
    '#[cfg(target_os = "macos")]',
    '#[cfg(feature = "test")]',
  ])('takes notice of what %s keeps in the library', (attribute) => {
    expect(judge(`${attribute} ${bound('format!("{}-krun.sock", p)')}`).scheme).toBe('suffix');
  });

  it('is found in any text at all, quickly, and its evidence stands where it is said to', () => {
    const pieces = fc.constantFrom(
      ...`" ' r#" "# /* */ // \n { } ( ) [ ] #[test] #![cfg(test)] use debug!( bind( \\`.split(' '),
    );
    const names = fc.constantFrom(
      '-krun.sock',
      '"{}-krun.sock"',
      '"krun-net-{}-{}.sock"',
      'temp_dir()',
      'connect',
      'fn f',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(pieces, names, fc.string({ maxLength: 3 })), { maxLength: 40 }), (parts) => {
        const lines = parts.join(' ').split('\n');
        const { scheme, evidence } = judge(lines.join('\n'));
        expect(['none', 'suffix', 'temp-dir', 'ambiguous', 'unknown']).toContain(scheme);
        for (const { line, text } of evidence as { line: number; text: string }[])
          expect(lines[line - 1]).toContain(text);
      }),
      { numRuns: 2_000 },
    );
    const began = performance.now();
    for (const text of ['"', '/*', '#[test] ', "'\\", '{', '"a', '#[', 'use ', 'debug!(', '"-krun.sock" ']) {
      judge(text.repeat(1 << 15));
    }
    judge(`"${'\\a'.repeat(4 << 20)}"`);
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it.each(['suffix', 'temp-dir', 'none'])('is %s wherever comments are put', (name) => {
    const file = name === 'none' ? 'passt.rs' : 'unixgram.rs';
    const source = fs.readFileSync(fixture(name, NET, file), 'utf8');
    const places = [...source.matchAll(/^/gm)].map(({ index }) => index);
    const remark = fc.constantFrom(
      '// "',
      '// format!("{}-krun2.sock", p)',
      '/// `krun-net-{}-{}.sock`, r#"',
      '/* "{}-krun2.sock" /* bind(fd, own) */ \' */',
      "/* '\"' */",
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(places.length - 1), remark), { maxLength: 8 }), (remarks) => {
        let text = source;
        for (const [place, comment] of remarks.sort((a, b) => b[0] - a[0])) {
          const at = places[place] ?? 0;
          text = `${text.slice(0, at)}${comment}\n${text.slice(at)}`;
        }
        const { scheme, suffix, longestName } = judge(text);
        expect({ scheme, suffix, longestName }).toEqual(pinOf(judge(source)));
      }),
    );
  });
});

function pinOf({ scheme, suffix, longestName }: ReturnType<typeof judge>) {
  return { scheme, suffix, longestName };
}
