// The whole examination, step by step. It changes nothing that it did not make itself.

import { spawnSync } from 'node:child_process';
import * as path from 'node:path';
import { type BindingInfo, BoxSockets } from '../../index.js';
import { inspectCleaners } from '../cleaner.js';
import { plural } from '../text.js';
import { causesOf, gather } from './box-findings.js';
import { inspectBox } from './boxes.js';
import { cleanerFindings } from './cleaner-findings.js';
import { boxOptionsOf, type DoctorReport, type DoctorRequest, type Finding, finding } from './doctor-report.js';
import { realPath } from './facts.js';
import { otherUser, readHome } from './home-boxes.js';
import { inspectMachine } from './machine.js';
import { asUser, optionsOf, own, ownUid } from './remedy.js';
import { runSelfCheck, type SelfCheck } from './self-check.js';

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
  const request = { ...asked, home: asked.home === null ? null : path.resolve(asked.home) };
  // Checked by the constructor, before anything is looked at.
  const { parentDir } = new BoxSockets('id', '/', boxOptionsOf(request));
  const other = otherUser(request, parentDir);
  const theirs = other === null || ownUid() !== 0 ? null : examineAs(other, request);
  if (theirs !== null) return { report: theirs, selfCheck: null };

  examiner.progress('Looking at the base, the parent and what cleans them');
  const machine = await inspectMachine(request);
  const findings = [...machine.findings];
  const report = {
    platform: process.platform,
    limit: machine.limit,
    base: machine.base,
    parent: machine.parent,
    cleaner: inspectCleaners(path.join(realPath(boxOptionsOf(request).base), path.basename(parentDir), 'id')),
    boxes: [] as DoctorReport['boxes'],
  };
  if (other !== null) return { report: { ok: false, ...report, findings: [other.finding] }, selfCheck: null };
  findings.push(...cleanerFindings(report.cleaner, machine.isNoatime));

  const home = request.home === null ? null : readHome(request.home, request);
  findings.push(...(home?.findings ?? []), ...staleBindings(machine.bindings, home?.ids ?? [], request));
  let selfCheck: SelfCheck | null = null;
  if (home !== null) {
    const examined = await examineBoxes(home.ids, machine.bindings, request, examiner);
    report.boxes.push(...examined.boxes);
    findings.push(...examined.findings);
  } else if (!examiner.interruption.received) {
    examiner.progress('Making a deep home and binding in it');
    selfCheck = await runSelfCheck(request, machine.findings);
    if (selfCheck.box !== null) report.boxes.push(selfCheck.box);
    findings.push(...selfCheck.findings);
  }
  // Without a home nobody is harmed yet.
  if (home === null) for (const one of findings) if (one.severity === 'warning') one.severity = 'info';
  const order = ['error', 'warning', 'info'];
  findings.sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
  const ok = findings.every((finding) => finding.severity === 'info');
  return { report: { ok, ...report, findings }, selfCheck };
}

/** How many boxes are probed at the same time: a step that is begun is finished, whatever interrupts it. */
const AT_ONCE = 4;

async function examineBoxes(
  ids: string[],
  bindings: Map<string, BindingInfo> | null,
  request: DoctorRequest,
  examiner: Examiner,
): Promise<{ boxes: DoctorReport['boxes']; findings: Finding[] }> {
  const boxes: DoctorReport['boxes'] = [];
  const found = [];
  const inspect = (id: string) => {
    const realDir = path.join(request.home ?? '', 'boxes', id, 'sockets');
    return inspectBox(new BoxSockets(id, realDir, boxOptionsOf(request)), bindings);
  };
  for (let index = 0; index < ids.length && !examiner.interruption.received; index += AT_ONCE) {
    examiner.progress(`Probing box ${index + 1} of ${ids.length}: ${ids[index]}`);
    for (const examined of await Promise.all(ids.slice(index, index + AT_ONCE).map(inspect))) {
      boxes.push(examined.box);
      found.push({ id: examined.box.id, causes: causesOf(examined, request) });
    }
  }
  return { boxes, findings: gather(found) };
}

// As the user whose home it is: what is made for a probe is theirs then, and so is the judgement. That user may meddle
// with it: so each line of a remedy is run as that user too, and what asks for root is left to root's own judgement. Null
// where that user cannot run this program.
function examineAs({ uid, gid }: { uid: number; gid: number }, request: DoctorRequest): DoctorReport | null {
  const args = [path.join(__dirname, '../main.js'), 'doctor', '--json', ...optionsOf(request)];
  const env = { PATH: process.env.PATH };
  const { stdout } = spawnSync(process.execPath, args, { uid, gid, env, cwd: '/', encoding: 'utf8', timeout: 120_000 });
  const line = (text: string) => {
    if (text.startsWith('#')) return text;
    return text.startsWith('sudo ') ? `# needs root: ${text}` : asUser(['sh', '-c', text], uid);
  };
  try {
    const report = JSON.parse(stdout) as DoctorReport;
    const remedyOf = ({ remedy }: Finding) => remedy.split('\n').map(line).join('\n');
    return { ...report, findings: report.findings.map((one) => ({ ...one, remedy: remedyOf(one) })) };
  } catch {
    return null;
  }
}

/** Bindings that lead to nothing, of whichever home. */
function staleBindings(bindings: Map<string, BindingInfo> | null, except: string[], request: DoctorRequest): Finding[] {
  const known = new Set(except);
  const stale = [...(bindings?.values() ?? [])].filter(({ id, state }) => state === 'dangling' && !known.has(id));
  if (stale.length === 0) return [];
  // Not as the file system happens to list them.
  const ids = stale.map(({ id }) => id).sort();
  const more = stale.length > 3 ? ` and ${stale.length - 3} more` : '';
  const message = `${plural(stale.length, 'binding leads', 'bindings lead')} to nothing: ${ids.slice(0, 3).join(', ')}${more}.`;
  return [finding('binding-stale', message, own(request, 'sweep', '--dry-run'), own(request, 'sweep'))];
}
