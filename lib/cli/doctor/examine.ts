// The whole examination, step by step. It changes nothing that it did not make itself.

import { spawnSync } from 'node:child_process';
import * as path from 'node:path';
import { BoxSockets } from '../../index.js';
import type { Output } from '../output.js';
import { plural } from '../text.js';
import { causesOf, type Examined, gather } from './box-findings.js';
import { boxOptionsOf, type DoctorReport, type DoctorRequest, type Finding, finding } from './doctor-report.js';
import { type Bindings, inspectBox, otherUser, readHome } from './home-boxes.js';
import type { Interruption } from './interruption.js';
import { inspectMachine } from './machine.js';
import { asUser, optionsOf, own, ownUid } from './remedy.js';
import { runSelfCheck, type SelfCheck } from './self-check.js';

/** How many boxes are probed at the same time: a step that is begun is finished, whatever interrupts it. */
const AT_ONCE = 4;

/** Examines a home, or without one the machine and a home made for the purpose, of which `selfCheck` tells. */
export async function examine(request: DoctorRequest, output: Output, interruption: Interruption) {
  // Checked by the constructor, before anything is looked at.
  const { parentDir } = new BoxSockets('id', '/', boxOptionsOf(request));
  const other = otherUser(request, parentDir);
  const theirs = other === null || ownUid() !== 0 ? null : examineAs(other, request);
  if (theirs !== null) return { report: theirs, selfCheck: null };

  output.progress('Looking at the base, the parent and what cleans them');
  const { findings, bindings, ...machine } = await inspectMachine(request);
  const report: DoctorReport = { ok: false, platform: process.platform, ...machine, boxes: [], findings };
  if (other !== null) return { report: { ...report, findings: [other.finding] }, selfCheck: null };

  const { boxes, findings: strays } = readHome(request);
  findings.push(...strays, ...staleBindings(bindings, boxes, request));
  const examined: Examined[] = [];
  for (let index = 0; index < boxes.length && !interruption.received; index += AT_ONCE) {
    output.progress(`Probing box ${index + 1} of ${boxes.length}: ${boxes[index]?.boxId}`);
    const some = boxes.slice(index, index + AT_ONCE).map((box) => inspectBox(box, bindings));
    examined.push(...(await Promise.all(some)));
  }
  report.boxes = examined.map(({ box }) => box);
  findings.push(...gather(examined.flatMap((one) => causesOf(one, request))));
  let selfCheck: SelfCheck | null = null;
  if (request.home === null && !interruption.received) {
    output.progress('Making a deep home and binding in it');
    selfCheck = await runSelfCheck(request);
    if (selfCheck.box !== null) report.boxes.push(selfCheck.box);
    // Where the base is known to be broken, that is its reason to fail, and not told again.
    const isTold = findings.some(({ severity }) => severity === 'error');
    findings.push(...selfCheck.findings.filter(({ severity }) => severity === 'info' || !isTold));
  }
  // Without a home nobody is harmed yet.
  if (request.home === null) for (const one of findings) if (one.severity === 'warning') one.severity = 'info';
  const order = ['error', 'warning', 'info'];
  findings.sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
  report.ok = findings.every(({ severity }) => severity === 'info');
  return { report, selfCheck };
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
function staleBindings(bindings: Bindings, except: BoxSockets[], request: DoctorRequest): Finding[] {
  const known = new Set(except.map(({ boxId }) => boxId));
  const stale = [...(bindings?.values() ?? [])].filter(({ id, state }) => state === 'dangling' && !known.has(id));
  if (stale.length === 0) return [];
  // Not as the file system happens to list them.
  const ids = stale.map(({ id }) => id).sort();
  const more = stale.length > 3 ? ` and ${stale.length - 3} more` : '';
  const message = `${plural(stale.length, 'binding leads', 'bindings lead')} to nothing: ${ids.slice(0, 3).join(', ')}${more}.`;
  return [finding('binding-stale', message, own(request, 'sweep', '--dry-run'), own(request, 'sweep'))];
}
