// The boxes of a home, `<home>/boxes/<id>/sockets` in BoxLite's layout: found, and looked at with a probe of every name.

import * as path from 'node:path';
import { socketHolders } from '../../box/index.js';
import { type BindingInfo, BoxSockets, sameInode } from '../../index.js';
import { shellCommand } from '../text.js';
import type { Examined } from './box-findings.js';
import { type BoxReport, boxOptionsOf, type DoctorRequest, type Finding, finding } from './doctor-report.js';
import { closedDirectory, errorCode, errorMessage, listed, lookThrough } from './facts.js';
import { again, asUser, look, ownUid } from './remedy.js';

/** The boxes that the home holds; what bears no id of a box is reported. */
export function readHome(request: DoctorRequest): { boxes: BoxSockets[]; findings: Finding[] } {
  const { home } = request;
  if (home === null) return { boxes: [], findings: [] };
  const directory = path.join(home, 'boxes');
  const found = listed(directory);
  if (typeof found === 'string') return { boxes: [], findings: [homeFinding(home, found, request)] };
  const entries = found.filter((entry) => entry.isDirectory() || entry.isSymbolicLink());
  if (entries.length === 0) {
    const message = `${home} holds no boxes yet: ${directory} is empty.`;
    return { boxes: [], findings: [finding('home-without-boxes', message, look(directory))] };
  }
  const [boxes, findings]: [BoxSockets[], Finding[]] = [[], []];
  for (const { name } of entries) {
    try {
      boxes.push(new BoxSockets(name, path.join(directory, name, 'sockets'), boxOptionsOf(request)));
    } catch {
      // The constructor's own rule is the one for ids.
      const where = path.join(directory, name);
      const rename = asUser(['mv', '-n', '--', where, path.join(directory, BoxSockets.idFor(name))]);
      const message = `The name of ${where} is not a valid box id, so doctor does not check it.`;
      findings.push(finding('box-id-invalid', message, look(where), rename));
    }
  }
  return { boxes: boxes.sort((a, b) => (a.boxId < b.boxId ? -1 : 1)), findings };
}

function homeFinding(home: string, code: string, request: DoctorRequest): Finding {
  const meant = homeNear(home);
  if (meant !== null) {
    const message = `${home} is not a home: the boxes lie in ${meant}/boxes.`;
    return finding('home-one-off', message, look(meant), again({ ...request, home: meant }));
  }
  if (code !== 'ENOENT' && code !== 'ENOTDIR') {
    const closed = closedDirectory(path.join(home, 'boxes/.')) ?? path.join(home, 'boxes');
    const open = asUser(['chmod', 'u+rwx', closed]);
    const message = `The boxes of ${home} cannot be listed: ${closed} is closed (${code}).`;
    return finding('home-unreadable', message, look(closed), open);
  }
  const there = nearestDirectory(home);
  if (there !== home) {
    const message = `There is no home at ${home}; of that path, ${there} exists.`;
    const advice = '# then name the directory that holds boxes/';
    return finding('home-missing', message, asUser(['ls', '-la', '--', there]), advice);
  }
  const message = `${home} has no directory boxes/: it is not a home yet, or another one is meant.`;
  const make = asUser(['mkdir', '-m', '0700', '--', path.join(home, 'boxes')]);
  return finding('home-not-a-home', message, asUser(['ls', '-la', '--', home]), make);
}

// One level too deep or not deep enough: the home itself is found from there.
function homeNear(home: string): string | null {
  const parts = home.split('/');
  const at = parts.lastIndexOf('boxes');
  if (at > 0) {
    const above = parts.slice(0, at).join('/') || '/';
    if (holdsBoxes(above)) return above;
  }
  const below = listed(home);
  if (typeof below !== 'string') {
    const inner = below.slice(0, 1000).map((entry) => path.join(home, entry.name));
    return inner.find(holdsBoxes) ?? null;
  }
  const beside = listed(path.dirname(home));
  if (typeof beside === 'string') return null;
  const spelled = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '');
  const alike = beside.filter((entry) => spelled(entry.name) === spelled(path.basename(home)));
  return alike.map((entry) => path.join(path.dirname(home), entry.name)).find(holdsBoxes) ?? null;
}

function holdsBoxes(home: string): boolean {
  const found = listed(path.join(home, 'boxes'));
  return typeof found !== 'string' && found.some((entry) => entry.isDirectory());
}

function nearestDirectory(where: string): string {
  return typeof listed(where) === 'string' && where !== '/' ? nearestDirectory(path.dirname(where)) : where;
}

/** Whose the home is, or without one the parent that was named, where it is another user's; else null. */
export function otherUser(request: DoctorRequest, parent: string) {
  const subject = request.home ?? parent;
  const st = lookThrough(subject);
  // What is missing or closed has a finding of its own.
  if (typeof st === 'string' || st.uid === ownUid() || (request.home === null && st.uid !== request.uid)) return null;
  const message = `${subject} belongs to uid ${st.uid}, and only that user can judge it. You are uid ${ownUid()}.`;
  const shown = shellCommand('ls', '-ldn', '--', subject);
  return { uid: st.uid, gid: st.gid, finding: finding('other-user', message, shown, again(request, st.uid)) };
}

/** What stands in the parent, by id; null where it cannot be looked into, for a reason that is a finding. */
export type Bindings = Map<string, BindingInfo> | null;

/** The box as it is, probed where its binding leads to its directory. */
export async function inspectBox(box: BoxSockets, bindings: Bindings): Promise<Examined> {
  const { boxId: id, realDir, bindingDir } = box;
  const { deadZone, sockets } = box.budget();
  const binding = await bindingOf(box, bindings);
  const probes = isReached(binding) ? await probeAll(box) : new Map<string, Probe>();
  const counted = sockets.map(({ name, bytes, limit, fits, realBytes, realFits }) => {
    return { name, bytes, limit, fits, realBytes, realFits, probe: probes.get(name) ?? null };
  });
  const report = { id, realDir, bindingDir, binding, deadZone, sockets: counted };
  const held = bindings?.get(id)?.sockets ?? [];
  return { box: report, held, holders: await holdersOf(report, held) };
}

/** Who holds the sockets of a box whose link or file is gone, or of the box that has its link. */
async function holdersOf(box: BoxReport, held: BindingInfo['sockets']): Promise<Examined['holders']> {
  const { state, target } = box.binding;
  const isLost = state === 'missing' || held.some(isFileLost);
  const realDir = isLost ? box.realDir : state === 'foreign' ? target : null;
  if (realDir === null) return null;
  const found = await socketHolders({ bindingDir: box.bindingDir, realDir });
  const alive = found.filter((socket) => socket.held === true);
  return alive.length === 0 ? null : [...new Set(alive.flatMap(({ pids }) => pids))];
}

/** A socket that is held, and has no file any more. */
export function isFileLost({ held, reason }: BindingInfo['sockets'][0]): boolean {
  return held === true && reason !== undefined;
}

/** Whether it leads to a directory, even where it cannot be told whether a socket in it is held. */
export function isReached({ state, code }: Pick<BoxReport['binding'], 'state' | 'code'>): boolean {
  return state === 'live' || state === 'idle' || (state === 'unreadable' && code === 'EAGAIN');
}

async function bindingOf(box: BoxSockets, bindings: Bindings): Promise<BoxReport['binding']> {
  if (bindings === null) return { state: 'unknown', target: null };
  const entry = bindings.get(box.boxId);
  if (entry === undefined) return { state: 'missing', target: null };
  const { id, sockets, state, target, ...why } = entry;
  // The directory may be gone or closed, and the link leads somewhere that is neither.
  const isForeign = isReached(entry) && !(await sameInode(box.bindingDir, box.realDir).catch(() => false));
  return { state: isForeign ? 'foreign' : state, target, ...why };
}

type Probe = NonNullable<BoxReport['sockets'][0]['probe']>;

// What the probe as a whole stumbles over is each name's answer.
async function probeAll(box: BoxSockets): Promise<Map<string, Probe>> {
  try {
    const { sockets } = await box.probe();
    return new Map(sockets.map(({ name, path, type, bytes, limit, ...probe }) => [name, probe]));
  } catch (error) {
    const failed = { ok: false, code: errorCode(error), message: errorMessage(error) };
    return new Map(box.budget().sockets.map((socket) => [socket.name, failed]));
  }
}
