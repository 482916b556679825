// The moment at which a guest says that it is ready: it connects to ready.sock. Raced against the shim's death and a
// deadline, and nothing is left behind by any of the three.

import * as net from 'node:net';
import { checkOptions, LARGEST_INT, timeout, toSignal } from '../arguments.js';
import { clock, nextTurn, sleep } from '../clock.js';
import { abortError, invalidArgType } from '../errors.js';
import { inodeOfListener } from '../operations/own-listeners.js';
import { BoxLayout } from './box-layout.js';
import { diagnose, guestNotReady } from './diagnosis.js';
import { ShimProcess } from './shim-process.js';

/** What {@link waitForReady} waits for, and how long. */
export interface ReadyOptions {
  /**
   * The shim whose death ends the wait; or a function that starts it, called when the socket is bound, so that even a
   * guest which is up at once finds it. When left out, the death of no process is noticed.
   */
  shim?: ShimProcess | (() => ShimProcess | Promise<ShimProcess>);
  /**
   * Milliseconds, from the call on. When left out, `BOXLITE_GUEST_READY_TIMEOUT_SECS` of the environment, else 30,000.
   */
  timeout?: number;
  /** Ends the waiting with `ABORT_ERR` when it is aborted. */
  signal?: AbortSignal;
}

/** What {@link waitForReady} saw. */
export interface Ready {
  /** Milliseconds that it took, from the call on. */
  elapsed: number;
  /** The shim that was given or started; null where there was none. */
  shim: ShimProcess | null;
}

type Outcome = 'ready' | 'exited' | 'timeout';

const NAME = 'ready.sock';
const DEFAULT_TIMEOUT = 30_000;

/**
 * Waits until the guest of a box connects to `ready.sock`: ensures the binding, replaces a stale socket file, listens,
 * and takes any connection for the word. When it returns or throws, it no longer listens, and the file is gone.
 *
 * @throws {BoxSocketsError} `ERR_BOX_SOCKETS_SHIM_EXITED`, `ERR_BOX_SOCKETS_READY_TIMEOUT`: `diagnosis`
 * ({@link ReadyDiagnosis}) and the message tell what could be seen, and the most likely cause; `EADDRINUSE`: somebody
 * else waits already; or as `BoxSockets.listen`, or what starting the shim threw
 * @throws {Error} `ABORT_ERR`
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
 * @example const { elapsed } = await waitForReady(layout, { shim: () => startShim(layout), timeout: 10_000 });
 */
export async function waitForReady(layout: BoxLayout, options?: ReadyOptions): Promise<Ready> {
  const began = clock.now();
  if (!(layout instanceof BoxLayout)) throw invalidArgType('layout', 'a BoxLayout', layout);
  const checks = { shim: toShim, timeout: timeout(defaultTimeout()), signal: toSignal };
  const { shim: given, timeout: patience, signal } = checkOptions(options, checks);
  if (signal?.aborted) throw abortError(signal);
  const server = net.createServer();
  const accepted = firstConnection(server);
  accepted.catch(() => undefined); // looked at later, in the race
  await layout.sockets.listen(server, NAME);
  try {
    const bound = inodeOfListener(layout.socketsDir, NAME);
    const shim = typeof given === 'function' ? await given() : given;
    const left = Math.max(0, patience - (clock.now() - began));
    const outcome = await race(accepted, { shim, left, signal });
    if (outcome === 'ready') return { elapsed: clock.now() - began, shim };
    throw guestNotReady(layout, {
      exited: outcome === 'exited',
      elapsed: Math.round(clock.now() - began),
      diagnosis: await diagnose(layout, shim, bound),
    });
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

function toShim(name: string, value: unknown): NonNullable<ReadyOptions['shim']> | null {
  if (value === undefined) return null;
  if (value instanceof ShimProcess || typeof value === 'function') return value as NonNullable<ReadyOptions['shim']>;
  throw invalidArgType(name, 'a ShimProcess or a function', value);
}

function defaultTimeout(): number {
  const seconds = Number(process.env.BOXLITE_GUEST_READY_TIMEOUT_SECS);
  return seconds > 0 ? Math.min(seconds * 1000, LARGEST_INT) : DEFAULT_TIMEOUT;
}

/** From now on, so that no connection is missed; whoever connects is let go at once. */
function firstConnection(server: net.Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.on('connection', (socket) => {
      socket.on('error', () => undefined);
      socket.destroy();
      resolve();
    });
  });
}

async function race(
  accepted: Promise<void>,
  { shim, left, signal }: { shim: ShimProcess | null; left: number; signal: AbortSignal | undefined },
): Promise<Outcome> {
  const over = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    signal?.addEventListener('abort', () => reject(abortError(signal)), { signal: over.signal });
    if (signal?.aborted) reject(abortError(signal));
  });
  // A connection that was made in time may still wait in the queue, behind a host that was busy: the event loop looks at
  // sockets once more before it comes to what is immediate.
  const unlessReady = (outcome: Outcome) => () => nextTurn().then(() => outcome);
  const exited = shim?.waitForExit({ signal: over.signal }).then(unlessReady('exited')) ?? aborted;
  const late = sleep(left, over.signal).then(unlessReady('timeout'));
  try {
    return await Promise.race([accepted.then((): Outcome => 'ready'), exited, late, aborted]);
  } finally {
    over.abort();
  }
}
