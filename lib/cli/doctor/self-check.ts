// `doctor` without a home: it makes a deep one of its own, shows the direct bind failing and the bound one working,
// and removes everything.

import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import { BoxSockets, probeSocketPath } from '../../index.js';
import { causesOf, gather } from './box-findings.js';
import { type BoxReport, boxOptionsOf, type DoctorRequest, type Finding, finding } from './doctor-report.js';
import { errorCode, errorMessage, lookAt } from './facts.js';
import { inspectBox } from './home-boxes.js';
import { listBindings } from './machine.js';

export interface SelfCheck {
  box: BoxReport | null;
  /** Node's own server at the long path, and through the binding. */
  direct: DirectBind | null;
  through: DirectBind | null;
  /** What a bind comes to that cuts nothing, as other programs do it; null where it could not be tried. */
  native: string | null;
  findings: Finding[];
}

/** Runs the self-check. What it makes lies in a directory of its own below the base. */
export async function runSelfCheck(request: DoctorRequest): Promise<SelfCheck> {
  let root: string;
  try {
    root = fs.realpathSync(fs.mkdtempSync(path.join(boxOptionsOf(request).base, 'bs-')));
  } catch (error) {
    const findings = [failure('a directory to work in', error)];
    return { box: null, direct: null, through: null, native: null, findings };
  }
  try {
    return await check(root, request);
  } finally {
    fs.rmSync(root, { recursive: true, force: true });
  }
}

// In a base of its own: the parent that is there is not touched just to show that it works.
async function check(root: string, asked: DoctorRequest): Promise<SelfCheck> {
  const request = { ...asked, base: root };
  const box = new BoxSockets('self-check', deepDirectory(root, '/boxes/self-check/sockets'), boxOptionsOf(request));
  fs.mkdirSync(box.realDir, { recursive: true, mode: 0o700 });
  const direct = await tryDirectBind(path.join(box.realDir, path.basename(box.readySock)));
  const findings = [directFinding(direct)];
  let through: DirectBind | null = null;
  let native: string | null = null;
  try {
    native = (await probeSocketPath(direct.path)).code ?? 'binds';
    await box.ensure();
    through = await tryDirectBind(box.readySock);
  } catch (error) {
    // That the native part is missing is a finding of its own.
    if (errorCode(error) !== 'ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE') findings.push(failure('its binding', error));
  }
  const { bindings } = await listBindings(request);
  const examined = await inspectBox(box, bindings);
  // What a remedy would act on is gone when it is read.
  const causes = through === null ? [] : causesOf(examined, request);
  findings.push(...gather(causes).map((one) => ({ ...one, remedy: TRY_ELSEWHERE })));
  return { box: examined.box, direct, through, native, findings };
}

/** A directory of exactly 300 bytes that ends in `tail`. */
function deepDirectory(root: string, tail: string): string {
  // The cut that Node makes falls within this name: else it would meet a directory, and fail for another reason.
  const deep = 'a-very-deep-home-'.repeat(9).slice(0, 140);
  const room = 300 - Buffer.byteLength(`${root}/${deep}/${tail}`);
  return `${root}/${deep}/${'h'.repeat(Math.max(1, room))}${tail}`;
}

function directFinding({ path: where, outcome, code, cutPath = '' }: DirectBind): Finding {
  const said = {
    cut: `reports success and binds another path, cut to ${Buffer.byteLength(cutPath)} bytes: ${cutPath}`,
    lost: 'reports success, and there is no socket at that path, nor at a cut one',
    refused: `fails: ${code}`,
    bound: 'binds',
  };
  const asked = `net.Server.listen of Node ${process.version} at ${Buffer.byteLength(where)} bytes`;
  const advice = '# boxsockets ensure ID DIR, and bind below the path that it prints';
  return finding('direct-bind', `${asked} ${said[outcome]}.`, advice);
}

const TRY_ELSEWHERE = 'mkdir -p -m 0700 ~/.boxsockets\nboxsockets doctor --base ~/.boxsockets';

function failure(what: string, error: unknown): Finding {
  return finding('self-check-failed', `The self-check could not make ${what}: ${errorMessage(error)}`, TRY_ELSEWHERE);
}

/** What became of a real `net.Server.listen(path)`. */
export interface DirectBind {
  path: string;
  /** `cut`: it says that it listens, and the socket is at a shorter path. `lost`: it says so, and there is none. */
  outcome: 'bound' | 'cut' | 'lost' | 'refused';
  code?: string;
  /** Where the socket really is, with `cut`. */
  cutPath?: string;
}

// With Node's own server, and only in directories that are the caller's to litter: a cut path may lie anywhere above the
// one that was asked for.
export async function tryDirectBind(path: string): Promise<DirectBind> {
  const server = net.createServer((socket) => socket.end());
  const error = await new Promise<unknown>((resolve) => {
    server.once('error', resolve);
    server.listen(path, () => resolve(null));
  });
  if (error !== null) return { path, outcome: 'refused', code: errorCode(error) };
  // Before it is closed: close() unlinks.
  const bound = isSocket(path);
  // Node cuts at what a socket address holds, 102 to 108 bytes by platform and version.
  const cuts = Array.from({ length: 19 }, (_, less) => Buffer.from(path).toString('utf8', 0, 108 - less));
  const cutPath = bound ? null : (cuts.find(isSocket) ?? null);
  await new Promise((resolve) => server.close(resolve));
  for (const left of [path, cutPath]) if (left !== null && isSocket(left)) fs.unlinkSync(left);
  if (cutPath === null) return { path, outcome: bound ? 'bound' : 'lost' };
  return { path, outcome: 'cut', cutPath };
}

function isSocket(path: string): boolean {
  const st = lookAt(path); // ENAMETOOLONG and its like: there is no socket at such a path
  return typeof st !== 'string' && st.isSocket();
}
