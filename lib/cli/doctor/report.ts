// What `doctor` finds out. The shape is that of `doctor --json`, design section 8.

import type { KrunScheme } from '../../index.js';
import type { CleanerReport } from '../cleaner.js';
import { shellCommand } from '../text.js';

/** The whole report. */
export interface DoctorReport {
  /** No finding is an error or a warning. */
  ok: boolean;
  platform: NodeJS.Platform;
  /** Bytes that a socket address holds, the NUL included. `measured` is null where nothing could be bound. */
  limit: { declared: number; measured: number | null; portable: number };
  base: BaseReport;
  parent: ParentReport;
  cleaner: CleanerReport;
  boxes: BoxReport[];
  findings: Finding[];
}

/** The code of every finding there is, in the order in which docs/cli.md explains them. They do not change. */
export const FINDING_CODES = [
  'ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE',
  'limit-not-measured',
  'uid-mismatch',
  'base-missing',
  'base-unreadable',
  'base-not-a-directory',
  'base-foreign',
  'base-not-sticky',
  'base-private',
  'base-nosymfollow',
  'parent-unreadable',
  'parent-not-a-directory',
  'parent-foreign',
  'parent-open',
  'cleaner-takes-link',
  'cleaner-unknown',
  'home-missing',
  'home-unreadable',
  'home-without-boxes',
  'box-id-invalid',
  'box-without-sockets',
  'binding-missing',
  'binding-dangling',
  'binding-foreign',
  'binding-not-a-symlink',
  'binding-unreadable',
  'binding-stale',
  'name-too-long',
  'socket-does-not-bind',
  'dead-zone',
  'direct-bind',
  'self-check-failed',
] as const;

export type FindingCode = (typeof FINDING_CODES)[number];

/** One thing to know, and what to do about it. */
export interface Finding {
  severity: 'error' | 'warning' | 'info';
  code: FindingCode;
  message: string;
  /** A command to paste where one helps, else a sentence. */
  remedy: string;
}

export type BaseState = 'fine' | 'missing' | 'unreadable' | 'not-a-directory' | 'foreign' | 'not-sticky';

export interface BaseReport {
  path: string;
  state: BaseState;
  owner: number | null;
  /** Octal, `'1777'`. */
  mode: string | null;
  /** Another directory here than for the rest of the machine; null where it cannot be told. */
  isPrivate: boolean | null;
}

export type ParentState = 'fine' | 'missing' | 'unreadable' | 'not-a-directory' | 'foreign' | 'open';

export interface ParentReport {
  path: string;
  state: ParentState;
  owner: number | null;
  mode: string | null;
}

/** What stands at the path of a box's binding. */
export type BindingState =
  | 'live'
  | 'idle'
  | 'missing'
  | 'foreign'
  | 'dangling'
  | 'unreadable'
  | 'not-a-symlink'
  | 'unknown';

export interface BindingReport {
  /**
   * `live` and `idle` lead to the box's own directory, `foreign` to another one. `unknown`: the parent could not be
   * looked into.
   */
  state: BindingState;
  target: string | null;
  /** Why it cannot be resolved. */
  code?: string;
}

export interface BoxReport {
  id: string;
  realDir: string;
  bindingDir: string;
  binding: BindingReport;
  /** Some names of the real directory would fit and others not. */
  deadZone: boolean;
  sockets: SocketReport[];
}

export interface SocketReport {
  name: string;
  bytes: number;
  limit: number;
  fits: boolean;
  realBytes: number;
  realFits: boolean;
  /** null: not tried, for there is no binding to try it through. */
  probe: { ok: boolean; code?: string; syscall?: string; message?: string } | null;
}

/** What `doctor` was asked to look at. */
export interface DoctorRequest {
  home: string | null;
  base: string | null;
  uid: number;
  krun: KrunScheme | null;
}

export const DEFAULT_BASE = '/tmp';

/** The constructor's options of a request. */
export function boxOptions(request: DoctorRequest) {
  return {
    base: request.base ?? DEFAULT_BASE,
    uid: request.uid,
    ...(request.krun !== null && { krun: request.krun }),
  };
}

/** A command of this program that acts on what the request named. */
export function ownCommand(request: DoctorRequest, command: string, ...operands: string[]): string {
  const base = request.base === null ? [] : ['--base', request.base];
  const uid = request.uid === ownUid() ? [] : ['--uid', String(request.uid)];
  return shellCommand('boxsockets', command, ...operands, ...base, ...uid);
}

/** The caller's uid; 0 where there are none (Windows), where nothing is owned anyway. */
export function ownUid(): number {
  return process.getuid?.() ?? 0;
}
