// What is wrong with each box, one cause each: what follows from a cause is not told again, and what several boxes have
// in common is told once.

import * as path from 'node:path';
import type { BindingInfo } from '../../index.js';
import { plural, shellCommand } from '../text.js';
import { type BoxReport, type DoctorRequest, type Finding, type FindingCode, finding } from './doctor-report.js';
import { closedDirectory, describe, findmnt, lookAt, lookThrough, octal } from './facts.js';
import { isFileLost, isReached } from './home-boxes.js';
import { again, asRoot, asUser, look, lookAtMount, lookAtPath, moveAside, own, ownUid } from './remedy.js';

export interface Cause {
  code: FindingCode;
  /** What follows "Box b1 …": what boxes may have in common, a colon, and what is this one's own. */
  says: string;
  remedy: string[];
}

type CauseOfBox = Cause & { id: string };

export interface Examined {
  box: BoxReport;
  /** What lies in the directory that the binding leads to. */
  held: BindingInfo['sockets'];
  /** Who holds those of a box that has lost its link or a file, or of the one that has its link; null where none is held. */
  holders: number[] | null;
}

/** The causes of one box, the one that matters first. */
export function causesOf(examined: Examined, request: DoctorRequest): CauseOfBox[] {
  const { box } = examined;
  const main =
    silentCause(box) ??
    directoryCause(box, request) ??
    nameCause(box, request) ??
    bindingCause(examined, request) ??
    probeCause(box, request) ??
    occupiedCause(box);
  const causes = [...(main === null ? openCauses(examined) : [main]), ...deadZoneCauses(box)];
  return causes.map((one) => ({ id: box.id, ...one }));
}

/** One finding for each cause, whatever the number of boxes that have it. */
export function gather(causes: CauseOfBox[]): Finding[] {
  const groups = new Map<string, CauseOfBox[]>();
  for (const one of causes) {
    const key = `${one.code} ${one.says.split(': ', 1)[0]}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return [...groups.values()].map((group) => {
    const [{ code, says }] = group as [CauseOfBox];
    const ids = group.map(({ id }) => id);
    const some = ids.slice(0, 3).join(', ') + (ids.length > 3 ? ` and ${ids.length - 3} more` : '');
    const who = ids.length === 1 ? `Box ${some}` : `Each of ${ids.length} boxes (${some})`;
    const remedy = new Set(group.flatMap((one) => one.remedy));
    return finding(code, `${who} ${says}.`, ...remedy);
  });
}

const cause = (code: FindingCode, says: string, ...remedy: string[]): Cause => ({ code, says, remedy });

// Not to be asked once more: whoever does waits as long as it likes.
function silentCause({ bindingDir, binding: { target, code, mountPoint } }: BoxReport): Cause | null {
  if (code !== 'ETIMEDOUT') return null;
  const where = mountPoint === undefined ? '' : `, mounted at ${mountPoint}`;
  const says = `lies on a file server that does not answer: ${bindingDir} to ${target}${where}`;
  const advice = '# mend the server, or unmount it (umount -l); boxes elsewhere do not notice';
  return cause('sockets-silent', says, shellCommand('cat', '/proc/mounts'), advice);
}

function directoryCause(box: BoxReport, request: DoctorRequest): Cause | null {
  const where = box.realDir;
  const make = () => [asUser(['mkdir', '-m', '0700', '--', where]), own(request, 'ensure', box.id, where)];
  const st = lookThrough(where);
  if (typeof st === 'string') {
    const closed = closedDirectory(where);
    if (closed !== null) {
      const says = `is closed to its own user: ${closed} cannot be entered`;
      return cause('sockets-unreadable', says, look(closed), asUser(['chmod', 'u+rwx', closed]));
    }
    const says = `has no directory for its sockets: ${where} leads to nothing`;
    // A link that leads nowhere stands there, and nothing can be made in its place.
    const aside = typeof lookAt(where) === 'string' ? [] : [moveAside(where)];
    return cause('sockets-missing', says, look(path.dirname(where)), ...aside, ...make());
  }
  const said = describe(where, st);
  if (!st.isDirectory()) {
    const says = `has something else in the place of its directory: ${said}`;
    return cause('sockets-not-a-directory', says, look(where), moveAside(where), ...make());
  }
  if (st.uid !== ownUid()) {
    const give = asRoot('chown', String(ownUid()), where);
    return cause('sockets-foreign', `has a directory of another user's: ${said}`, look(where), give);
  }
  if ((st.mode & 0o700) === 0o700) return null;
  const says = `cannot bind in its own directory: ${where} has mode ${octal(st.mode)}`;
  return cause('sockets-mode', says, look(where), asUser(['chmod', '0700', where]));
}

function nameCause(box: BoxReport, request: DoctorRequest): Cause | null {
  const tooLong = box.sockets.filter((socket) => !socket.fits);
  if (tooLong.length === 0) return null;
  const names = tooLong.map((socket) => `${socket.name} ${socket.bytes}`).join(', ');
  const over = Math.max(...tooLong.map((socket) => socket.bytes)) - 103;
  const says = `has names that do not fit even through its binding: ${names}; that is ${plural(over, 'byte')} too many`;
  if (request.base !== null) {
    const elsewhere = own({ ...request, base: null }, 'ensure', box.id, box.realDir);
    const advice = '# the base is too long; the default one is /tmp:';
    return cause('name-too-long', says, look(request.base), advice, elsewhere);
  }
  const home = path.dirname(box.realDir);
  const aside = moveAside(home, path.join(path.dirname(home), `${box.id.slice(0, 12)}-${box.id.length}`));
  return cause('name-too-long', says, look(home), '# its id is too long; while nothing runs:', aside);
}

function bindingCause({ box, holders }: Examined, request: DoctorRequest): Cause | null {
  const { state, target, code } = box.binding;
  if (isReached(box.binding)) return null;
  const where = box.bindingDir;
  const leads = `${where} to ${target}`;
  const ensure = own(request, 'ensure', box.id, box.realDir);
  switch (state) {
    case 'missing': {
      const says = `has no binding: ${where} is not there; a cleaner takes an idle one`;
      if (holders === null) return cause('binding-missing', says, ensure);
      const alive = `is alive and has lost its binding: ${processes(holders)} bound sockets that nobody can dial`;
      return cause('binding-lost', alive, showProcesses(holders), ensure);
    }
    case 'dangling':
      return cause('binding-dangling', `has a binding that leads to nothing: ${leads}`, look(where), ensure);
    case 'foreign': {
      const says = `has a binding that leads to another home: ${leads}`;
      if (holders === null && code !== 'EAGAIN') return cause('binding-foreign', says, look(where), ensure);
      const decide = '# two boxes bear one id. Stop that one (or add --takeover, which hands the binding over), then:';
      const unclear = `${says}; a box may live there`;
      if (holders === null) return cause('binding-in-use', unclear, look(where), decide, ensure);
      const alive = `has a binding that leads to a live box of another home: ${leads}, held by ${processes(holders)}`;
      return cause('binding-in-use', alive, showProcesses(holders), decide, ensure);
    }
    case 'not-a-symlink': {
      const st = lookAt(where);
      const says = `has something else in the place of its binding: ${typeof st === 'string' ? where : describe(where, st)}`;
      const aside = moveAside(where, path.join(path.dirname(where), `.${box.id}.aside`));
      return cause('binding-not-a-symlink', says, look(where), aside, ensure);
    }
    case 'unreadable': {
      const leadsTo = path.resolve(path.dirname(where), target ?? where);
      const closed = closedDirectory(leadsTo);
      const open = closed === null ? [] : [asUser(['chmod', 'u+rwx', closed])];
      const says = `has a binding that cannot be resolved (${code}): ${leads}; a live box may be behind it`;
      return cause('binding-unreadable', says, lookAtPath(leadsTo), ...open, ensure);
    }
    default:
      return null;
  }
}

function processes(pids: number[]): string {
  if (pids.length === 0) return 'a process that cannot be seen from here';
  return `${pids.length === 1 ? 'process' : 'processes'} ${pids.join(', ')}`;
}

function showProcesses(pids: number[]): string {
  if (pids.length === 0) return process.platform === 'linux' ? asRoot('ss', '-xlp') : asRoot('lsof', '-U');
  return shellCommand('ps', '-o', 'pid,user,etime,args', '-p', pids.join(','));
}

function probeCause(box: BoxReport, request: DoctorRequest): Cause | null {
  const failed = box.sockets.filter(({ probe, fits }) => fits && probe?.ok === false);
  const [first] = failed;
  if (first === undefined) return null;
  const { code = 'unknown', message = '' } = first.probe ?? {};
  const where = box.realDir;
  const which =
    failed.length === box.sockets.length ? 'none of its names binds' : `${failed.length} of its names do not bind`;
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT': {
      const shown = ['-h', '-i'].map((what) => asUser(['df', what, '--', where]));
      const says = `lies on a full file system (${code}): ${which}`;
      return cause('sockets-full', says, ...shown, '# make room there, then:', again(request));
    }
    case 'EROFS': {
      const writable = `mount -o remount,bind,rw "$(findmnt -no TARGET -T ${shellCommand(where)})"`;
      const says = `lies on a file system that is mounted read-only: ${which}`;
      return cause('sockets-read-only', says, lookAtMount(where), asRoot('sh', '-c', writable));
    }
    case 'EPERM':
    case 'EOPNOTSUPP':
    case 'ENOTSUP': {
      const [type, point] = findmnt('FSTYPE,TARGET', where);
      const system = type === undefined ? 'see where' : `${type} at ${point}`;
      const says = `lies on a file system that makes no sockets (${code}), ${system}`;
      return cause('sockets-unsupported', says, lookAtMount(where), '# move the home to another file system');
    }
    default: {
      const says = `has sockets that do not bind (${code}): ${which}. ${message}`;
      const probe = asUser(['boxsockets', 'probe', path.join(box.bindingDir, first.name)]);
      return cause('sockets-fail', says, lookAtMount(where), look(where), probe);
    }
  }
}

// A name that something else bears: a directory, a link, a file, which no program replaces.
function occupiedCause(box: BoxReport): Cause | null {
  for (const where of box.sockets.map(({ name }) => path.join(box.realDir, name))) {
    const st = lookAt(where);
    if (typeof st === 'string' || st.isSocket()) continue;
    const says = `has something else where a socket belongs: ${describe(where, st)}`;
    return cause('name-occupied', says, look(where), moveAside(where));
  }
  return null;
}

function openCauses({ box, held, holders }: Examined): Cause[] {
  const where = box.realDir;
  const st = lookThrough(where);
  if (typeof st === 'string') return [];
  const unknown = held.filter((socket) => socket.held === 'unknown').map(({ name, reason }) => `${name} (${reason})`);
  const lost = held.filter(isFileLost).map(({ name }) => name);
  const open = `has a directory that others may write to: ${describe(where, st)}`;
  const unclear = `has sockets of which it cannot be told whether they are held: ${unknown.join(', ')}`;
  const gone = `is alive, and somebody has removed files of its sockets, so that nobody can dial them: ${lost.join(', ')}`;
  const restart = '# restart that box, so that it binds them anew; hold() keeps cleaners away';
  return [
    ...((st.mode & 0o022) === 0 ? [] : [cause('sockets-open', open, look(where), asUser(['chmod', 'go-w', where]))]),
    ...(lost.length === 0 ? [] : [cause('socket-lost', gone, showProcesses(holders ?? []), restart)]),
    ...(unknown.length === 0 ? [] : [cause('liveness-unknown', unclear, look(where), lookAtMount(where))]),
  ];
}

function deadZoneCauses(box: BoxReport): Cause[] {
  if (!box.deadZone) return [];
  const lost = box.sockets.filter((socket) => !socket.realFits).map((socket) => socket.name);
  const bytes = Buffer.byteLength(box.realDir);
  const says = `lies in the dead zone: in its ${bytes} bytes a direct bind works until it comes to ${lost.join(', ')}`;
  return [cause('dead-zone', says, '# bind and dial through the binding, never in the directory itself')];
}
