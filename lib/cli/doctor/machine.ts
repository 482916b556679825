// The base, the parent, its lock: as the operations themselves judge them, and what to do where they refuse.

import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { type BindingInfo, BoxSockets, measureSunPathLimit, sunPathLimit } from '../../index.js';
import { inspectMount } from '../mounts.js';
import { shellCommand } from '../text.js';
import { errorCode, errorMessage, lookAt, octal, realPath } from './facts.js';
import { anotherBase, asRoot, asUser, look, moveAside, own, ownUid } from './remedy.js';
import {
  boxOptionsOf,
  type DirectoryReport,
  type DoctorReport,
  type DoctorRequest,
  type Finding,
  finding,
} from './report.js';

export interface MachineReport extends Pick<DoctorReport, 'limit' | 'base' | 'parent' | 'findings'> {
  /** What stands in the parent, by id; null where it cannot be looked into, for a reason that is a finding. */
  bindings: Map<string, BindingInfo> | null;
  isNoatime: boolean;
}

interface Failure {
  code: string;
  message: string;
}

/** Looks at all that every box shares, and changes nothing. */
export async function inspectMachine(request: DoctorRequest): Promise<MachineReport> {
  const { base: where, uid } = boxOptionsOf(request);
  const { limit, failure } = await measureLimit(where);
  const mount = inspectMount(realPath(where));
  const base = { ...directoryReport(where, statOrCode(where)), isPrivate: mount.isPrivate };
  const parent = directoryReport(path.join(where, `bl-${uid}`), lookAt(path.join(where, `bl-${uid}`)));
  const findings = uidFindings(request);
  const report = { limit, base, parent, findings, bindings: null, isNoatime: mount.options.includes('noatime') };
  if (failure?.code === 'ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE') {
    findings.push(nativeFinding(failure.message));
    return report;
  }
  if (base.owner === null) {
    findings.push(absentFinding(request, base));
    return { ...report, parent: { ...parent, state: 'missing' } };
  }
  const { bindings, failure: notListed } = await listBindings(request);
  const refused = notListed === null ? null : refusal(request, notListed, { base, parent });
  const found =
    refused ?? lockRefusal(parent, await failureOfLock(request, parent)) ?? unwritable(request, failure, parent);
  if (found !== null) findings.push(found);
  if (refused !== null) (refused.code.startsWith('base') ? base : parent).state = refused.code.replace(/^\w+-/, '');
  if (mount.isPrivate === true) findings.push(privateFinding(request, mount.evidence));
  if (mount.options.includes('nosymfollow')) {
    const message = `${where} is mounted nosymfollow: no symlink is followed there, so no binding works.`;
    findings.push(finding('base-nosymfollow', message, shellCommand('findmnt', '-T', where), anotherBase(request)));
  }
  if (bindings !== null && parent.owner !== null && parent.mode !== '0700') {
    parent.state = 'mode';
    const message = `The parent ${parent.path} has mode ${parent.mode} and should have 0700. The next ensure repairs it.`;
    findings.push(finding('parent-mode', message, look(parent.path), asUser(['chmod', '00700', '--', parent.path])));
  }
  return { ...report, bindings };
}

function statOrCode(where: string): fs.Stats | string {
  try {
    return fs.statSync(where);
  } catch (error) {
    return errorCode(error);
  }
}

function directoryReport(where: string, st: fs.Stats | string): DirectoryReport {
  if (typeof st !== 'string') return { path: where, state: 'fine', owner: st.uid, mode: octal(st.mode) };
  const state = st === 'ENOENT' || st === 'ENOTDIR' ? 'missing' : 'unreadable';
  return { path: where, state, owner: null, mode: null };
}

async function measureLimit(base: string): Promise<{ limit: DoctorReport['limit']; failure: Failure | null }> {
  const { capacity: declared, portableMaxBytes: portable } = sunPathLimit();
  try {
    const { measured } = await measureSunPathLimit(base);
    return { limit: { declared, measured, portable }, failure: null };
  } catch (error) {
    const failure = { code: errorCode(error), message: errorMessage(error) };
    return { limit: { declared, measured: null, portable }, failure };
  }
}

function uidFindings(request: DoctorRequest): Finding[] {
  const [real, effective] = [process.getuid?.() ?? 0, ownUid()];
  if (real === effective) return [];
  const message = `The real uid is ${real} and the effective uid ${effective}: ensure refuses to work under two names.`;
  const home = request.home === null ? [] : ['--home', request.home];
  const advice = '# start the program as one user: neither setuid nor half of a sudo';
  return [finding('uid-mismatch', message, 'id', advice, own(request, 'doctor', ...home))];
}

function nativeFinding(message: string): Finding {
  // Its last line is what to do, a sentence.
  const end = message.lastIndexOf('\n');
  const shown = shellCommand('ls', '-lR', path.join(__dirname, '../../../prebuilds'));
  return finding('ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE', message.slice(0, end), shown, `# ${message.slice(end + 1)}`);
}

function absentFinding(request: DoctorRequest, { path: where, state }: DirectoryReport): Finding {
  if (state === 'unreadable') {
    const message = `The base ${where} cannot be looked at: a directory above it is closed to this user.`;
    return finding('base-unreadable', message, shellCommand('namei', '-l', where), anotherBase(request));
  }
  const make = asRoot('mkdir', '-m', '1777', '--', where);
  return finding('base-missing', `The base ${where} does not exist.`, look(path.dirname(where)), make);
}

/** What stands in the parent, by id, or why that cannot be told. */
export async function listBindings(request: DoctorRequest) {
  const { base, uid } = boxOptionsOf(request);
  try {
    const listed = await BoxSockets.list({ base, uid });
    return { bindings: new Map(listed.map((one) => [one.id, one])), failure: null };
  } catch (error) {
    return { bindings: null, failure: { code: errorCode(error), message: `${errorMessage(error)}.` } };
  }
}

function refusal(
  request: DoctorRequest,
  { code, message: said }: Failure,
  { base, parent }: Pick<DoctorReport, 'base' | 'parent'>,
): Finding {
  switch (code) {
    case 'ERR_BOX_SOCKETS_BASE_UNTRUSTED': {
      const st = statOrCode(base.path);
      const lacksSticky = typeof st !== 'string' && st.isDirectory() && (st.mode & 0o1000) === 0;
      const chmod = ['chmod', '+t', '--', base.path];
      // Who may set the bit that is missing; a base of a stranger stays one.
      const mend = !lacksSticky
        ? null
        : base.owner === ownUid()
          ? asUser(chmod)
          : base.owner === 0
            ? asRoot(...chmod)
            : null;
      return finding('base-untrusted', said, look(base.path), mend ?? anotherBase(request));
    }
    case 'ERR_BOX_SOCKETS_PARENT_NOT_DIRECTORY':
      return finding('parent-not-a-directory', said, look(parent.path), moveAside(parent.path));
    case 'ERR_BOX_SOCKETS_PARENT_FOREIGN': {
      const ask = `# ask uid ${parent.owner} first, whose bindings may lie in it; it is only moved, and nothing is lost`;
      const aside = asRoot('mv', '-n', '--', parent.path, `${parent.path}.aside`);
      return finding('parent-foreign', said, look(parent.path), ask, aside);
    }
    default: {
      const open = asUser(['chmod', '00700', '--', parent.path]);
      return finding('parent-unreadable', `The bindings cannot be listed: ${said}`, look(parent.path), open);
    }
  }
}

// Asked of an operation that takes the lock and finds nothing to do.
async function failureOfLock(
  request: DoctorRequest,
  parent: DirectoryReport,
): Promise<(Failure & { owner: number }) | null> {
  if (parent.mode !== '0700' || lookAt(`${parent.path}/.lock`) === 'ENOENT') return null;
  const nobody = new BoxSockets(`doctor-${randomBytes(8).toString('hex')}`, '/', boxOptionsOf(request));
  try {
    await nobody.remove({ lockTimeout: 1000 });
    return null;
  } catch (error) {
    const owner = (error as { owner?: number }).owner ?? -1;
    return { code: errorCode(error), message: `${errorMessage(error)}.`, owner };
  }
}

function lockRefusal(parent: DirectoryReport, failure: (Failure & { owner: number }) | null): Finding | null {
  const lock = `${parent.path}/.lock`;
  if (failure?.code === 'ERR_BOX_SOCKETS_LOCK_UNTRUSTED') {
    return finding('lock-untrusted', failure.message, look(lock), moveAside(lock));
  }
  if (failure?.code !== 'ERR_BOX_SOCKETS_LOCK_TIMEOUT') return null;
  const pid = String(failure.owner);
  const shown = failure.owner > 0 ? ['ps', '-o', 'pid,etime,args', '-p', pid] : ['fuser', '-v', lock];
  const wait = asUser(['flock', '-w', '60', lock, 'true']);
  return finding(
    'lock-held',
    failure.message,
    shellCommand(...shown),
    '# it may only be slow; this waits a minute:',
    wait,
  );
}

// Where a first ensure would make the parent, or any would make its link.
function unwritable(request: DoctorRequest, failure: Failure | null, parent: DirectoryReport): Finding | null {
  const { base: where } = boxOptionsOf(request);
  const another = anotherBase(request);
  switch (failure?.code) {
    case 'EROFS': {
      const message = `${where} lies on a file system that is mounted read-only: no binding can be made or repaired.`;
      return finding('base-read-only', message, shellCommand('findmnt', '-T', where), another);
    }
    case 'ENOSPC':
    case 'EDQUOT': {
      const message = `The file system of ${where} is full (${failure.code}): no binding can be made or repaired.`;
      return finding('base-full', message, shellCommand('df', '-h', where), shellCommand('df', '-i', where), another);
    }
    case 'EACCES': {
      if (parent.owner !== null) return null;
      const message = `This user may not write to ${where}, where the first ensure would make ${parent.path}.`;
      return finding('base-unwritable', message, look(where), another);
    }
    default:
      return null;
  }
}

function privateFinding(request: DoctorRequest, evidence: string): Finding {
  const { base: where } = boxOptionsOf(request);
  const advice = fs.existsSync('/run/systemd/system')
    ? '# in the unit of the host: PrivateTmp=no, or a base that the host and its shims share'
    : '# in a pod: one emptyDir, mounted as that directory in every container that binds or dials';
  const message = `${where} is private to this process (${evidence}): who sees another one does not find its bindings.`;
  return finding('base-private', message, shellCommand('findmnt', '-T', where), advice, anotherBase(request));
}
