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
  const unknown = { path: where, owner: null, mode: null, isPrivate };
  let st: fs.Stats;
  try {
    st = fs.statSync(where);
  } catch (error) {
    const code = errorCode(error);
    const state = code === 'ENOENT' || code === 'ENOTDIR' ? 'missing' : 'unreadable';
    return { base: { ...unknown, state }, findings: [baseFinding(request, state, `${where}: ${code}`)] };
  }
  const base = { ...unknown, state: judgeBase(st), owner: st.uid, mode: octal(st.mode) };
  const findings: Finding[] = [];
  if (base.state !== 'fine') findings.push(baseFinding(request, base.state, describe(where, st)));
  if (isPrivate === true) findings.push(privateFinding(where, evidence));
  if (mountOf(realPath(where), readMounts())?.options.includes('nosymfollow') === true) {
    findings.push({
      severity: 'error',
      code: 'base-nosymfollow',
      message: `${where} is mounted nosymfollow: no symlink is followed there, so no binding works.`,
      remedy: 'Take a base on another file system: --base DIR here, the option base in the host and its shims.',
    });
  }
  return { base, findings };
}

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

function baseFinding(request: DoctorRequest, state: BaseState, detail: string): Finding {
  const where = request.base ?? DEFAULT_BASE;
  const otherBase = 'Take another base: --base DIR here, the option base in the host and its shims.';
  const said: Record<Exclude<BaseState, 'fine'>, { message: string; remedy: string }> = {
    missing: { message: `There is no base: ${detail}.`, remedy: shellCommand('sudo', 'mkdir', '-m', '1777', where) },
    unreadable: { message: `The base cannot be looked at: ${detail}.`, remedy: otherBase },
    'not-a-directory': { message: `The base is not a directory: ${detail}.`, remedy: otherBase },
    foreign: {
      message: `The base belongs to a stranger, who could swap the parent at any time: ${detail}.`,
      remedy: otherBase,
    },
    'not-sticky': {
      message: `Others may write to the base and it is not sticky, so they could swap the parent: ${detail}.`,
      remedy: shellCommand('sudo', 'chmod', '+t', where),
    },
  };
  return { severity: 'error', code: `base-${state}`, ...said[state as Exclude<BaseState, 'fine'>] };
}

function privateFinding(where: string, evidence: string): Finding {
  return {
    severity: 'warning',
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
  let st: fs.Stats | undefined;
  try {
    st = fs.lstatSync(where, { throwIfNoEntry: false });
  } catch (error) {
    const parent = { path: where, state: 'unreadable' as const, owner: null, mode: null };
    // A base that is no directory says so itself.
    if (errorCode(error) === 'ENOTDIR') return { parent: { ...parent, state: 'missing' }, findings: [] };
    return { parent, findings: [parentFinding(parent, `${where}: ${errorCode(error)}`)] };
  }
  if (st === undefined) return { parent: { path: where, state: 'missing', owner: null, mode: null }, findings: [] };
  const parent = { path: where, state: judgeParent(st), owner: st.uid, mode: octal(st.mode) };
  return { parent, findings: parent.state === 'fine' ? [] : [parentFinding(parent, describe(where, st))] };
}

function judgeParent(st: fs.Stats): ParentState {
  if (!st.isDirectory()) return 'not-a-directory';
  if (st.uid !== effectiveUid()) return 'foreign';
  return (st.mode & 0o7777) === 0o700 ? 'fine' : 'open';
}

function parentFinding(parent: ParentReport, detail: string): Finding {
  const { path: where, state } = parent;
  if (state === 'open') {
    return {
      severity: 'warning',
      code: 'parent-open',
      message: `The parent should be 0700, for you alone: ${detail}. The next ensure repairs it.`,
      remedy: shellCommand('chmod', '0700', where),
    };
  }
  const said = {
    'not-a-directory': `Something else stands where the parent belongs: ${detail}.`,
    foreign: `The parent belongs to uid ${parent.owner}, and must belong to uid ${effectiveUid()}: ${detail}.`,
  };
  const message =
    state === 'not-a-directory' || state === 'foreign' ? said[state] : `It cannot be looked at: ${detail}.`;
  const remove = state === 'foreign' ? ['sudo', 'rm', '-r', '--', where] : ['rm', '--', where];
  return {
    severity: 'error',
    code: `parent-${state}`,
    message,
    remedy: state === 'unreadable' ? shellCommand('ls', '-ld', path.dirname(where)) : shellCommand(...remove),
  };
}
