// One box: its budget, what stands at its binding, and a probe of every name.

import { type BindingInfo, type BoxSockets, sameInode } from '../../index.js';
import { errorCode, errorMessage } from './facts.js';
import type { BindingReport, BoxReport } from './report.js';

/** The box as it is, probed where its binding leads to its directory. */
export async function inspectBox(
  box: BoxSockets,
  bindings: Map<string, BindingInfo> | null,
): Promise<{ box: BoxReport; held: BindingInfo['sockets'] }> {
  const budget = box.budget();
  const entry = bindings?.get(box.boxId);
  const binding = await bindingOf(box, bindings, entry);
  const usable = binding.state === 'live' || binding.state === 'idle';
  const probes: Probes = usable ? await probeAll(box) : new Map();
  const report = {
    id: box.boxId,
    realDir: box.realDir,
    bindingDir: box.bindingDir,
    binding,
    deadZone: budget.deadZone,
    sockets: budget.sockets.map(({ name, bytes, limit, fits, realBytes, realFits }) => {
      return { name, bytes, limit, fits, realBytes, realFits, probe: probes.get(name) ?? null };
    }),
  };
  return { box: report, held: entry?.sockets ?? [] };
}

async function bindingOf(
  box: BoxSockets,
  bindings: Map<string, BindingInfo> | null,
  entry: BindingInfo | undefined,
): Promise<BindingReport> {
  if (bindings === null) return { state: 'unknown', target: null };
  if (entry === undefined) return { state: 'missing', target: null };
  const { target, state, code } = entry;
  const reached = state === 'live' || state === 'idle';
  const foreign = reached && !(await leadsHome(box));
  return { state: foreign ? 'foreign' : state, target, ...(code !== undefined && { code }) };
}

async function leadsHome(box: BoxSockets): Promise<boolean> {
  try {
    return await sameInode(box.bindingDir, box.realDir);
  } catch {
    return false; // the directory is gone or may not be looked at, and the link leads somewhere that is neither
  }
}

type Probes = Map<string, NonNullable<BoxReport['sockets'][0]['probe']>>;

// What the probe as a whole stumbles over is each name's answer.
async function probeAll(box: BoxSockets): Promise<Probes> {
  try {
    const { sockets } = await box.probe();
    return new Map(
      sockets.map(({ name, ok, code, syscall, message }) => [
        name,
        {
          ok,
          ...(code !== undefined && { code }),
          ...(syscall !== undefined && { syscall }),
          ...(message !== undefined && { message }),
        },
      ]),
    );
  } catch (error) {
    const failed = { ok: false, code: errorCode(error), message: errorMessage(error) };
    return new Map(box.budget().sockets.map((socket) => [socket.name, failed]));
  }
}
