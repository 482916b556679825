// A host as TypeScript sees it: what must compile, in each way to resolve modules, and what must not.

import type * as net from 'node:net';
import {
  assertKrunPinSync,
  type BindingInfo,
  BoxSockets,
  BoxSocketsError,
  type BoxSocketsErrorCode,
  checkKrunPin,
  type EnsureOutcome,
  type EnsureResult,
  type KrunPin,
  type PathAccess,
  type ProbeReport,
  probeSocketPath,
  type SocketBudget,
  sameInodeSync,
  sunPathLimit,
} from 'boxsockets';
import { useBinding } from 'boxsockets/binding';
import { BoxConfig, BoxLayout, ShimProcess, waitForReady } from 'boxsockets/box';
import { bubblewrapArgs, buildPathAccess, seatbeltPolicy } from 'boxsockets/sandbox';

declare const server: net.Server;
declare const pin: KrunPin;

export async function host(): Promise<unknown[]> {
  const box = new BoxSockets('b1', new URL('file:///srv/b1/sockets'), { names: ['ssh.sock'], krun: 'temp-dir' });
  new BoxSockets('b1', Buffer.from('/srv'), { krun: pin, uid: 0, base: '/run/boxes' });
  const { status, bindingDir }: EnsureResult = await box.ensure({ takeover: true, lockTimeout: 100 });
  const known: 'unchanged' | 'created' | 'replaced' = status;
  const peer: string | null = box.netPeerSock;
  const budget: SocketBudget = box.budget();
  const report: ProbeReport = box.probeSync();
  const paths: PathAccess[] = box.policyPaths();
  const environment: Record<string, string> = box.shimEnv();
  const hold = await box.hold({ refreshInterval: 1000 });
  hold.release();
  await box.listen(server, 'box.sock', { mode: 0o660, signal: AbortSignal.timeout(1000) });
  const socket: net.Socket = await box.connect('box.sock', { verifyPeer: true });
  const outcomes: EnsureOutcome[] = await BoxSockets.ensureAll(new Set([box]));
  for (const outcome of outcomes) {
    if (outcome.status === 'failed') outcome.error.code satisfies string;
    else outcome.bindingDir satisfies string;
  }
  const { removed, skipped } = BoxSockets.sweepStaleSync({ dryRun: true });
  const listed: BindingInfo[] = await BoxSockets.list();
  const { nodeTruncates } = await probeSocketPath('/tmp/x.sock', { type: 'dgram' });
  const portable: 103 = sunPathLimit().portableMaxBytes;
  const { scheme } = await checkKrunPin({ source: '/src/libkrun' });
  assertKrunPinSync({ library: '/usr/lib/libkrun.so' }, 'suffix');
  useBinding('/opt/boxsockets.node');
  const config = BoxConfig.parse('{}');
  const layout = new BoxLayout(config.boxHome);
  await layout.prepare();
  await waitForReady(layout, { timeout: 10, shim: () => new ShimProcess(2, 1) });
  const policies = [seatbeltPolicy(buildPathAccess(layout, [{ hostPath: '/srv' }])), bubblewrapArgs(paths)];
  const strings = [known, bindingDir, peer, scheme, sameInodeSync('/', '/'), nodeTruncates, portable];
  return [strings, policies, budget, report, environment, socket, removed, skipped, listed];
}

export function failed(error: unknown): BoxSocketsErrorCode | string | undefined {
  return error instanceof BoxSocketsError ? error.code : undefined;
}

export function mustNotCompile(box: BoxSockets): unknown[] {
  // @ts-expect-error: paths are read-only
  box.bindingDir = '/tmp';
  return [
    // @ts-expect-error: a real directory is needed
    new BoxSockets('b1'),
    // @ts-expect-error: no such option
    new BoxSockets('b1', '/x', { bas: '/tmp' }),
    // @ts-expect-error: no such scheme
    new BoxSockets('b1', '/x', { krun: 'prefix' }),
    // @ts-expect-error: no such type of socket
    new BoxSockets('b1', '/x', { names: [{ name: 'ssh.sock', type: 'raw' }] }),
    // @ts-expect-error: a promise is no result
    box.ensure().status,
    // @ts-expect-error: a number of milliseconds
    box.ensureSync({ lockTimeout: '5s' }),
    // @ts-expect-error: there is no synchronous listen
    box.listenSync,
    // @ts-expect-error: a peer may have no name
    box.netPeerSock.length,
    // @ts-expect-error: a server is needed
    box.listen('box.sock'),
    // @ts-expect-error: one or the other
    checkKrunPin({ source: '/a', library: '/b' }),
    // @ts-expect-error: a number is neither a path nor exports
    useBinding(1),
    // @ts-expect-error: rows are parsed, not constructed
    new BoxConfig('{}'),
  ];
}
