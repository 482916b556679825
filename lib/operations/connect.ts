// Dialing a socket of a box: what bears its name in the real directory, and nothing that a link leads to. A reaped
// binding is healed once, a full queue waited for, and a peer may be asked who it is.

import type * as net from 'node:net';
import { connect as connectDescriptor, Socket } from 'node:net';
import { checkOptions, timeout, toBoolean, toPeerRule, toSignal } from '../arguments.js';
import { sleep } from '../clock.js';
import { abortError, errnoName, namedSystemError } from '../errors.js';
import { isFailure, type NativeFailure } from '../native/contract.js';
import { native } from '../native/load.js';
import { toError } from '../native/to-error.js';
import { type BindingPaths, toSocketPath } from '../paths/binding-paths.js';
import type { Ensurer } from './ensure.js';
import { tryInLine } from './full-queue.js';
import { refuseWithoutNetwork } from './permission.js';

/** How `BoxSockets.connect` dials. */
export interface ConnectOptions {
  /**
   * Refuse a peer of another uid than this process's effective one, or than the one given, before a byte is exchanged;
   * false when left out.
   */
  verifyPeer?:
    | boolean
    | {
        /** The uid that the peer must have. */
        uid: number;
      };
  /** As in `net.Socket`: keep the writable side open when the other end has ended. */
  allowHalfOpen?: boolean;
  /** Milliseconds to wait where the listener's queue is full; 10,000 when left out. */
  timeout?: number;
  /** Gives up, or destroys the socket later on, when it is aborted, as in `net.connect`. */
  signal?: AbortSignal;
}

const DEFAULT_TIMEOUT = 10_000;
/** Milliseconds between two tries on a thread. */
const PAUSE = 5;

const CHECKS = {
  verifyPeer: toPeerRule,
  allowHalfOpen: toBoolean,
  timeout: timeout(DEFAULT_TIMEOUT),
  signal: toSignal,
};

type Request = ReturnType<typeof toRequest>;

function toRequest(paths: BindingPaths, name: string, options: ConnectOptions | undefined) {
  return { path: toSocketPath(paths, name), paths, ...checkOptions(options, CHECKS) };
}

/** See `BoxSockets.connect`. */
export async function connect(
  { paths, binding }: { paths: BindingPaths; binding: Ensurer },
  name: string,
  options?: ConnectOptions,
): Promise<net.Socket> {
  const request = toRequest(paths, name, options);
  const { signal } = request;
  refuseWithoutNetwork(request.path);
  if (signal?.aborted) throw abortError(signal);
  const dial = (await binding.isServedHere()) ? dialAtOnce : dialOnThread;
  await binding.ensureUnlessSteady(signal);
  try {
    return await dial(request);
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
    const { status } = await binding.async(undefined, signal);
    if (status === 'unchanged') throw error;
    return dial(request);
  }
}

/** A connect never waits, and neither does anything before it: no thread is needed. */
function dialAtOnce(request: Request): net.Socket | Promise<net.Socket> {
  const { path, timeout, signal } = request;
  if (signal?.aborted) throw abortError(signal);
  let failure: NativeFailure | null = null;
  const attempt = (): net.Socket | undefined => {
    const outcome = native().dial(...nativeArguments(request));
    if (!isFailure(outcome)) return adopt(outcome, request);
    failure = outcome;
    if (isQueueFull(outcome)) return undefined;
    throw errorOf(outcome, request);
  };
  const expired = () => (failure === null ? namedSystemError('EAGAIN', 'connect', path) : errorOf(failure, request));
  return tryInLine(path, { attempt, timeout, expired, signal });
}

/** Where another kernel or a program serves the files, even opening one may wait for it. */
async function dialOnThread(request: Request): Promise<net.Socket> {
  const { timeout, signal } = request;
  for (let waited = 0; ; waited += PAUSE) {
    if (signal?.aborted) throw abortError(signal);
    const outcome = await native().dialAsync(...nativeArguments(request));
    if (!isFailure(outcome)) return adopt(outcome, request);
    if (!isQueueFull(outcome) || waited >= timeout) throw errorOf(outcome, request);
    await sleep(PAUSE);
  }
}

function nativeArguments({ path, paths, verifyPeer: peer }: Request) {
  return [path, `${paths.realDir}${path.slice(paths.binding.length)}`, peer !== null, peer ?? 0] as const;
}

function isQueueFull({ errno, syscall }: NativeFailure): boolean {
  return syscall === 'connect' && errnoName(errno) === 'EAGAIN';
}

function errorOf(failure: NativeFailure, { path, paths }: Request): Error {
  return toError(failure, { ...paths, socket: path });
}

/** A stream of a connected descriptor, which it closes from now on. */
function adopt(fd: number, { allowHalfOpen, signal }: Request): net.Socket {
  try {
    // A socket made with a signal that is aborted already emits an error before anybody can listen for it.
    if (signal?.aborted) throw abortError(signal);
    const options = { fd, allowHalfOpen, readable: true, writable: true, ...(signal !== undefined && { signal }) };
    // Bun takes over a descriptor in connect() alone.
    const isBun = process.versions.bun !== undefined;
    const socket = isBun ? connectDescriptor(options as unknown as net.NetConnectOpts) : new Socket(options);
    native().disown(fd);
    return socket;
  } catch (error) {
    native().closeDescriptor(fd);
    throw error;
  }
}
