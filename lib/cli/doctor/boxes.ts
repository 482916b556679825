// One box: its budget, what stands at its binding, and a probe of every name.

import { socketHolders } from '../../box/index.js';
import { type BindingInfo, type BoxSockets, sameInode } from '../../index.js';
import type { Examined } from './box-findings.js';
import type { BindingReport, BoxReport, SocketReport } from './doctor-report.js';
import { errorCode, errorMessage } from './facts.js';

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
export function isReached({ state, code }: Pick<BindingReport, 'state' | 'code'>): boolean {
  return state === 'live' || state === 'idle' || (state === 'unreadable' && code === 'EAGAIN');
}

async function bindingOf(box: BoxSockets, bindings: Bindings): Promise<BindingReport> {
  if (bindings === null) return { state: 'unknown', target: null };
  const entry = bindings.get(box.boxId);
  if (entry === undefined) return { state: 'missing', target: null };
  const { id, sockets, state, target, ...why } = entry;
  // The directory may be gone or closed, and the link leads somewhere that is neither.
  const isForeign = isReached(entry) && !(await sameInode(box.bindingDir, box.realDir).catch(() => false));
  return { state: isForeign ? 'foreign' : state, target, ...why };
}

type Probe = NonNullable<SocketReport['probe']>;

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
