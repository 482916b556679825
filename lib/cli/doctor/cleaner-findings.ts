// What there is to say about the programs that clean the base.

import type { Cleaner, CleanerReport } from '../cleaner.js';
import { mountOf, readMounts } from '../mounts.js';
import { asRoot } from '../text.js';
import { realPath } from './files.js';
import { DEFAULT_BASE, type DoctorRequest, type Finding } from './report.js';

/** Findings about what cleans the base. A machine on which no box is to be lost yet is told, not warned. */
export function cleanerFindings(report: CleanerReport, request: DoctorRequest): Finding[] {
  return report.cleaners.flatMap((cleaner) => {
    if (!cleaner.active || cleaner.takesLink === false) return [];
    if (cleaner.takesLink === true) return [takesFinding(cleaner, report.tmpfilesLine, request)];
    const message = `Whether ${cleaner.name} takes the link of an idle box cannot be told: ${cleaner.reason}.`;
    return [{ severity: 'info', code: 'cleaner-unknown', message, remedy: protection(cleaner, report.tmpfilesLine) }];
  });
}

function takesFinding(cleaner: Cleaner, line: string, request: DoctorRequest): Finding {
  const noatime = mountOf(realPath(request.base ?? DEFAULT_BASE), readMounts())?.options.includes('noatime') === true;
  return {
    severity: request.home === null ? 'info' : 'warning',
    code: 'cleaner-takes-link',
    message:
      `${cleaner.name} takes the link of a box that nobody dialed for ${cleaner.age} (${cleaner.rule}). ` +
      (noatime ? 'The base is mounted noatime, so even dialing does not keep a link. ' : '') +
      // Its lock on the parent is honoured by systemd-tmpfiles alone.
      (cleaner.name === 'systemd-tmpfiles'
        ? 'hold() keeps it, and the next ensure brings it back.'
        : 'The next ensure brings it back.'),
    remedy: protection(cleaner, line),
  };
}

function protection({ name }: Cleaner, line: string): string {
  if (name === 'systemd-tmpfiles') return `echo '${line}' | ${asRoot('tee', '/etc/tmpfiles.d/boxsockets.conf')}`;
  const pattern = line.slice('x '.length);
  if (name === 'tmpwatch') return `grep -rs tmpwatch /etc/cron.daily /etc/cron.d    # add -X '${pattern}' to each call`;
  const setting = `TMPREAPER_PROTECT_EXTRA="$TMPREAPER_PROTECT_EXTRA ${pattern}"`;
  return `echo '${setting}' | ${asRoot('tee', '-a', '/etc/tmpreaper.conf')}`;
}
