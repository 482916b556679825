// What there is to say about the programs that clean the base.

import type { Cleaner, CleanerReport } from '../cleaner.js';
import { type Finding, finding } from './doctor-report.js';
import { asRoot } from './remedy.js';

/** Findings about what cleans the base; `isNoatime` where following a link leaves no trace there. */
export function cleanerFindings(report: CleanerReport, isNoatime: boolean): Finding[] {
  return report.cleaners.flatMap((cleaner) => {
    const { name, age, rule, reason } = cleaner;
    if (!cleaner.active || cleaner.takesLink === false) return [];
    const remedy = protection(cleaner, report.tmpfilesLine);
    if (cleaner.takesLink === null) {
      const unknown = `Whether ${name} takes the link of an idle box cannot be told: ${reason}.`;
      return [finding('cleaner-unknown', unknown, ...remedy)];
    }
    const dialing = isNoatime ? 'The base is mounted noatime, so even dialing does not keep a link. ' : '';
    // Its lock on the parent is honoured by systemd-tmpfiles alone.
    const keeps = name === 'systemd-tmpfiles' ? 'hold() keeps it, and the next' : 'The next';
    const message = `${name} takes the link of a box that nobody dialed for ${age} (${rule}). ${dialing}${keeps} ensure brings it back.`;
    return [finding('cleaner-takes-link', message, ...remedy)];
  });
}

function protection({ name }: Cleaner, line: string): string[] {
  const pattern = line.slice('x '.length);
  if (name === 'systemd-tmpfiles') {
    const add = `echo '${line}' | ${asRoot('tee', '/etc/tmpfiles.d/boxsockets.conf')}`;
    return ['systemd-tmpfiles --cat-config | grep -n -e /tmp -e bl-', add];
  }
  if (name === 'tmpwatch')
    return ['grep -rs tmpwatch /etc/cron.daily /etc/cron.d', `# add -X '${pattern}' to each call`];
  const setting = `TMPREAPER_PROTECT_EXTRA="$TMPREAPER_PROTECT_EXTRA ${pattern}"`;
  return ['grep -n TMPREAPER /etc/tmpreaper.conf', `echo '${setting}' | ${asRoot('tee', '-a', '/etc/tmpreaper.conf')}`];
}
