// The whole examination, step by step. It changes nothing that it did not make itself.

import * as path from 'node:path';
import { BoxSockets, measureSunPathLimit, sunPathLimit } from '../../index.js';
import { type CleanerReport, inspectCleaners } from '../cleaner/cleaner.js';
import { readMounts } from '../mounts.js';
import { inspectBox, listParent, readHome, staleBindings } from './boxes.js';
import { cleanerFindings } from './cleaner-findings.js';
import { errorCode, realPath } from './files.js';
import { inspectBase, inspectParent } from './machine.js';
import {
  type BoxReport,
  boxOptions,
  DEFAULT_BASE,
  type DoctorReport,
  type DoctorRequest,
  type Finding,
  type ParentReport,
} from './report.js';
import { runSelfCheck, type SelfCheck } from './self-check.js';

/** What an examination came to. */
export interface Examination {
  report: DoctorReport;
  /** Without a home: what the deep one showed. */
  selfCheck: SelfCheck | null;
}

/** Examines a home, or without one the machine and a home made for the purpose. */
export async function examine(asked: DoctorRequest, progress: (step: string) => void): Promise<Examination> {
  // Checked by the constructor, before anything is looked at.
  new BoxSockets('id', '/', boxOptions(asked));
  const request = { ...asked, home: asked.home === null ? null : path.resolve(asked.home) };

  progress('Measuring what a socket address holds');
  const limit = await measureLimit(request);
  progress('Looking at the base, the parent and what cleans them');
  const base = inspectBase(request);
  const parent = inspectParent(request);
  const findings = [...uidFindings(), ...limit.findings, ...base.findings, ...parent.findings];

  const listed = await listParent(request, parent.parent);
  const home = request.home === null ? { ids: [], findings: [] } : readHome(request.home, request);
  const cleaner = lookForCleaners(request, parent.parent, [...(listed.bindings?.keys() ?? []), ...home.ids]);
  findings.push(...listed.findings, ...home.findings, ...cleanerFindings(cleaner, request));
  findings.push(...staleBindings(listed.bindings ?? new Map(), home.ids, request));

  const boxes: BoxReport[] = [];
  for (const [index, id] of home.ids.entries()) {
    progress(`Probing box ${index + 1} of ${home.ids.length}: ${id}`);
    const box = new BoxSockets(id, path.join(request.home ?? '', 'boxes', id, 'sockets'), boxOptions(request));
    const inspected = await inspectBox(box, listed.bindings, request);
    boxes.push(inspected.box);
    findings.push(...inspected.findings);
  }

  let selfCheck: SelfCheck | null = null;
  if (request.home === null) {
    progress('Making a deep home and binding in it');
    selfCheck = await runSelfCheck(request);
    if (selfCheck.box !== null) boxes.push(selfCheck.box);
    findings.push(...selfCheck.findings);
  }
  const report = {
    ok: findings.every((finding) => finding.severity === 'info'),
    platform: process.platform,
    limit: limit.limit,
    base: base.base,
    parent: parent.parent,
    cleaner,
    boxes,
    findings,
  };
  return { report, selfCheck };
}

async function measureLimit(request: DoctorRequest): Promise<{ limit: DoctorReport['limit']; findings: Finding[] }> {
  const { capacity, portableMaxBytes } = sunPathLimit();
  try {
    const { declared, measured } = await measureSunPathLimit(request.base ?? DEFAULT_BASE);
    return { limit: { declared, measured, portable: portableMaxBytes }, findings: [] };
  } catch (error) {
    const limit = { declared: capacity, measured: null, portable: portableMaxBytes };
    return { limit, findings: [limitFinding(error, request)].flat() };
  }
}

function limitFinding(error: unknown, request: DoctorRequest): Finding | [] {
  const code = errorCode(error);
  const message = error instanceof Error ? error.message : String(error);
  if (code === 'ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE') {
    return { severity: 'error', code, message, remedy: 'npm install --force boxsockets' };
  }
  // A base that is missing or closed has a finding of its own, and so have names that are too long in it.
  const known = ['ENOENT', 'ENOTDIR', 'EACCES', 'EROFS', 'ERR_BOX_SOCKETS_PATH_TOO_LONG'];
  if (known.includes(code)) return [];
  return {
    severity: 'error',
    code: 'limit-not-measured',
    message: `No socket could be bound in ${request.base ?? DEFAULT_BASE}: ${message}`,
    remedy: `boxsockets probe ${path.join(request.base ?? DEFAULT_BASE, 'test.sock')}`,
  };
}

function uidFindings(): Finding[] {
  const [real, effective] = [process.getuid?.(), process.geteuid?.()];
  if (real === effective) return [];
  return [
    {
      severity: 'error',
      code: 'uid-mismatch',
      message: `The real uid is ${real} and the effective uid ${effective}: ensure refuses to work under two names.`,
      remedy: 'Run as one user: neither setuid nor half of a sudo.',
    },
  ];
}

function lookForCleaners(request: DoctorRequest, parent: ParentReport, ids: string[]): CleanerReport {
  const base = realPath(request.base ?? DEFAULT_BASE);
  const dir = path.join(base, path.basename(parent.path));
  // Without a box to ask about, any: what is said of it holds for each that no line names.
  const links = (ids.length > 0 ? [...new Set(ids)] : ['box']).map((id) => path.join(dir, id));
  return inspectCleaners({ links, mountPoints: new Set(readMounts().map((mount) => mount.mountPoint)) });
}
