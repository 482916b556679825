// What `doctor` finds out. The shape is that of `doctor --json`, design section 8.

import type { BindingInfo, KrunScheme, SocketBudgetEntry, SocketProbe } from '../../index.js';
import type { CleanerReport } from '../cleaner.js';

export interface DoctorReport {
  /** No finding is an error or a warning. */
  ok: boolean;
  platform: NodeJS.Platform;
  /** Bytes that a socket address holds, the NUL included. `measured` is null where nothing could be bound. */
  limit: { declared: number; measured: number | null; portable: number };
  base: DirectoryReport & { /** null where it cannot be told. */ isPrivate: boolean | null };
  parent: DirectoryReport;
  cleaner: CleanerReport;
  boxes: BoxReport[];
  findings: Finding[];
}

// Every finding there is, with its severity, in the order in which docs/cli.md explains them. The codes do not change.
// Without a home nobody is harmed yet, and a warning is an information.
export const FINDINGS = {
  ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE: 'error',
  'uid-mismatch': 'error',
  'other-user': 'error',
  'base-missing': 'error',
  'base-unreadable': 'error',
  'base-untrusted': 'error',
  'base-read-only': 'error',
  'base-full': 'error',
  'base-unwritable': 'error',
  'base-nosymfollow': 'error',
  'base-private': 'warning',
  'parent-not-a-directory': 'error',
  'parent-foreign': 'error',
  'parent-unreadable': 'error',
  'parent-mode': 'warning',
  'lock-untrusted': 'error',
  'lock-held': 'warning',
  'cleaner-takes-link': 'warning',
  'cleaner-unknown': 'info',
  'home-missing': 'error',
  'home-unreadable': 'error',
  'home-one-off': 'error',
  'home-not-a-home': 'warning',
  'home-without-boxes': 'info',
  'box-id-invalid': 'warning',
  'sockets-silent': 'error',
  'sockets-missing': 'warning',
  'sockets-not-a-directory': 'error',
  'sockets-unreadable': 'error',
  'sockets-foreign': 'error',
  'sockets-mode': 'error',
  'sockets-open': 'warning',
  'sockets-full': 'error',
  'sockets-read-only': 'error',
  'sockets-unsupported': 'error',
  'sockets-fail': 'error',
  'name-too-long': 'error',
  'name-occupied': 'error',
  'binding-missing': 'warning',
  'binding-lost': 'error',
  'binding-dangling': 'warning',
  'binding-foreign': 'error',
  'binding-in-use': 'error',
  'binding-not-a-symlink': 'error',
  'binding-unreadable': 'error',
  'binding-stale': 'warning',
  'socket-lost': 'error',
  'liveness-unknown': 'warning',
  'dead-zone': 'info',
  'direct-bind': 'info',
  'self-check-failed': 'error',
} as const;

export type FindingCode = keyof typeof FINDINGS;

/** One cause, and what to do about it. */
export interface Finding {
  severity: 'error' | 'warning' | 'info';
  code: FindingCode;
  message: string;
  /** Lines for a shell; the first one looks. What a person has to decide stands in a comment. */
  remedy: string;
}

export function finding(code: FindingCode, message: string, ...remedy: string[]): Finding {
  return { severity: FINDINGS[code], code, message, remedy: remedy.join('\n') };
}

export interface DirectoryReport {
  path: string;
  /** What `ensure` says of it; it makes a parent that is missing. `'unknown'`: there is no native code to ask. */
  state: 'fine' | 'missing' | 'refused' | 'unknown';
  owner: number | null;
  /** Octal, `'1777'`. */
  mode: string | null;
}

export interface BindingReport extends Omit<BindingInfo, 'id' | 'state' | 'sockets'> {
  /** `live` and `idle`: its own directory. `foreign`: another one. `unknown`: the parent could not be looked into. */
  state: BindingInfo['state'] | 'missing' | 'foreign' | 'unknown';
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

/** `probe` is null where it was not tried, for there is no binding to try it through. */
export interface SocketReport
  extends Pick<SocketBudgetEntry, 'name' | 'bytes' | 'limit' | 'fits' | 'realBytes' | 'realFits'> {
  probe: Pick<SocketProbe, 'ok' | 'code' | 'syscall' | 'message'> | null;
}

export interface DoctorRequest {
  home: string | null;
  base: string | null;
  uid: number;
  krun: KrunScheme | null;
  names: string[];
}

export function boxOptionsOf({ base, uid, krun, names }: DoctorRequest) {
  return { base: base ?? '/tmp', uid, names, ...(krun !== null && { krun }) };
}
