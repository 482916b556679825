// The base and the parent, looked at without changing them, and what is wrong with them.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { inspectPrivateBase, mountOf, readMounts } from '../mounts.js';
import { shellCommand } from '../text.js';
import { describe, effectiveUid, errorCode, octal, realPath } from './files.js';
import {
  type BaseReport,
  type BaseState,
  DEFAULT_BASE,
  type DoctorRequest,
  type Finding,
  type ParentReport,
  type ParentState,
} from './report.js';

/** The base as `ensure` judges it, and what is wrong with it. */
export function inspectBase(request: DoctorRequest): { base: BaseReport; findings: Finding[] } {
  const where = request.base ?? DEFAULT_BASE;
  const { isPrivate, evidence } = inspectPrivateBase(where);
  let st: fs.Stats;
  try {
    st = fs.statSync(where);
  } catch (error) {
    const code = errorCode(error);
    const state = code === 'ENOENT' || code === 'ENOTDIR' ? 'missing' : 'unreadable';
    const base = { path: where, state, owner: null, mode: null, isPrivate } as const;
    return { base, findings: [baseFinding(where, state, `${where}: ${code}`)] };
  }
  const state = judgeBase(st);
  const findings: Finding[] = [];
  if (state !== 'fine') findings.push(baseFinding(where, state, describe(where, st)));
  if (isPrivate === true) findings.push(privateFinding(request, evidence));
  if (mountOf(realPath(where), readMounts())?.options.includes('nosymfollow') === true) {
    findings.push({
      severity: 'error',
      code: 'base-nosymfollow',
      message: `${where} is mounted nosymfollow: no symlink is followed there, so no binding works.`,
      remedy: ANOTHER_BASE,
    });
  }
  return { base: { path: where, state, owner: st.uid, mode: octal(st.mode), isPrivate }, findings };
}

const ANOTHER_BASE = 'Take another base: --base DIR here, the option base in the host and its shims.';

// Design section 4: a directory owned by root or the user (or, where root is not mapped and the base is sticky, by
// the uid that stands for root), and sticky if others may write to it.
function judgeBase(st: fs.Stats): BaseState {
  const sticky = (st.mode & 0o1000) !== 0;
  const openToOthers = (st.mode & 0o022) !== 0;
  if (!st.isDirectory()) return 'not-a-directory';
  if (st.uid !== 0 && st.uid !== effectiveUid() && !(sticky && st.uid === uidThatStandsForRoot())) return 'foreign';
  return openToOthers && !sticky ? 'not-sticky' : 'fine';
}

// In a user namespace without a mapping of root, root's files show the overflow uid.
function uidThatStandsForRoot(): number {
  try {
    const map = fs.readFileSync('/proc/self/uid_map', 'utf8');
    if (map.split('\n').some((line) => /^\s*0\s/.test(line))) return 0;
    return Number(fs.readFileSync('/proc/sys/kernel/overflowuid', 'utf8'));
  } catch {
    return 0;
  }
}

function baseFinding(where: string, state: Exclude<BaseState, 'fine'>, detail: string): Finding {
  const said: Record<typeof state, { message: string; remedy: string }> = {
    missing: { message: `There is no base: ${detail}.`, remedy: shellCommand('sudo', 'mkdir', '-m', '1777', where) },
    unreadable: { message: `The base cannot be looked at: ${detail}.`, remedy: ANOTHER_BASE },
    'not-a-directory': { message: `The base is not a directory: ${detail}.`, remedy: ANOTHER_BASE },
    foreign: {
      message: `The base belongs to a stranger, who could swap the parent at any time: ${detail}.`,
      remedy: ANOTHER_BASE,
    },
    'not-sticky': {
      message: `Others may write to the base and it is not sticky, so they could swap the parent: ${detail}.`,
      remedy: shellCommand('sudo', 'chmod', '+t', where),
    },
  };
  return { severity: 'error', code: `base-${state}`, ...said[state] };
}

// Where no box is looked at, nothing is yet to be found by anybody: then it is no more than worth knowing.
function privateFinding(request: DoctorRequest, evidence: string): Finding {
  const where = request.base ?? DEFAULT_BASE;
  return {
    severity: request.home === null ? 'info' : 'warning',
    code: 'base-private',
    message:
      `${where} is private to this process and its kin (${evidence}): a shim or a client that sees another ${where} ` +
      'does not find the bindings made here.',
    remedy: `Set PrivateTmp=no in the unit, or give the host and its shims a base that both see (the option base).`,
  };
}

/** The parent, and what is wrong with it. A missing one is fine: the first `ensure` makes it. */
export function inspectParent(request: DoctorRequest): { parent: ParentReport; findings: Finding[] } {
  const where = path.join(request.base ?? DEFAULT_BASE, `bl-${request.uid}`);
  const unknown = { path: where, owner: null, mode: null };
  let st: fs.Stats | undefined;
  try {
    st = fs.lstatSync(where, { throwIfNoEntry: false });
  } catch (error) {
    const code = errorCode(error);
    // A base that is no directory says so itself.
    if (code === 'ENOTDIR') return { parent: { ...unknown, state: 'missing' }, findings: [] };
    const finding = parentFinding(where, 'unreadable', `${where}: ${code}`);
    return { parent: { ...unknown, state: 'unreadable' }, findings: [finding] };
  }
  if (st === undefined) return { parent: { ...unknown, state: 'missing' }, findings: [] };
  const state = judgeParent(st);
  const findings = state === 'fine' ? [] : [parentFinding(where, state, describe(where, st))];
  return { parent: { path: where, state, owner: st.uid, mode: octal(st.mode) }, findings };
}

function judgeParent(st: fs.Stats): Exclude<ParentState, 'missing' | 'unreadable'> {
  if (!st.isDirectory()) return 'not-a-directory';
  if (st.uid !== effectiveUid()) return 'foreign';
  return (st.mode & 0o7777) === 0o700 ? 'fine' : 'open';
}

function parentFinding(where: string, state: Exclude<ParentState, 'fine' | 'missing'>, detail: string): Finding {
  const said: Record<typeof state, Pick<Finding, 'severity' | 'message' | 'remedy'>> = {
    open: {
      severity: 'warning',
      message: `The parent should be 0700, for you alone: ${detail}. The next ensure repairs it.`,
      remedy: shellCommand('chmod', '0700', where),
    },
    foreign: {
      severity: 'error',
      message: `The parent must belong to uid ${effectiveUid()}, and does not: ${detail}.`,
      remedy: shellCommand('sudo', 'rm', '-r', '--', where),
    },
    'not-a-directory': {
      severity: 'error',
      message: `Something else stands where the parent belongs: ${detail}.`,
      remedy: shellCommand('rm', '--', where),
    },
    unreadable: {
      severity: 'error',
      message: `The parent cannot be looked at: ${detail}.`,
      remedy: shellCommand('ls', '-ld', path.dirname(where)),
    },
  };
  return { code: `parent-${state}`, ...said[state] };
}
