import * as fs from 'node:fs';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type PathAccess, seatbeltPolicy } from '../../dist/sandbox/index.js';
import { makeBox, type SandboxBox } from './box.js';
import { allows, readForms, readProfile, readRule } from './sbpl.js';

const real = '/Users/me/Library/Application Support/boxes/b1/sockets';
const binding = '/tmp/bl-501/b1';
const policy: readonly PathAccess[] = [
  { path: real, writable: true, kind: 'directory' },
  { path: binding, writable: true, kind: 'directory', linkTo: real },
  { path: '/tmp/bl-501', writable: false, kind: 'directory' },
  { path: '/Users/me/Library/Application Support/boxes/b1/bin', writable: false, kind: 'directory' },
  { path: '/var/data', writable: true, kind: 'directory' },
  { path: '/var/data/golden', writable: false, kind: 'directory' },
  { path: '/var/data/golden/cache', writable: true, kind: 'directory' },
  { path: '/etc/ssl/cert.pem', writable: false, kind: 'file' },
];
const entry = (fields: object): PathAccess[] => [{ path: '/a', writable: true, kind: 'directory', ...fields }];
const refused = (code: string) => expect.objectContaining({ name: 'TypeError', code });

describe('the SBPL reader of these tests', () => {
  it.each([
    ['(allow file-read* (literal "/a")', '1 ( not closed'],
    ['(allow file-read* (literal "/a")))', 'one ) too many'],
    ['(allow file-read* (literal "/a))', 'not SBPL'],
    ['(allow file-read* (literal "/a\\n"))', 'not SBPL'],
  ])('refuses %s', (text, message) => {
    expect(() => readForms(text)).toThrow(message);
  });

  it.each([
    ['(allow file-reed* (literal "/a"))', 'unknown operation'],
    ['(permit file-read* (literal "/a"))', 'unknown decision'],
    ['(allow file-read*)', 'no filter'],
    ['(allow file-read* (literal /a))', 'unknown filter'],
    ['(allow file-read* (literal "a"))', 'not absolute'],
  ])('refuses the rule %s', (text, message) => {
    expect(() => readForms(text).map(readRule)).toThrow(message);
  });
});

describe('seatbeltPolicy', () => {
  // Not before a test runs: what throws while tests are collected fails none of them.
  const rules = () => readProfile(seatbeltPolicy(policy));

  it.each([
    // The sockets, under every name the kernel may use for them.
    ['network-bind', `${binding}/box.sock`],
    ['network-bind', `/private${binding}/net.sock-krun.sock`],
    ['network-bind', `${real}/box.sock`],
    ['network-inbound', `${real}/box.sock`],
    ['network-outbound', `${binding}/net.sock`],
    ['network-outbound', `/private${binding}/ready.sock`],
    ['network-outbound', `${real}/ready.sock`],
    ['file-write-create', `${real}/box.sock`],
    ['file-write-unlink', `${real}/box.sock`],
    ['file-write-create', `/private${binding}/box.sock`],
    ['file-read-data', `${binding}/box.sock`],
    // What is read on the way there.
    ['file-read-metadata', '/'],
    ['file-read-metadata', '/tmp'],
    ['file-read-metadata', '/private/tmp'],
    ['file-read-metadata', '/private/tmp/bl-501'],
    ['file-read-metadata', binding],
    ['file-read-metadata', `/private${binding}`],
    ['file-read-metadata', '/Users/me/Library/Application Support/boxes'],
    ['file-read-data', '/private/tmp/bl-501'],
    // The rest of the box.
    ['file-read-data', '/Users/me/Library/Application Support/boxes/b1/bin/shim'],
    ['file-write-data', '/private/var/data/x'],
    ['file-write-data', '/var/data/x'],
    ['file-read-data', '/private/var/data/golden/x'],
    ['file-write-data', '/private/var/data/golden/cache/x'],
    ['file-read-data', '/private/etc/ssl/cert.pem'],
    ['file-read-data', '/etc/ssl/cert.pem'],
  ])('allows %s on %s', (operation, path) => {
    expect(allows(rules(), operation, path)).toBe(true);
  });

  it.each([
    // Another box, whatever is asked of it.
    ['file-read-metadata', '/private/tmp/bl-501/b2'],
    ['file-read-data', '/tmp/bl-501/b2/box.sock'],
    ['file-write-create', '/private/tmp/bl-501/b2'],
    ['network-outbound', '/tmp/bl-501/b2/box.sock'],
    ['network-outbound', '/Users/me/Library/Application Support/boxes/b2/sockets/box.sock'],
    ['network-bind', '/private/tmp/bl-501/b1x/box.sock'],
    ['network-bind', '/private/tmp/bl-501/box.sock'],
    ['network-outbound', '/private/var/run/mDNSResponder'],
    ['network-outbound', '/var/data/docker.sock'],
    // The link and the parent stay what they are.
    ['file-write-unlink', binding],
    ['file-write-unlink', `/private${binding}`],
    ['file-write-create', `/private${binding}`],
    ['file-write-create', '/private/tmp/bl-501/.b1.new'],
    ['file-write-unlink', '/private/tmp/bl-501'],
    // Everything else.
    ['file-read-data', '/'],
    ['file-read-data', '/tmp'],
    ['file-write-create', '/private/tmp/x'],
    ['file-read-data', '/Users/me/Library/Application Support/boxes'],
    ['file-read-data', '/Users/me/.ssh/id_ed25519'],
    ['file-write-data', '/Users/me/Library/Application Support/boxes/b1/bin/shim'],
    ['file-write-data', '/private/var/data/golden/x'],
    ['file-write-data', '/var/data/golden/x'],
    ['file-write-data', '/private/var/database'],
    ['file-write-data', '/etc/ssl/cert.pem'],
    ['file-read-data', '/etc/ssl/cert.pem/x'],
  ])('does not allow %s on %s', (operation, path) => {
    expect(allows(rules(), operation, path)).toBe(false);
  });

  it('names the exact sockets where it is told them', () => {
    const exact = readProfile(seatbeltPolicy(policy, { sockets: ['box.sock', 'net.sock-krun.sock'] }));
    for (const directory of [binding, `/private${binding}`, real]) {
      expect(allows(exact, 'network-bind', `${directory}/box.sock`)).toBe(true);
      expect(allows(exact, 'network-outbound', `${directory}/net.sock-krun.sock`)).toBe(true);
      expect(allows(exact, 'network-outbound', `${directory}/ready.sock`)).toBe(false);
    }
    const none = readProfile(seatbeltPolicy(policy, { sockets: [] }));
    expect(none.some((rule) => rule.operation.startsWith('network'))).toBe(false);
  });

  it('keeps other bindings out of reach where a volume holds the parent', () => {
    for (const writable of [true, false]) {
      const wide = readProfile(seatbeltPolicy([...policy, { path: '/tmp', writable, kind: 'directory' }]));
      expect(allows(wide, 'file-read-data', '/private/tmp/x')).toBe(true);
      expect(allows(wide, 'file-read-metadata', '/private/tmp/bl-501/b2')).toBe(false);
      expect(allows(wide, 'file-write-create', '/tmp/bl-501/b2')).toBe(false);
      expect(allows(wide, 'file-write-create', `${binding}/box.sock`)).toBe(true);
      expect(allows(wide, 'file-write-unlink', binding)).toBe(false);
    }
  });

  it('takes /tmp and /private/tmp for one directory, and /tmpfs for another', () => {
    const short = policy.slice(0, 3);
    const long = short.map((rule) => ({ ...rule, path: rule.path.replace(/^\/tmp/, '/private/tmp') }));
    expect(seatbeltPolicy(long)).toBe(seatbeltPolicy(short));
    expect(seatbeltPolicy([...short, ...long])).toBe(seatbeltPolicy(short));
    const other = readProfile(seatbeltPolicy(entry({ path: '/tmpfs/a' })));
    expect(allows(other, 'file-read-data', '/tmpfs/a/x')).toBe(true);
    expect(allows(other, 'file-read-data', '/private/tmpfs/a/x')).toBe(false);
  });

  it('escapes what means something in a string, and leaves the rest as it is', () => {
    const odd = '/Users/o"b (1)/back\\slash/ü;x';
    const escaped = readProfile(seatbeltPolicy(entry({ path: odd })));
    expect(allows(escaped, 'file-write-data', `${odd}/f`)).toBe(true);
    expect(seatbeltPolicy(entry({ path: odd }))).toContain('(literal "/Users/o\\"b (1)/back\\\\slash/ü;x")');
  });

  it('lets no path break out of its string, whatever characters it is made of', () => {
    const name = fc.string({ unit: fc.constantFrom('"', '\\', '(', ')', ';', ' ', '#', '\u2028', 'a'), minLength: 1 });
    fc.assert(
      fc.property(name, (text) => {
        const parsed = readProfile(seatbeltPolicy(entry({ path: `/x/${text}` })));
        expect(new Set(parsed.flatMap((rule) => rule.filters.map((filter) => filter.path)))).toEqual(
          new Set(['/', '/x', `/x/${text}`]),
        );
      }),
    );
  });

  it('is the same text for the same rules in whatever order', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...policy], { minLength: policy.length }), (shuffled) => {
        expect(seatbeltPolicy(shuffled)).toBe(seatbeltPolicy(policy));
      }),
    );
  });

  it('takes a prelude, and can be a part of a profile that the host has', () => {
    const prelude = '(allow process-exec*)\n';
    expect(seatbeltPolicy(policy, { prelude })).toContain('(deny default)\n\n(allow process-exec*)\n\n;');
    const part = seatbeltPolicy(policy, { denyDefault: false });
    expect(part).not.toContain('default');
    expect(readForms(part).map(readRule)).toEqual(rules());
    expect(seatbeltPolicy([])).toBe('(version 1)\n(deny default)\n');
  });

  it.each(['\n', '\r', '\t', '\u0001', '\u007f'])('refuses a path with the control character %j', (character) => {
    const control = entry({ path: `/a${character}b` });
    expect(() => seatbeltPolicy(control)).toThrow(refused('ERR_INVALID_ARG_VALUE'));
  });

  it.each([
    [{ denyDefault: 'no' }, 'ERR_INVALID_ARG_TYPE'],
    [{ prelude: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ sockets: 'box.sock' }, 'ERR_INVALID_ARG_TYPE'],
    [{ sockets: [1] }, 'ERR_INVALID_ARG_TYPE'],
    [{ sockets: ['../box.sock'] }, 'ERR_INVALID_ARG_VALUE'],
    [{ sockets: ['.~hidden'] }, 'ERR_INVALID_ARG_VALUE'],
    [{ sockets: ['a\nb'] }, 'ERR_INVALID_ARG_VALUE'],
    [null, 'ERR_INVALID_ARG_TYPE'],
  ])('refuses the options %j', (options, code) => {
    expect(() => seatbeltPolicy(policy, options as object)).toThrow(refused(code));
  });
});

describe('a policy', () => {
  let box: SandboxBox;

  beforeEach(() => {
    box = makeBox();
  });
  afterEach(() => box.remove());

  it('is the same text before the link exists, while it does, while it dangles, and after', () => {
    fs.rmSync(box.parent, { recursive: true });
    const before = seatbeltPolicy(box.policyPaths());
    fs.mkdirSync(box.parent, { mode: 0o700 });
    fs.symlinkSync(box.real, box.binding);
    expect(seatbeltPolicy(box.policyPaths())).toBe(before);
    fs.rmSync(box.home, { recursive: true });
    expect(seatbeltPolicy(box.policyPaths())).toBe(before);
    fs.rmSync(box.binding);
    fs.mkdirSync(box.binding);
    expect(seatbeltPolicy(box.policyPaths())).toBe(before);
  });
});

describe('the text', () => {
  const wide: PathAccess[] = [
    ...policy,
    { path: '/tmp', writable: true, kind: 'directory' },
    { path: '/srv', writable: true, kind: 'directory' },
    { path: '/srv/ro', writable: false, kind: 'directory' },
    { path: '/srv/ro/below', writable: false, kind: 'file' },
    { path: '/srv-a/bl-7/b', writable: true, kind: 'directory', linkTo: '/srv/b' },
  ];

  it.each([
    ['policy', policy, {}],
    ['wide', wide, {}],
    ['named', wide, { sockets: ['box.sock', 'net.sock'], prelude: '(allow process-exec*)\n\n' }],
    ['part', policy.slice(0, 3), { denyDefault: false, sockets: [] }],
    ['nothing', [], {}],
  ] as const)('of %s is what was looked at: golden/', async (name, paths, options) => {
    await expect(seatbeltPolicy(paths, options)).toMatchFileSnapshot(`golden/${name}.sb`);
  });
});
