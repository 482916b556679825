// What there is to say about the programs that clean the base.

import type { Cleaner, CleanerReport } from '../cleaner/cleaner.js';
import { mountOf, readMounts } from '../mounts.js';
import { duration } from '../text.js';
import { realPath } from './files.js';
import { DEFAULT_BASE, type DoctorRequest, type Finding, ownCommand } from './report.js';

/** Findings about what cleans the base. A machine on which no box is to be lost yet is told, not warned. */
export function cleanerFindings(cleaner: CleanerReport, request: DoctorRequest): Finding[] {
  const findings: Finding[] = [];
  const { soonest } = cleaner;
  if (soonest !== null) findings.push(takesFinding(soonest, request));
  for (const idle of cleaner.cleaners.filter((one) => !one.active && one.takesLink)) {
    findings.push({
      severity: 'info',
      code: 'cleaner-inactive',
      message:
        `${idle.name} does not run by itself (${idle.reason}); where somebody starts it, it takes a link that ` +
        `nobody followed for ${duration(idle.ageSeconds ?? 0)}.`,
      remedy: idle.protect ?? `Add the line "${cleaner.tmpfilesLine}" to its configuration.`,
    });
  }
  for (const { path: where, code } of cleaner.unreadable) {
    findings.push({
      severity: 'info',
      code: 'cleaner-unreadable',
      message: `${where} cannot be read (${code}): what it says of cleaning is not known.`,
      remedy: `sudo ${ownCommand(request, 'doctor')}`,
    });
  }
  return findings;
}

function takesFinding(cleaner: Cleaner, request: DoctorRequest): Finding {
  const rule = cleaner.rule === null ? '' : ` (${cleaner.rule.file}:${cleaner.rule.line}: ${cleaner.rule.text})`;
  const age =
    cleaner.ageSeconds === 0 ? 'at every run' : `once nobody followed it for ${duration(cleaner.ageSeconds ?? 0)}`;
  const noatime = mountOf(realPath(request.base ?? DEFAULT_BASE), readMounts())?.options.includes('noatime') === true;
  return {
    severity: request.home === null ? 'info' : 'warning',
    code: 'cleaner-takes-link',
    message:
      `${cleaner.name} takes the link of an idle box ${age}${rule}. ` +
      (noatime ? 'The base is mounted noatime, so even dialing does not keep a link. ' : '') +
      // Its lock on the parent is honoured by systemd-tmpfiles alone.
      (cleaner.name === 'systemd-tmpfiles'
        ? 'hold() keeps it, and the next ensure brings it back.'
        : 'The next ensure brings it back.'),
    remedy: cleaner.protect ?? '',
  };
}
