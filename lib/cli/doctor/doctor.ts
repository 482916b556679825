// The whole examination, step by step. It changes nothing that it did not make itself.

import * as path from 'node:path';
import { type BindingInfo, BoxSockets, measureSunPathLimit, sunPathLimit } from '../../index.js';
import { type CleanerReport, inspectCleaners } from '../cleaner.js';
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

/** How an examination is told of the world around it. */
export interface Examiner {
  progress(step: string): void;
  /** Once true, no further step is begun. */
  readonly interruption: { readonly received: boolean };
}

/** Examines a home, or without one the machine and a home made for the purpose. */
export async function examine(asked: DoctorRequest, examiner: Examiner): Promise<Examination> {
  // Checked by the constructor, before anything is looked at.
  new BoxSockets('id', '/', boxOptions(asked));
  const request = { ...asked, home: asked.home === null ? null : path.resolve(asked.home) };

  examiner.progress('Measuring what a socket address holds');
  const limit = await measureLimit(request);
  examiner.progress('Looking at the base, the parent and what cleans them');
  const base = inspectBase(request);
  const parent = inspectParent(request);
  const findings = [...uidFindings(), ...limit.findings, ...base.findings, ...parent.findings];

  const listed = await listParent(request, parent.parent);
  const home = request.home === null ? { ids: [], findings: [] } : readHome(request.home, request);
  const cleaner = lookForCleaners(request, parent.parent, home.ids);
  findings.push(...listed.findings, ...home.findings, ...cleanerFindings(cleaner, request));
  findings.push(...staleBindings(listed.bindings ?? new Map(), home.ids, request));

  const examined = await examineBoxes({ ids: home.ids, bindings: listed.bindings, request, examiner });
  findings.push(...examined.findings);
  const report = {
    ok: findings.every((finding) => finding.severity === 'info'),
    platform: process.platform,
    limit: limit.limit,
    base: base.base,
    parent: parent.parent,
    cleaner,
    boxes: examined.boxes,
    findings,
  };
  return { report, selfCheck: examined.selfCheck };
}

async function examineBoxes(what: {
  ids: string[];
  bindings: Map<string, BindingInfo> | null;
  request: DoctorRequest;
  examiner: Examiner;
}): Promise<{ boxes: BoxReport[]; selfCheck: SelfCheck | null; findings: Finding[] }> {
  const { ids, bindings, request, examiner } = what;
  const boxes: BoxReport[] = [];
  const findings: Finding[] = [];
  for (const [index, id] of ids.entries()) {
    if (examiner.interruption.received) break;
    examiner.progress(`Probing box ${index + 1} of ${ids.length}: ${id}`);
    const box = new BoxSockets(id, path.join(request.home ?? '', 'boxes', id, 'sockets'), boxOptions(request));
    const inspected = await inspectBox(box, bindings, request);
    boxes.push(inspected.box);
    findings.push(...inspected.findings);
  }
  if (request.home !== null || examiner.interruption.received) return { boxes, selfCheck: null, findings };
  examiner.progress('Making a deep home and binding in it');
  const selfCheck = await runSelfCheck(request);
  if (selfCheck.box !== null) boxes.push(selfCheck.box);
  return { boxes, selfCheck, findings: [...findings, ...selfCheck.findings] };
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
    // Its last line is what to do.
    const end = message.lastIndexOf('\n');
    return { severity: 'error', code, message: message.slice(0, end), remedy: message.slice(end + 1) };
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

// What is said of one link holds for each that no line names.
function lookForCleaners(request: DoctorRequest, parent: ParentReport, [id = 'box']: string[]): CleanerReport {
  return inspectCleaners(path.join(realPath(request.base ?? DEFAULT_BASE), path.basename(parent.path), id));
}
