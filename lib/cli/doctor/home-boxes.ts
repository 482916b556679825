// The boxes of a home: `<home>/boxes/<id>/sockets`, BoxLite's layout.

import * as path from 'node:path';
import { BoxSockets } from '../../index.js';
import { shellCommand } from '../text.js';
import { boxOptionsOf, type DoctorRequest, type Finding, finding } from './doctor-report.js';
import { closedDirectory, listed, lookThrough } from './facts.js';
import { again, asUser, look, ownUid } from './remedy.js';

/** The boxes that a home holds; what bears no id of a box is reported. */
export function readHome(home: string, request: DoctorRequest): { boxes: BoxSockets[]; findings: Finding[] } {
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
