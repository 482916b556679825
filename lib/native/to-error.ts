// What a failed native operation says of itself, made into an error: numbers become paths, causes and remedies.

import { readlinkSync } from 'node:fs';
import {
  type BoxSocketsError,
  type BoxSocketsErrorCode,
  bindingInUse,
  outOfContract,
  refusal,
  systemError,
} from '../errors.js';
import { mountPointOf } from '../mount-points.js';
import type { OperationPaths } from '../paths/binding-paths.js';
import { attempt } from '../twin.js';
import { isFailure, type NativeFailure, Refusal, Subject } from './contract.js';
import { fileUntrusted } from './file-errors.js';
import { occupantOf } from './verdicts.js';

const BASE_REMEDY = 'Use a base of your own or of root with the sticky bit (chmod +t), as /tmp is';

/** The result of an operation, or the error that its failure stands for. */
export function unwrap<T>(outcome: T | NativeFailure, paths: OperationPaths): T {
  if (isFailure(outcome)) throw toError(outcome, paths);
  return outcome;
}

/** Whether the operation may succeed when it is simply tried again later. */
export function isLockTimeout(outcome: unknown): boolean {
  return isFailure(outcome) && outcome.refusal === Refusal.lockTimeout;
}

export function toError(failure: NativeFailure, paths: OperationPaths): BoxSocketsError {
  const path = pathOf(failure.subject, paths);
  const { errno, syscall, refusal: reason } = failure;
  if (reason !== Refusal.none && reason !== Refusal.tooLong) return toRefusal(failure, paths, path);
  if (syscall === null) throw outOfContract('a system call', syscall);
  const error = systemError(errno, syscall, path, pathOf(failure.dest, paths));
  return error.code === 'ETIMEDOUT' && paths.binding !== undefined ? silent(error, paths.binding, path) : error;
}

/** What a binding leads to has not answered in time: `path` is that, or the binding itself. */
function silent({ errno = 0, syscall = '' }: BoxSocketsError, binding: string, path?: string): BoxSocketsError {
  const target = path === binding ? attempt(() => readlinkSync(binding), undefined) : path;
  const point = target === undefined ? null : mountPointOf(target);
  const error = systemError(errno, syscall, binding, target);
  const where = point === null ? 'there' : `mounted at '${point}'`;
  error.message += `. The file system ${where} does not answer. Mend its server, or unmount it (umount -l), and try again`;
  return error;
}

const PATHS: Readonly<Record<number, (paths: OperationPaths) => string | undefined>> = {
  [Subject.none]: () => undefined,
  [Subject.base]: ({ base }) => base,
  [Subject.parent]: ({ parent }) => parent,
  [Subject.lock]: ({ parent }) => `${parent}/.lock`,
  [Subject.binding]: ({ binding, parent }) => binding ?? parent,
  [Subject.temporary]: ({ binding, parent = '' }) => `${parent}/.${binding?.slice(parent.length + 1)}.new`,
  [Subject.realDir]: ({ realDir }) => realDir,
  [Subject.socket]: ({ socket, binding }) => socket ?? binding,
  [Subject.file]: ({ file }) => file,
};

function pathOf(subject: number, paths: OperationPaths): string | undefined {
  const path = PATHS[subject];
  if (path === undefined) throw outOfContract('a subject', subject);
  return path(paths);
}

const CODES: Readonly<Record<number, BoxSocketsErrorCode>> = {
  [Refusal.uidMismatch]: 'ERR_BOX_SOCKETS_UID_MISMATCH',
  [Refusal.baseUntrusted]: 'ERR_BOX_SOCKETS_BASE_UNTRUSTED',
  [Refusal.ancestryUntrusted]: 'ERR_BOX_SOCKETS_BASE_UNTRUSTED',
  [Refusal.parentNotDirectory]: 'ERR_BOX_SOCKETS_PARENT_NOT_DIRECTORY',
  [Refusal.parentForeign]: 'ERR_BOX_SOCKETS_PARENT_FOREIGN',
  [Refusal.parentMounted]: 'ERR_BOX_SOCKETS_PARENT_FOREIGN',
  [Refusal.parentUnstable]: 'ERR_BOX_SOCKETS_PARENT_UNSTABLE',
  [Refusal.lockUntrusted]: 'ERR_BOX_SOCKETS_LOCK_UNTRUSTED',
  [Refusal.lockTimeout]: 'ERR_BOX_SOCKETS_LOCK_TIMEOUT',
  [Refusal.realDir]: 'ERR_BOX_SOCKETS_REAL_DIR',
  [Refusal.notASymlink]: 'ERR_BOX_SOCKETS_NOT_A_SYMLINK',
  [Refusal.idTaken]: 'ERR_BOX_SOCKETS_ID_TAKEN',
  [Refusal.peer]: 'ERR_BOX_SOCKETS_PEER',
  [Refusal.misplaced]: 'ERR_BOX_SOCKETS_MISPLACED',
};

function toRefusal(failure: NativeFailure, paths: OperationPaths, path = ''): BoxSocketsError {
  const cause = failure.syscall === null ? undefined : systemError(failure.errno, failure.syscall, path);
  const fields = { path, cause, errno: cause?.errno };
  if (failure.refusal === Refusal.bindingInUse) {
    return bindingInUse(path, occupantOf(paths), { ...fields, dest: paths.realDir });
  }
  if (failure.refusal === Refusal.fileUntrusted) return fileUntrusted(path, failure);
  const code = CODES[failure.refusal];
  if (code === undefined) throw outOfContract('a refusal', failure.refusal);
  const [owner, expected] = [failure.owner, failure.expected].map((one) => (one < 0 ? undefined : one));
  return refusal(code, describe(failure, paths, path), { ...fields, path: path || undefined, owner, expected });
}

/** What was refused, and what to do. */
function describe(failure: NativeFailure, { base, realDir }: OperationPaths, path: string): string {
  const { owner, expected } = failure;
  switch (failure.refusal) {
    case Refusal.uidMismatch:
      return (
        `The real uid (${owner}) and the effective uid (${expected}) of this process differ, so it is not clear whose ` +
        'sockets these are. Run the process as one user'
      );
    case Refusal.baseUntrusted:
      return describeBase(failure, path);
    case Refusal.ancestryUntrusted:
      return (
        `The base '${path}' is not to be trusted: its path goes through a directory (owner ${owner}, mode ` +
        `${modeOf(failure)}) in which others could rename it. ${BASE_REMEDY}`
      );
    case Refusal.parentNotDirectory:
      return `'${path}' is not a directory (a symlink is not followed there). Look at it (ls -ld), and move it away`;
    case Refusal.parentForeign:
      return owner === expected
        ? `'${path}' belongs to another user who is not mapped in this user namespace, as this process is not: both ` +
            `show as uid ${owner}. Look at it (ls -la), have its owner or root move it away, or use another base`
        : `'${path}' belongs to uid ${owner}, and must belong to uid ${expected}. Look whose bindings lie ` +
            `in it (ls -la); have uid ${owner} or root move it away, or use another base`;
    case Refusal.parentMounted:
      return (
        `'${path}' lies on another file system than its base '${base}'. Whoever has mounted it decides what it says ` +
        'of its owner. Have it unmounted, or use another base'
      );
    case Refusal.parentUnstable:
      return (
        `'${path}' or its bindings were replaced again and again while this process worked on them. Find the program ` +
        'that removes it'
      );
    case Refusal.lockUntrusted:
      return (
        `'${path}' must be a regular file of one link that belongs to this user, and is not one. Look at it ` +
        '(ls -ldn), and move it away'
      );
    case Refusal.lockTimeout:
      return owner > 0
        ? `'${path}' is locked by process ${owner}, and it did not let go in time. Look at what process ${owner} does, ` +
            'or wait longer (lockTimeout)'
        : `'${path}' is locked by another process, and it did not let go in time. Find it with fuser or lsof, or wait ` +
            'longer (lockTimeout)';
    case Refusal.realDir: {
      const why = failure.syscall === null ? '' : `: ${systemError(failure.errno, failure.syscall, path).message}`;
      return `'${path}' must be an existing directory, for the sockets lie there${why}. Create it first`;
    }
    case Refusal.notASymlink:
      return `'${path}' is in the place of a symlink, and is not one. It is left as it is: look at it (ls -ld), and move it away`;
    case Refusal.idTaken:
      return (
        `'${path}' is the binding of another box: its id differs by case or by the composition of letters alone, and the ` +
        'file system takes the two for one. Use another id'
      );
    case Refusal.peer:
      return owner === expected
        ? `It cannot be told whose process listens on '${path}': users who are not mapped in this user namespace, as ` +
            `this process is not, all show as uid ${owner}. Nothing was sent`
        : `The process that listens on '${path}' runs as uid ${owner}, and must run as uid ${expected}. Nothing was sent`;
    default:
      return failure.bound
        ? `Whoever listens on '${path}' was bound by '${failure.bound}', which does not lead into the real directory ` +
            `'${realDir}'. Nothing was sent. Have it bound by a path that does`
        : `'${path}' does not lead to the real directory${realDir === undefined ? '' : ` '${realDir}'`}. Call ensure() ` +
            'to mend the binding';
  }
}

function describeBase(failure: NativeFailure, path: string): string {
  if (failure.owner < 0) return `The base '${path}' is not an existing directory. ${BASE_REMEDY}`;
  return (
    `The base '${path}' (owner ${failure.owner}, mode ${modeOf(failure)}) is not to be trusted: ` +
    `others could replace what lies in it. ${BASE_REMEDY}`
  );
}

function modeOf({ mode }: NativeFailure): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}
