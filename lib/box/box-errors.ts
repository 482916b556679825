// What rows, homes and shims of boxes are refused with.

import { BoxSocketsError, describeErrno, refusal, shorten } from '../errors.js';

/** A row of a box that is not to be used: `rule` completes "its "field" …"; no field where the whole is meant. */
export function rowInvalid(
  field: string | null,
  rule: string,
  { received, cause }: { received?: unknown; cause?: unknown } = {},
): BoxSocketsError {
  const what = field === null ? 'The row of a box' : `The row of a box is refused: its "${field}"`;
  const value = received === undefined ? '' : `. Received ${shorten(received)}`;
  return refusal('ERR_BOX_SOCKETS_ROW_INVALID', `${what} ${rule}${value}`, { field: field ?? undefined, cause });
}

/** A row of a box that is not even parsed. */
export function rowTooLarge(bound: string): BoxSocketsError {
  const message = `The row of a box is refused: it has ${bound}, which no row of a box needs. Look at who wrote it`;
  return refusal('ERR_BOX_SOCKETS_ROW_TOO_LARGE', message);
}

/** A directory that is not to be removed as the home of a box. */
export function homeUnsafe(path: string, reason: string, remedy = 'Check that this is the path you mean') {
  const message = `'${path}' is not removed as the home of a box: ${reason}. Nothing was touched. ${remedy}`;
  return refusal('ERR_BOX_SOCKETS_HOME_UNSAFE', message, { path });
}

/** A process that cannot be looked at from here. */
export function otherPidNamespace(pid: number, namespace: string): BoxSocketsError {
  return refusal(
    'ERR_BOX_SOCKETS_PID_NAMESPACE',
    `Process ${pid} was recorded in another pid namespace (${namespace}) than this process is in. Here that number ` +
      'belongs to no process, or to another one. Call this from within that namespace',
  );
}

/** A system call that failed for a process: `EPERM: operation not permitted, kill process 4711`. */
export function processError(errno: number, syscall: string, pid: number): BoxSocketsError {
  const negative = -Math.abs(errno);
  const { name, text } = describeErrno(negative);
  return new BoxSocketsError(name, `${name}: ${text}, ${syscall} process ${pid}`, { errno: negative, syscall });
}
