// The base, the parent, its lock: as the operations themselves judge them, and what to do where they refuse.

import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { BoxSockets, type BoxSocketsError, type Inspection, measureSunPathLimit, sunPathLimit } from '../../index.js';
import { cleanerFindings, inspectCleaners } from '../cleaner.js';
import { shellCommand } from '../text.js';
import { boxOptionsOf, type DoctorReport, type DoctorRequest, type Finding, finding } from './doctor-report.js';
import { inspectMount, lookAt, lookThrough, octal, realPath } from './facts.js';
import { again, anotherBase, asRoot, asUser, look, lookAtMount, lookAtPath, moveAside, ownUid } from './remedy.js';

const NATIVE = 'ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE';

/** Looks at all that every box shares, and changes nothing. */
export async function inspectMachine(request: DoctorRequest) {
  const { base: where, uid } = boxOptionsOf(request);
  const { value: limit, failure } = await tried(measureSunPathLimit(where));
  const { capacity: declared, portableMaxBytes: portable } = sunPathLimit();
  const hasNative = failure?.code !== NATIVE;
  const unseen = (at: string): Inspected => ({ path: at, ok: false, owner: null, mode: null });
  const unknown = { base: unseen(where), parent: unseen(path.join(where, `bl-${uid}`)) };
  const { base, parent } = hasNative ? await BoxSockets.inspect({ base: where, uid }) : unknown;
  const { bindings, failure: notListed } = parent.ok ? await listBindings(request) : { bindings: null, failure: null };
  const found = !hasNative
    ? nativeFinding(failure.message)
    : (baseFinding(request, base) ??
      parentFinding(parent, notListed) ??
      (await lockFinding(request, parent)) ??
      unwritableFinding(request, failure, parent));
  const resolved = realPath(where);
  const mount = inspectMount(resolved);
  const cleaner = inspectCleaners(path.join(resolved, path.basename(parent.path), 'id'));
  const mode = bindings === null ? null : modeFinding(parent);
  const findings = [uidFinding(request), found, mountFinding(request, mount), mode].filter((one) => one !== null);
  const reportOf = ({ path: at, ok, owner, mode }: Inspected): DoctorReport['parent'] => {
    const state = !hasNative ? 'unknown' : !ok ? 'refused' : owner === null ? 'missing' : 'fine';
    return { path: at, state, owner, mode: mode === null ? null : octal(mode) };
  };
  return {
    limit: { declared, measured: limit?.measured ?? null, portable },
    base: { ...reportOf(base), isPrivate: mount.isPrivate },
    parent: reportOf(parent),
    cleaner,
    findings: [...findings, ...cleanerFindings(cleaner, mount.options.includes('noatime'))],
    bindings,
  };
}

type Inspected = Inspection['parent'];
type Failure = BoxSocketsError | null;

function tried<T>(operation: Promise<T>): Promise<{ value: T | null; failure: Failure }> {
  return operation.then(
    (value) => ({ value, failure: null }),
    (failure) => ({ value: null, failure }),
  );
}

/** What stands in the parent, by id, or why that cannot be told. */
export async function listBindings(request: DoctorRequest) {
  const { base, uid } = boxOptionsOf(request);
  const { value, failure } = await tried(BoxSockets.list({ base, uid }));
  return { bindings: value && new Map(value.map((one) => [one.id, one])), failure };
}

function modeFinding({ path: where, mode }: Inspected): Finding | null {
  if (mode === null || mode === 0o700) return null;
  const message = `The parent ${where} has mode ${octal(mode)} and should have 0700. The next ensure repairs it.`;
  return finding('parent-mode', message, look(where), asUser(['chmod', '00700', where]));
}

function uidFinding(request: DoctorRequest): Finding | null {
  const [real, effective] = [process.getuid?.(), process.geteuid?.()];
  if (real === effective) return null;
  const message = `The real uid is ${real} and the effective uid ${effective}: ensure refuses to work under two names.`;
  const advice = '# start the program as one user: neither setuid nor half of a sudo';
  return finding('uid-mismatch', message, 'id', advice, again(request));
}

function nativeFinding(message: string): Finding {
  // Its last line is what to do, a sentence.
  const end = message.lastIndexOf('\n');
  const shown = shellCommand('ls', '-lR', path.join(__dirname, '../../../prebuilds'));
  return finding(NATIVE, message.slice(0, end), shown, `# ${message.slice(end + 1)}`);
}

// What there is to be done about a base that ensure refuses.
function baseFinding(request: DoctorRequest, base: Inspected): Finding | null {
  const { path: where, ok, owner, mode, message } = base;
  if (ok) return null;
  const st = lookThrough(where);
  if (st === 'EACCES') {
    const said = `The base ${where} cannot be looked at: a directory above it is closed to this user.`;
    return finding('base-unreadable', said, lookAtPath(where), anotherBase(request));
  }
  if (st === 'ENOENT') {
    const make = asRoot('mkdir', '-m', '1777', '--', where);
    return finding('base-missing', `The base ${where} does not exist.`, look(path.dirname(where)), make);
  }
  const chmod = ['chmod', '+t', where];
  // Who may set the bit that is missing; a base of a stranger stays one.
  const sets = owner === ownUid() ? asUser(chmod) : owner === 0 ? asRoot(...chmod) : null;
  const isOpen =
    typeof st !== 'string' && st.isDirectory() && mode !== null && (mode & 0o022) !== 0 && (mode & 0o1000) === 0;
  return finding('base-untrusted', `${message}.`, look(where), (isOpen ? sets : null) ?? anotherBase(request));
}

function parentFinding(parent: Inspected, notListed: Failure): Finding | null {
  const refusal = parent.ok ? notListed : parent;
  if (refusal === null) return null;
  const [shown, said] = [look(parent.path), `${refusal.message}.`];
  if (refusal.code === 'ERR_BOX_SOCKETS_PARENT_NOT_DIRECTORY') {
    return finding('parent-not-a-directory', said, shown, moveAside(parent.path));
  }
  if (refusal.code === 'ERR_BOX_SOCKETS_PARENT_FOREIGN') {
    const ask = `# ask uid ${parent.owner} first, whose bindings may lie in it; it is only moved, and nothing is lost`;
    const aside = asRoot('mv', '-n', '--', parent.path, `${parent.path}.aside`);
    return finding('parent-foreign', said, shown, ask, aside);
  }
  const open = asUser(['chmod', '00700', parent.path]);
  return finding('parent-unreadable', `The bindings cannot be listed: ${said}`, shown, open);
}

// Asked of an operation that takes the lock: of removing a link of our own, which leads nowhere.
async function lockFinding(request: DoctorRequest, parent: Inspected): Promise<Finding | null> {
  const lock = `${parent.path}/.lock`;
  if (!parent.ok || parent.mode !== 0o700 || lookAt(lock) === 'ENOENT') return null;
  const ours = new BoxSockets(`doctor-${randomBytes(8).toString('hex')}`, '/', boxOptionsOf(request));
  const { failure } = await tried(
    fs.promises.symlink('/dev/null/doctor', ours.bindingDir).then(() => ours.remove({ lockTimeout: 1000 })),
  );
  fs.rmSync(ours.bindingDir, { force: true });
  const { code, message, owner = -1 } = failure ?? {};
  if (code === 'ERR_BOX_SOCKETS_LOCK_UNTRUSTED') {
    return finding('lock-untrusted', `${message}.`, look(lock), moveAside(lock));
  }
  if (code !== 'ERR_BOX_SOCKETS_LOCK_TIMEOUT') return null;
  const shown = owner > 0 ? ['ps', '-o', 'pid,etime,args', '-p', String(owner)] : ['fuser', '-v', lock];
  const wait = asUser(['flock', '-w', '60', lock, 'true']);
  return finding(
    'lock-held',
    `${message}.`,
    shellCommand(...shown),
    '# it may only be slow; this waits a minute:',
    wait,
  );
}

// Where a first ensure would make the parent, or any would make its link.
function unwritableFinding(request: DoctorRequest, failure: Failure, parent: Inspected): Finding | null {
  const { base: where } = boxOptionsOf(request);
  const another = anotherBase(request);
  const code = failure?.code;
  if (code === 'EROFS') {
    const message = `${where} lies on a file system that is mounted read-only: no binding can be made or repaired.`;
    return finding('base-read-only', message, lookAtMount(where), another);
  }
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const message = `The file system of ${where} is full (${code}): no binding can be made or repaired.`;
    return finding('base-full', message, shellCommand('df', '-h', where), shellCommand('df', '-i', where), another);
  }
  if (code !== 'EACCES' || parent.owner !== null) return null;
  const message = `This user may not write to ${where}, where the first ensure would make ${parent.path}.`;
  return finding('base-unwritable', message, look(where), another);
}

function mountFinding(request: DoctorRequest, mount: ReturnType<typeof inspectMount>): Finding | null {
  const { options, isPrivate, evidence } = mount;
  const { base: where } = boxOptionsOf(request);
  const [shown, another] = [lookAtMount(where), anotherBase(request)];
  if (options.includes('nosymfollow')) {
    const message = `${where} is mounted nosymfollow: no symlink is followed there, so no binding works.`;
    return finding('base-nosymfollow', message, shown, another);
  }
  if (isPrivate !== true) return null;
  const advice = fs.existsSync('/run/systemd/system')
    ? '# in the unit of the host: PrivateTmp=no, or a base that the host and its shims share'
    : '# in a pod: one emptyDir, mounted as that directory in every container that binds or dials';
  const message = `${where} is private to this process (${evidence}): a process that sees another one does not find its bindings.`;
  return finding('base-private', message, shown, advice, another);
}
