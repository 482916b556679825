// The prediction against the kernel: for each directory length from 80 to 100 bytes every name is really bound, direct
// and through the binding, by the native probe, by Node's net and by python3.

import * as fs from 'node:fs';
import * as net from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { BoxSockets, probeSocketPathSync, type SocketBudgetEntry, sunPathLimit } from '../../dist/index.js';
import { exchangeWithPython, makeDirOfBytes, missingPython, promise, socketsBelow } from '../helpers.js';

const LENGTHS = Array.from({ length: 21 }, (_, i) => 80 + i);
const { maxBytes } = sunPathLimit();
const root = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), 'bs-'));
afterAll(() => fs.rmSync(root, { recursive: true }));

const boxes = LENGTHS.map((bytes) => {
  const box = new BoxSockets(`b${bytes}`, makeDirOfBytes(path.join(root, `h${bytes}`), bytes), { base: root });
  box.ensureSync();
  return { bytes, box, sockets: box.budget().sockets };
});

/** Binds a stream with Node's net: true where the socket is found under the whole path. */
async function nodeBinds(file: string): Promise<boolean> {
  const server = net.createServer();
  const listening = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(file, () => resolve(true));
  });
  const found = listening && fs.existsSync(file);
  if (listening) await new Promise((resolve) => server.close(resolve));
  return found;
}

/** Sockets that a cut path left somewhere, removed. */
function strays(directory: string): string[] {
  const found = socketsBelow(directory);
  for (const file of found) fs.unlinkSync(file);
  return found;
}

describe.each(boxes)('a real directory of $bytes bytes', ({ bytes, box, sockets }) => {
  const eachName = (check: (entry: SocketBudgetEntry) => void): void => sockets.forEach(check);

  it('binds directly what the platform is said to bind, and every name through the binding', () => {
    eachName(({ path: file, realPath, realBytes, type }) => {
      const direct = probeSocketPathSync(realPath, { type });
      expect([realPath, direct.ok]).toEqual([realPath, realBytes <= maxBytes]);
      if (!direct.ok) expect(direct).toMatchObject({ code: 'ENAMETOOLONG', bytes: realBytes });
      expect(probeSocketPathSync(file, { type })).toMatchObject({ ok: true });
    });
    expect(box.probeSync()).toMatchObject({ ok: true });
  });

  it('binds what the budget says fits, and is a dead zone where some names do and others do not', () => {
    const binds = sockets.map(({ realPath, realFits, type }) => {
      const { ok } = probeSocketPathSync(realPath, { type });
      if (realFits) expect([realPath, ok]).toEqual([realPath, true]);
      return realFits;
    });
    expect(box.budget()).toMatchObject({ fits: true, deadZone: binds.includes(true) && binds.includes(false) });
    expect(box.budget().deadZone).toBe(bytes >= 85 && bytes <= 94);
  });

  it("agrees with Node's net, name by name", async () => {
    for (const { path: file, realPath, realBytes } of sockets) {
      expect([file, await nodeBinds(file)]).toEqual([file, true]);
      expect([realPath, await nodeBinds(realPath)]).toEqual([realPath, realBytes <= maxBytes]);
    }
    const lengths = new Set(strays(path.join(root, `h${bytes}`)).map((file) => Buffer.byteLength(file)));
    expect([[], [sunPathLimit().capacity]]).toContainEqual([...lengths]);
  });
});

describe('all of them', () => {
  promise(missingPython, 'agree with python3, which refuses the last byte, name by name', () => {
    const sockets = boxes.flatMap((each) => each.sockets);
    const direct = exchangeWithPython(sockets.map(({ realPath, type }) => ({ path: realPath, type })));
    const predicted = sockets.map(({ realBytes }) =>
      realBytes < sunPathLimit().capacity ? 'ok' : 'AF_UNIX path too long',
    );
    expect(direct).toEqual(predicted);
    const bound = exchangeWithPython(sockets.map(({ path: file, type }) => ({ path: file, type })));
    expect(bound).toEqual(sockets.map(() => 'ok'));
    expect(strays(root)).toEqual([]);
  });
});
