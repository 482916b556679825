// The typed contract of the native addon: what it answers. What it is asked is in addon.ts.

import type { SocketType } from '../arguments.js';
import { outOfContract } from '../errors.js';

/** Which of an operation's paths a failure is about, numbered as in native/posix/status.h. */
export const Subject = {
  none: 0,
  base: 1,
  parent: 2,
  lock: 3,
  binding: 4,
  temporary: 5,
  realDir: 6,
  socket: 7,
  file: 8,
} as const;

/** Why an operation was refused, numbered as in native/posix/status.h; 0 is a failed system call. */
export const Refusal = {
  none: 0,
  uidMismatch: 1,
  baseUntrusted: 2,
  parentNotDirectory: 3,
  parentForeign: 4,
  parentUnstable: 5,
  parentAbsent: 6,
  lockUntrusted: 7,
  lockTimeout: 8,
  realDir: 9,
  notASymlink: 10,
  bindingInUse: 11,
  misplaced: 12,
  peer: 13,
  fileUntrusted: 14,
  parentMounted: 15,
  tooLong: 16,
  idTaken: 17,
  ancestryUntrusted: 18,
} as const;

/** A failed operation. */
export interface NativeFailure {
  /** Positive; 0 where no system call failed. */
  readonly errno: number;
  readonly syscall: string | null;
  readonly subject: number;
  /** Of a call that is about two paths, the second. */
  readonly dest: number;
  readonly refusal: number;
  /** The uid (of a lock: the pid) that owns what was refused, or -1. */
  readonly owner: number;
  /** The uid that should own it, or -1. */
  readonly expected: number;
  /** Mode of what was refused, or -1. */
  readonly mode: number;
  /** What of a tree could not be removed, below the directory that the removal began in. */
  readonly entry?: string;
  /** Where a socket was dialed: the path that its listener was bound by, or empty where that was not asked or told. */
  readonly bound?: string;
}

export const ENSURE_STATUS = ['unchanged', 'created', 'replaced'] as const;
export const REMOVE_STATUS = ['removed', 'absent', 'foreign'] as const;
export const BINDING_STATES = ['live', 'idle', 'dangling', 'unreadable', 'not-a-symlink'] as const;
/** The type of a socket that is probed goes in by its index. */
export const SOCKET_TYPES: readonly SocketType[] = ['stream', 'dgram', 'seqpacket'];
/** Of a socket, as native/posix/judgement.h numbers them. */
export const JUDGEMENTS = ['dead', 'alive', 'unknown', 'gone'] as const;
/** Why a socket is unknown, or alive although no file of it was found. */
export const REASONS = ['none', 'errno', 'foreign-file-system', 'file-gone', 'too-many'] as const;

/** The member of one of these lists that the addon names by its index. */
export function nameOf<T>(list: readonly T[], index: number): T {
  const name = list[index];
  if (name === undefined) throw outOfContract(`an index into ${list.join(', ')}`, index);
  return name;
}

export interface NativeSweep {
  readonly removed: string[];
  readonly kept: number;
  readonly skipped: { readonly name: string; readonly errno: number }[];
}

export interface NativeListEntry {
  readonly id: string;
  readonly target: string | null;
  /** Index into {@link BINDING_STATES}. */
  readonly state: number;
  /** Why it is unreadable, else 0. */
  readonly errno: number;
  readonly sockets: NativeSocket[];
}

export interface NativeVerdict {
  /** Index into {@link JUDGEMENTS}. */
  readonly judgement: number;
  /** Index into {@link REASONS}. */
  readonly reason: number;
  /** Of the question that failed, else 0. */
  readonly errno: number;
}

export interface NativeSocket extends NativeVerdict {
  /** Below the directory, subdirectories included. */
  readonly name: string;
}

/** Who is in the way of a binding. */
export interface NativeOccupant extends NativeVerdict {
  /** What the link holds. */
  readonly target: string;
  /** Below that. */
  readonly socket: string;
  /** 0 where it cannot be told. */
  readonly pid: number;
}

/** The sockets of one box, and the processes that hold them as far as they can be seen. */
export interface NativeBox {
  /** Why the directory could not be looked at, else 0. */
  readonly errno: number;
  /** What is in its place, a link not followed; 0 where nothing could be seen. */
  readonly mode: number;
  readonly sockets: NativeSocket[];
  /** An index into `sockets` and a pid, by turns. */
  readonly holders: number[];
}

/** What ensure would say of a directory. */
export interface NativeInspected {
  /** A uid; null where nothing is there. */
  readonly owner: number | null;
  /** Permission bits; null where nothing is there. */
  readonly mode: number | null;
  readonly failure: NativeFailure | null;
}

export interface NativeInspection {
  readonly base: NativeInspected;
  readonly parent: NativeInspected;
}

/** What tells a socket file from any other that may take its place. */
export interface FileIdentity {
  readonly device: bigint;
  readonly inode: bigint;
  /** Time of birth in nanoseconds; 0 where the platform has none. */
  readonly birth: bigint;
}

/** Descriptors with a shared lock on each; `realDir` is -1 where that directory cannot be locked. */
export interface NativeHold {
  readonly parent: number;
  readonly realDir: number;
}

export interface NativeListener {
  /** A listening socket, and the number of its inode. */
  readonly socket: number;
  readonly socketInode: number;
  /** A descriptor that keeps the number of the file's inode from being given again, or -1. */
  readonly pin: number;
  /** A descriptor of the real directory, or -1. */
  readonly directory: number;
  readonly identity: FileIdentity;
}

/** What became of a probe, and the verdict on what stands at its path: what is no socket is dead. */
export interface NativePathProbe extends NativeVerdict {
  readonly failure: NativeFailure | null;
}

/** A file in a directory that is trusted, by a path that is relative to it and leads nowhere else. */
export interface FileAt {
  readonly directory: string;
  readonly path: string;
}

export interface NativeFileStat {
  /** Type and permission bits. */
  readonly mode: number;
  readonly size: number;
  readonly uid: number;
  readonly links: number;
  readonly device: bigint;
  readonly inode: bigint;
}

export interface NativeFileBytes {
  readonly bytes: Uint8Array;
  readonly size: number;
}

export interface NativeEntry {
  readonly name: string;
  /** Type bits alone. */
  readonly mode: number;
}

/** How far a box is looked at: its mode alone, the sockets that have files, or those too that the kernel alone lists. */
export const BOX_DEPTHS = ['mode', 'files', 'listed'] as const;

/** How a file is opened: for reading, at its end, or emptied. */
export const OPENINGS = ['read', 'append', 'empty'] as const;

/** The `contract` of the addon that this facade speaks. */
export const CONTRACT = 14;

export function isFailure(outcome: unknown): outcome is NativeFailure {
  return typeof outcome === 'object' && outcome !== null && 'refusal' in outcome;
}
