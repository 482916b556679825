// Why no guest said that it is ready: what can be seen of the shim, its output, the socket and the way to it, and the
// most likely cause of it all.

import * as fs from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { lookAt, readFile } from '../beneath.js';
import { type BoxSocketsError, refusal } from '../errors.js';
import { sameInode } from '../operations/same-inode.js';
import type { SocketBudget, SocketBudgetEntry } from '../paths/budget.js';
import { runAsync } from '../twin.js';
import type { BoxLayout } from './box-layout.js';
import type { ShimProcess } from './shim-process.js';
import type { ShimExit } from './shim-status.js';

/** The end of a file that the shim or its guest writes. */
export interface LogEnd {
  /** The path of the file: absolute. */
  path: string;
  /** The size of the whole file. */
  bytes: number;
  /** The last lines, without control characters. */
  tail: string;
}

/** What could be seen where no guest said that it is ready. */
export interface ReadyDiagnosis {
  /** The most likely cause, as a sentence. */
  cause: string;
  /** The shim; null where none was given, and `shim.pid` names none. */
  shim: {
    /** Its process id. */
    pid: number;
    /** Whether it lives, or may live. */
    alive: boolean;
    /** How it ended; null where it lives, or was no child of this process. */
    exit: ShimExit | null;
  } | null;
  /** What the guest wrote to its console; null where there is no such file. */
  console: LogEnd | null;
  /** What the shim wrote; null where there is no such file. */
  shimLog: LogEnd | null;
  /** What became of the socket file that was bound. */
  readySock: 'there' | 'missing' | 'replaced';
  /** Whether the link on the way to it leads there. */
  binding: 'right' | 'missing' | 'elsewhere';
  /** The names of the box, and whether they fit. */
  budget: SocketBudget;
}

type Findings = Omit<ReadyDiagnosis, 'cause'>;

const TAIL_BYTES = 1024;
const TAIL_LINES = 8;

/** @param bound the inode of the socket file as it was bound; undefined where it was gone at once */
export async function diagnose(
  layout: BoxLayout,
  shim: ShimProcess | null,
  bound: bigint | undefined,
): Promise<ReadyDiagnosis> {
  const known = shim ?? (await layout.shim().catch(() => null));
  const findings: Findings = {
    shim: known && { pid: known.pid, alive: await known.isAlive(), exit: known.exit },
    console: await readEnd(layout, layout.consoleLog),
    shimLog: await readEnd(layout, layout.shimLog),
    readySock: await inspectSocket(layout, bound),
    binding: await inspectBinding(layout),
    budget: layout.sockets.budget(),
  };
  return { cause: likelyCause(layout, findings), ...findings };
}

/** No guest connected: the shim ended, or else the time was over, after so many milliseconds. */
export function guestNotReady(
  layout: BoxLayout,
  { exited, elapsed, diagnosis }: { exited: boolean; elapsed: number; diagnosis: ReadyDiagnosis },
): BoxSocketsError {
  const path = layout.sockets.readySock;
  const { shim } = diagnosis;
  const code = exited ? 'ERR_BOX_SOCKETS_SHIM_EXITED' : 'ERR_BOX_SOCKETS_READY_TIMEOUT';
  const what = exited
    ? `The shim ended before a guest connected to '${path}' (${elapsed} ms)`
    : shim?.alive === true
      ? `The shim (process ${shim.pid}) lives, and nobody connected to '${path}' within ${elapsed} ms`
      : `No guest connected to '${path}' within ${elapsed} ms`;
  return refusal(code, [`${what}.`, ...describe(layout, diagnosis)].join('\n  '), { path, diagnosis });
}

/** All of it, a line each, the cause first. */
function describe({ sockets, consoleLog, shimLog }: BoxLayout, diagnosis: ReadyDiagnosis): string[] {
  const { cause, shim, readySock, binding, budget } = diagnosis;
  // The host's part is in order: it may be that nobody has told the shim what is waited for.
  const isSilent = shim?.alive === true && readySock === 'there' && binding === 'right';
  return [
    `Most likely, ${cause}.`,
    ...(isSilent ? [`Ready is said by connecting once to '${sockets.readySock}'; nothing is sent.`] : []),
    shim === null
      ? 'No shim is known to run.'
      : `The shim (pid ${shim.pid}) ${shim.alive ? 'is alive' : ended(shim.exit)}.`,
    describeLog('The console', consoleLog, diagnosis.console),
    describeLog("The shim's own log", shimLog, diagnosis.shimLog),
    `'${sockets.readySock}' ${SOCKET_WORDS[readySock]}; the binding ${BINDING_WORDS[binding]}.`,
    ...(budget.longest === null ? [] : [describeLongest(budget.longest)]),
  ];
}

function describeLongest({ bytes, limit, realBytes }: SocketBudgetEntry): string {
  return `The longest name takes ${bytes} of ${limit - 1} bytes through the binding, and ${realBytes} without it.`;
}

const SOCKET_WORDS = { there: 'is there', missing: 'is missing', replaced: 'was replaced' } as const;
const BINDING_WORDS = { right: 'leads to it', missing: 'is missing', elsewhere: 'leads elsewhere' } as const;

function likelyCause(layout: BoxLayout, { shim, console, readySock, binding, budget }: Findings): string {
  const { bindingDir, parentDir } = layout.sockets;
  if (shim !== null && !shim.alive) return `the shim ${ended(shim.exit)} before its guest was up; its log says why`;
  if (binding === 'missing') {
    return `'${bindingDir}' was removed while the guest started, by something that cleans '${parentDir}': hold() keeps it`;
  }
  if (binding === 'elsewhere') return `'${bindingDir}' was taken over by another box of the same id`;
  if (readySock !== 'there') return 'something removed or replaced the socket while the guest started';
  if (shim === null) return 'the shim was never started, or ended long ago';
  if ((console?.bytes ?? 0) > 0)
    return 'the guest started, and its agent did not come up; the console says how far it got';
  const { realFits = true, realBytes, limit = 0 } = budget.longest ?? {};
  const direct = `were given paths below '${layout.socketsDir}' (up to ${realBytes} bytes, of ${limit - 1} that fit)`;
  return realFits
    ? 'the guest did not start at all: look at its kernel, and at the access to /dev/kvm'
    : `the guest did not start at all, as when the shim or its network ${direct} instead of the binding's`;
}

function ended(exit: ShimExit | null): string {
  if (exit === null) return 'is dead';
  if (exit.signal !== null) return `was ended by ${exit.signal}`;
  const known = exit.code === 127 ? ': the program was not found' : exit.code === 126 ? ': it could not be run' : '';
  return `ended with status ${exit.code}${known}`;
}

function describeLog(what: string, path: string, end: LogEnd | null): string {
  if (end === null) return `${what} ('${path}') was never written.`;
  if (end.bytes === 0) return `${what} ('${path}') is empty.`;
  return `${what} ('${path}') has ${end.bytes} bytes, and ends: ${JSON.stringify(end.tail)}.`;
}

async function inspectSocket({ boxHome }: BoxLayout, bound: bigint | undefined): Promise<ReadyDiagnosis['readySock']> {
  const found = await runAsync(lookAt({ directory: boxHome, path: 'sockets/ready.sock' })).catch(() => null);
  return found === null ? 'missing' : found.inode === bound ? 'there' : 'replaced';
}

async function inspectBinding({ sockets }: BoxLayout): Promise<ReadyDiagnosis['binding']> {
  try {
    return (await sameInode(sockets.bindingDir, sockets.realDir)) ? 'right' : 'elsewhere';
  } catch {
    return fs.lstatSync(sockets.bindingDir, { throwIfNoEntry: false }) === undefined ? 'missing' : 'elsewhere';
  }
}

// A diagnosis tells what can be told: a file that cannot be read, or is no plain file of this user, is one that was never
// written.
async function readEnd({ boxHome }: BoxLayout, path: string): Promise<LogEnd | null> {
  const file = { directory: boxHome, path: path.slice(boxHome.length + 1) };
  const end = await runAsync(readFile(file, TAIL_BYTES, { fromEnd: true })).catch(() => null);
  return end && { path, bytes: end.size, tail: lastLines(end.bytes.toString('utf8')) };
}

function lastLines(text: string): string {
  const plain = stripVTControlCharacters(text).replace(/[\p{Cc}\uFFFD]/gu, (c) => (c === '\n' ? c : ''));
  return plain.trimEnd().split('\n').slice(-TAIL_LINES).join('\n');
}
