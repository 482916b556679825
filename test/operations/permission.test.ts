// What other runtimes, and Node's permissions, forbid or cannot do; their real programs are run by test/package.

import { expect, it, onTestFinished, vi } from 'vitest';
import { refuseUnlessPeersCanBeAsked } from '../../dist/operations/peers.js';
import { refuseWithoutNetwork } from '../../dist/operations/permission.js';
import { native, recordNative } from '../helpers/addon.js';
import { makeServer } from '../helpers/net.js';
import { makeWorld, rejection } from '../helpers.js';

/** This process passes for one of these versions until the end of the test. */
function pretend(versions: Record<string, string>): void {
  const own = process.versions;
  Object.defineProperty(process, 'versions', { value: { ...own, ...versions }, configurable: true });
  onTestFinished(() => void Object.defineProperty(process, 'versions', { value: own, configurable: true }));
}

/** Node's permissions, which are asked for these scopes; all others are denied. */
function permit(...scopes: string[]): void {
  Object.assign(process, { permission: { has: (scope: string) => scopes.includes(scope) } });
  onTestFinished(() => void Reflect.deleteProperty(process, 'permission'));
}

function refused(action: () => void): Record<string, unknown> | null {
  try {
    action();
    return null;
  } catch (error) {
    return { ...(error as object), message: (error as Error).message };
  }
}

const denied = (name: string, permission: string) => ({
  code: 'ERR_ACCESS_DENIED',
  permission,
  resource: '/x/a.sock',
  message: `Access to this API has been restricted. Use --allow-${name} to manage permissions.`,
});

it('without permissions nothing is refused', () => {
  expect(refused(() => refuseWithoutNetwork('/x/a.sock'))).toBeNull();
});

it.each([
  ['24.9.0', [], null],
  ['25.0.0', [], denied('net', 'Net')],
  ['26.1.0', ['fs'], denied('net', 'Net')],
  ['26.1.0', ['net'], null],
])('Node %s with the permissions %j has a network of its own to allow from 25 on', (node, scopes, outcome) => {
  pretend({ node });
  permit(...scopes);
  expect(refused(() => refuseWithoutNetwork('/x/a.sock'))).toEqual(outcome);
});

it('Bun has no such permissions', () => {
  pretend({ node: '26.1.0', bun: '1.3.0' });
  permit();
  expect(refused(() => refuseWithoutNetwork('/x/a.sock'))).toBeNull();
});

it.each([
  [{ net: 'granted', read: 'granted', write: 'granted' }, null],
  [{ net: 'denied', read: 'granted', write: 'granted' }, denied('net', 'Net')],
  [{ net: 'prompt', read: 'granted', write: 'granted' }, denied('net', 'Net')],
  [{ net: 'granted', read: 'denied', write: 'granted' }, denied('read', 'read')],
  [{ net: 'granted', read: 'granted', write: 'prompt' }, denied('write', 'write')],
])('Deno with %j needs the network, and to read and write that path', (states, outcome) => {
  const asked: object[] = [];
  const querySync = (descriptor: { name: string }) => {
    asked.push(descriptor);
    return { state: (states as Record<string, string>)[descriptor.name] };
  };
  vi.stubGlobal('Deno', { permissions: { querySync } });
  onTestFinished(() => void vi.unstubAllGlobals());
  expect(refused(() => refuseWithoutNetwork('/x/a.sock'))).toEqual(outcome);
  const path = '/x/a.sock';
  const all = [{ name: 'net' }, { name: 'read', path }, { name: 'write', path }];
  expect(asked).toEqual(all.slice(0, asked.length));
});

it('listen and connect ask for it before they touch anything', async () => {
  const box = makeWorld().box('b');
  native(); // loaded while it may be
  pretend({ node: '26.1.0' });
  permit();
  const calls = recordNative();
  const expected = { code: 'ERR_ACCESS_DENIED', resource: box.boxSock };
  expect(await rejection(box.listen(makeServer(), 'box.sock'))).toMatchObject(expected);
  expect(await rejection(box.connect('box.sock'))).toMatchObject(expected);
  expect(calls).toEqual([]);
});

it.each([
  [{}, null],
  [{ bun: '1.3.0' }, /^Bun does not show the descriptor/],
  [{ deno: '2.5.0' }, /^Deno does not show the descriptor/],
])('in %j a server may verify its peers where the runtime shows who they are', async (versions, says) => {
  pretend(versions);
  const path = '/x/a.sock';
  const outcome = refused(() => refuseUnlessPeersCanBeAsked(path));
  if (says === null) {
    expect(outcome).toBeNull();
    return;
  }
  const fields = { code: 'ERR_BOX_SOCKETS_DESCRIPTOR_UNSUPPORTED', path };
  expect(outcome).toEqual({ ...fields, message: expect.stringMatching(says) });
  const box = makeWorld().box('b');
  const calls = recordNative();
  expect(await rejection(box.listen(makeServer(), 'box.sock', { verifyPeer: true }))).toMatchObject({
    ...fields,
    path: box.boxSock,
  });
  expect(calls).toEqual([]);
});
