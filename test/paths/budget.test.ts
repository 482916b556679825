import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BoxSockets, DERIVED_NAMES, type KrunDerivation, sunPathLimit } from '../../dist/index.js';
import { pathOfBytes } from '../helpers.js';

const NAMES = ['box.sock', 'ready.sock', 'net.sock', 'gvproxy-ctl.sock', 'net.sock-krun.sock'];

/** A box whose real directory has that many bytes. */
const withRealDir = (bytes: number, krun: KrunDerivation = 'suffix') =>
  new BoxSockets('b', pathOfBytes('/h', bytes), { base: '/x', uid: 7, krun });
const withId = (bytes: number, options = {}) =>
  new BoxSockets('x'.repeat(bytes), '/r', { base: '/tmp', uid: 1000, ...options });

describe('budget()', () => {
  it('counts the bytes of every name, through the binding and in the real directory', () => {
    const { sockets, ...rest } = new BoxSockets('box1', pathOfBytes('/home', 86), { uid: 1000 }).budget();
    const table = sockets.map((entry) => [
      entry.name,
      entry.kind,
      entry.type,
      entry.bytes,
      entry.fits,
      entry.realBytes,
      entry.realFits,
    ]);
    const net = process.platform === 'darwin' ? 'dgram' : 'stream';
    // '/tmp/bl-1000/box1/' has 18 bytes.
    expect(table).toEqual([
      ['box.sock', 'declared', 'stream', 26, true, 95, true],
      ['ready.sock', 'declared', 'stream', 28, true, 97, true],
      ['net.sock', 'declared', net, 26, true, 95, true],
      ['gvproxy-ctl.sock', 'declared', 'stream', 34, true, 103, true],
      ['net.sock-krun.sock', 'derived', 'dgram', 36, true, 105, false],
    ]);
    for (const entry of sockets) {
      expect(entry.limit).toBe(104);
      expect(entry.path).toBe(`/tmp/bl-1000/box1/${entry.name}`);
      expect(entry.realPath).toBe(`${pathOfBytes('/home', 86)}/${entry.name}`);
    }
    expect(rest).toEqual({ fits: true, longest: sockets.at(-1), deadZone: true });
  });

  it('has no derived name where the vendor has none, and the longest one of a counter', () => {
    expect(
      withRealDir(9, 'none')
        .budget()
        .sockets.map(({ name }) => name),
    ).toEqual(NAMES.slice(0, 4));
    expect(withRealDir(9, 'temp-dir').budget().longest?.name).toBe('krun-net-4194304-4294967295.sock');
  });

  it('counts further names once each, streams where no type is given', () => {
    const names = ['ssh.sock', { name: 'log.sock', type: 'dgram' as const }, 'ssh.sock', 'box.sock'];
    const { sockets } = new BoxSockets('b', '/r', { names }).budget();
    expect(sockets.map(({ name }) => name)).toEqual([...NAMES, 'ssh.sock', 'log.sock']);
    expect(sockets.slice(5)).toMatchObject([
      { name: 'ssh.sock', kind: 'extra', type: 'stream' },
      { name: 'log.sock', kind: 'extra', type: 'dgram' },
    ]);
  });

  it('counts what a name derives, and with standardNames: false nothing else', () => {
    const names = ['qmp', { name: 'cm', type: 'seqpacket' as const, derives: [...DERIVED_NAMES.ssh, '.é'] }];
    const box = new BoxSockets('b', '/r', { base: '/x', uid: 7, names, standardNames: false });
    const { sockets, longest, fits } = box.budget();
    expect(sockets.map(({ name, kind, type, bytes }) => [name, kind, type, bytes])).toEqual([
      ['qmp', 'extra', 'stream', 13],
      ['cm', 'extra', 'seqpacket', 12],
      ['cm.XXXXXXXXXXXXXXXX', 'derived', 'seqpacket', 29],
      ['cm.é', 'derived', 'seqpacket', 15],
    ]);
    expect([longest?.bytes, fits]).toEqual([29, true]);
    const standard = new BoxSockets('b', '/r', { names: [{ name: 'box.sock', derives: ['.ttrpc'] }] }).budget().sockets;
    expect(standard.map(({ name }) => name)).toEqual([
      ...['box.sock', 'ready.sock', 'net.sock', 'gvproxy-ctl.sock', 'net.sock-krun.sock', 'box.sock.ttrpc'],
    ]);
  });

  it('of no names at all fits where a name of one byte would', () => {
    const budget = (id: number) => new BoxSockets('x'.repeat(id), '/r', { uid: 1000, standardNames: false }).budget();
    expect(budget(88)).toEqual({ sockets: [], longest: null, fits: true, deadZone: false });
    expect(budget(89).fits).toBe(false);
  });

  it('counts bytes, not characters', () => {
    const [entry] = new BoxSockets('b', '/é📦', { base: '/ü', uid: 7 }).budget().sockets;
    expect(entry).toMatchObject({ bytes: Buffer.byteLength('/ü/bl-7/b/box.sock'), realBytes: 1 + 2 + 4 + 1 + 8 });
  });

  it('fits up to 103 bytes, on every platform', () => {
    // '/tmp/bl-1000/' has 13 bytes, '/net.sock-krun.sock' 19.
    expect(withId(71).budget()).toMatchObject({ fits: true, longest: { bytes: 103, fits: true } });
    expect(withId(72).budget()).toMatchObject({ fits: false, longest: { bytes: 104, fits: false } });
    expect(withId(72, { krun: 'none' }).budget()).toMatchObject({ fits: true, longest: { bytes: 102 } });
    expect(withId(71, { names: ['x'.repeat(64)] }).budget()).toMatchObject({ fits: false, longest: { bytes: 149 } });
    expect(sunPathLimit().portableMaxBytes).toBe(103);
  });

  it('has a dead zone for real directories of 85 to 94 bytes exactly, with the default names', () => {
    const dead = Array.from({ length: 150 }, (_, i) => i + 2).filter((bytes) => withRealDir(bytes).budget().deadZone);
    expect(dead).toEqual([85, 86, 87, 88, 89, 90, 91, 92, 93, 94]);
  });

  it('has a shorter dead zone without the derived name, and a longer one with a longer name', () => {
    const deadZone = (krun: KrunDerivation) =>
      Array.from({ length: 150 }, (_, i) => i + 2).filter((bytes) => withRealDir(bytes, krun).budget().deadZone);
    const none = deadZone('none');
    expect([none[0], none.at(-1)]).toEqual([87, 94]);
    const tempDir = deadZone('temp-dir');
    expect([tempDir[0], tempDir.at(-1)]).toEqual([71, 94]);
  });

  it('is arithmetic: fits says bytes < 104 and nothing else, whatever the paths', () => {
    const component = fc.oneof(fc.stringMatching(/^[a-zA-Z0-9]{1,40}$/), fc.constantFrom('é', '📦', '..'));
    const directory = fc.array(component, { minLength: 1, maxLength: 6 }).map((parts) => `/${parts.join('/')}`);
    const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,128}$/);
    const names = fc.array(fc.stringMatching(/^[A-Za-z0-9_-][A-Za-z0-9._-]{3,63}$/), { maxLength: 4 });
    const krun = fc.constantFrom<KrunDerivation[]>('none', 'suffix', 'temp-dir');
    fc.assert(
      fc.property(directory, directory, id, names, krun, (base, realDir, boxId, extra, scheme) => {
        const box = new BoxSockets(boxId, realDir, { base, uid: 7, names: extra, krun: scheme });
        const budget = box.budget();
        const sockets = budget.sockets.map(({ name, path: file, realPath }) => {
          const [bytes, realBytes] = [Buffer.byteLength(file), Buffer.byteLength(realPath)];
          return { path: box.socket(name), bytes, realBytes, fits: bytes < 104, realFits: realBytes < 104 };
        });
        const real = sockets.map(({ realFits }) => realFits);
        // One comparison for a box, not one for each number of each name.
        expect({ ...budget, longest: budget.longest?.bytes }).toMatchObject({
          sockets,
          fits: sockets.every(({ fits }) => fits),
          longest: Math.max(...sockets.map(({ bytes }) => bytes)),
          deadZone: real.includes(true) && real.includes(false),
        });
      }),
      { numRuns: 10_000 },
    );
  });
});
