// What is wrong with one box, and what to do about it.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { plural, shellCommand } from '../text.js';
import { errorCode } from './files.js';
import { type BoxReport, type DoctorRequest, type Finding, ownCommand } from './report.js';

/** Findings about one box. */
export function boxFindings(box: BoxReport, request: DoctorRequest): Finding[] {
  const findings: Finding[] = [];
  const missing = realDirFinding(box, request);
  if (missing !== null) findings.push(missing);
  const binding = bindingFinding(box, request);
  // A link to a directory that is not there dangles, and one that is missing cannot be made: one cause, one finding.
  if (binding !== null && !(missing !== null && ['dangling', 'missing'].includes(box.binding.state))) {
    findings.push(binding);
  }
  findings.push(...nameFindings(box, request));
  if (box.deadZone) findings.push(deadZoneFinding(box));
  return findings;
}

function realDirFinding(box: BoxReport, request: DoctorRequest): Finding | null {
  let problem: string;
  try {
    if (fs.statSync(box.realDir).isDirectory()) return null;
    problem = 'it is no directory';
  } catch (error) {
    problem = errorCode(error);
  }
  return {
    severity: 'warning',
    code: 'box-without-sockets',
    message: `Box ${box.id} has no directory for its sockets: ${box.realDir}: ${problem}.`,
    remedy: `${shellCommand('mkdir', '-m', '0700', '--', box.realDir)} && ${ownCommand(request, 'ensure', box.id, box.realDir)}`,
  };
}

function bindingFinding(box: BoxReport, request: DoctorRequest): Finding | null {
  const { state, target, code } = box.binding;
  const ensure = ownCommand(request, 'ensure', box.id, box.realDir);
  const where = box.bindingDir;
  switch (state) {
    case 'missing':
      return {
        severity: 'warning',
        code: 'binding-missing',
        message: `Box ${box.id} has no binding: ${where} is not there. A cleaner takes idle ones.`,
        remedy: ensure,
      };
    case 'dangling':
      return {
        severity: 'warning',
        code: 'binding-dangling',
        message: `The binding of box ${box.id} leads to nothing: ${where} -> ${target}.`,
        remedy: ensure,
      };
    case 'foreign':
      return {
        severity: 'error',
        code: 'binding-foreign',
        message: `The binding of box ${box.id} is taken by another home: ${where} -> ${target}.`,
        remedy: `${ensure}    # refused while a box lives there: stop it, or add --takeover`,
      };
    case 'not-a-symlink':
      return {
        severity: 'error',
        code: 'binding-not-a-symlink',
        message: `Something that is no symlink stands at the binding of box ${box.id}: ${where}.`,
        remedy: `${shellCommand('mv', '--', where, `${where}.aside`)} && ${ensure}`,
      };
    case 'unreadable':
      return {
        severity: 'error',
        code: 'binding-unreadable',
        message: `The binding of box ${box.id} cannot be resolved (${code}): ${where} -> ${target}.`,
        remedy: `${ensure} --takeover`,
      };
    default:
      return null;
  }
}

function nameFindings(box: BoxReport, request: DoctorRequest): Finding[] {
  const tooLong = box.sockets.filter((socket) => !socket.fits);
  const findings: Finding[] = [];
  if (tooLong.length > 0) {
    const longest = Math.max(...tooLong.map((socket) => socket.bytes));
    const over = longest - (tooLong[0]?.limit ?? 104) + 1;
    findings.push({
      severity: 'error',
      code: 'name-too-long',
      message:
        `Box ${box.id}: ${plural(tooLong.length, 'name does', 'names do')} not fit even through the binding ` +
        `(${tooLong.map((socket) => `${socket.name} ${socket.bytes}`).join(', ')} bytes, the limit is below 104).`,
      remedy:
        request.base === null
          ? `Give the box an id that is ${plural(over, 'byte')} shorter.`
          : `Take an id or a base that is ${plural(over, 'byte')} shorter; /tmp is the default base.`,
    });
  }
  for (const { name, probe, fits } of box.sockets) {
    if (probe === null || probe.ok || !fits) continue;
    const call = probe.syscall === undefined ? '' : ` in ${probe.syscall}`;
    findings.push({
      severity: 'error',
      code: 'socket-does-not-bind',
      message: `Box ${box.id}: ${name} does not bind: ${probe.code ?? 'unknown'}${call}. ${probe.message ?? ''}`.trim(),
      remedy: shellCommand('boxsockets', 'probe', path.join(box.bindingDir, name)),
    });
  }
  return findings;
}

function deadZoneFinding(box: BoxReport): Finding {
  const lost = box.sockets.filter((socket) => !socket.realFits).map((socket) => socket.name);
  return {
    severity: 'info',
    code: 'dead-zone',
    message:
      `Box ${box.id} lies in the dead zone: with its ${Buffer.byteLength(box.realDir)} bytes, a program that binds in ` +
      `the directory itself seems to work until it comes to ${lost.join(', ')}.`,
    remedy: `Bind and dial below ${box.bindingDir}, never in the directory itself.`,
  };
}
