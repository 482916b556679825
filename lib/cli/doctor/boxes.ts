// The boxes of a home: `<home>/boxes/<id>/sockets`, BoxLite's layout. Each one's budget, binding and probe.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { type BindingInfo, BoxSockets, sameInode } from '../../index.js';
import { plural, shellCommand } from '../text.js';
import { boxFindings } from './box-findings.js';
import { errorCode } from './files.js';
import {
  type BindingReport,
  type BoxReport,
  boxOptions,
  type DoctorRequest,
  type Finding,
  ownCommand,
  type ParentReport,
} from './report.js';

/** What was found in a directory of boxes. */
export interface HomeReport {
  ids: string[];
  findings: Finding[];
}

/** The boxes that a home holds; what bears no id of a box is reported. */
export function readHome(home: string, request: DoctorRequest): HomeReport {
  const boxes = path.join(home, 'boxes');
  let entries: fs.Dirent[];
  try {
    entries = boxEntries(home, boxes);
  } catch (error) {
    const code = errorCode(error);
    const finding: Finding = {
      severity: 'error',
      code: code === 'ENOENT' ? 'home-missing' : 'home-unreadable',
      message: `The boxes of ${home} cannot be listed: ${code}.`,
      remedy: shellCommand('ls', '-ld', home, boxes),
    };
    return { ids: [], findings: [finding] };
  }
  const named = entries.filter((entry) => entry.isDirectory() || entry.isSymbolicLink()).map((entry) => entry.name);
  const ids = named.filter(isBoxId).sort();
  const findings = named.filter((name) => !isBoxId(name)).map((name) => strayName(path.join(boxes, name)));
  if (ids.length === 0) {
    findings.push({
      severity: 'info',
      code: 'home-without-boxes',
      message: `${home} holds no boxes: there is no directory below ${boxes}.`,
      remedy: ownCommand({ ...request, home: null }, 'doctor'),
    });
  }
  return { ids, findings };
}

// A home without its `boxes` is empty; one that is missing, or may not be looked into, is an error.
function boxEntries(home: string, boxes: string): fs.Dirent[] {
  fs.statSync(home);
  try {
    return fs.readdirSync(boxes, { withFileTypes: true });
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

// The constructor's own rule, asked of the constructor.
function isBoxId(name: string): boolean {
  try {
    new BoxSockets(name, '/');
    return true;
  } catch {
    return false;
  }
}

function strayName(where: string): Finding {
  return {
    severity: 'warning',
    code: 'box-id-invalid',
    message: `${where} bears no id of a box: 1 to 128 of [A-Za-z0-9_.@+:=-], the first of [A-Za-z0-9_-]. It is passed over.`,
    remedy: shellCommand('mv', '--', where, path.join(path.dirname(where), 'ANOTHER-NAME')),
  };
}

/** What stands in the parent, by id; null where it cannot be looked into, with the findings that say why. */
export async function listParent(
  request: DoctorRequest,
  parent: ParentReport,
): Promise<{ bindings: Map<string, BindingInfo> | null; findings: Finding[] }> {
  // A parent that is not ours, or none, has been reported already; the list would refuse it.
  if (parent.state !== 'fine' && parent.state !== 'open' && parent.state !== 'missing') {
    return { bindings: null, findings: [] };
  }
  try {
    const { base, uid } = boxOptions(request);
    const bindings = await BoxSockets.list({ base, uid });
    return { bindings: new Map(bindings.map((binding) => [binding.id, binding])), findings: [] };
  } catch (error) {
    const code = errorCode(error);
    // The base's own finding says it better.
    if (code === 'ERR_BOX_SOCKETS_BASE_UNTRUSTED' || code === 'ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE') {
      return { bindings: null, findings: [] };
    }
    const finding: Finding = {
      severity: 'error',
      code: 'parent-unreadable',
      message: `The bindings cannot be listed: ${error instanceof Error ? error.message : code}`,
      remedy: shellCommand('ls', '-la', parent.path),
    };
    return { bindings: null, findings: [finding] };
  }
}

/** Bindings that lead to nothing, of whichever home. */
export function staleBindings(bindings: Map<string, BindingInfo>, except: string[], request: DoctorRequest): Finding[] {
  const stale = [...bindings.values()].filter(
    (binding) => binding.state === 'dangling' && !except.includes(binding.id),
  );
  if (stale.length === 0) return [];
  const names = stale.slice(0, 3).map((binding) => binding.id);
  const more = stale.length > 3 ? ` and ${stale.length - 3} more` : '';
  return [
    {
      severity: request.home === null ? 'info' : 'warning',
      code: 'binding-stale',
      message: `${plural(stale.length, 'binding leads', 'bindings lead')} to nothing: ${names.join(', ')}${more}.`,
      remedy: ownCommand(request, 'sweep'),
    },
  ];
}

/** One box: its budget, what stands at its binding, and, where that leads to its directory, a probe of every name. */
export async function inspectBox(
  box: BoxSockets,
  bindings: Map<string, BindingInfo> | null,
  request: DoctorRequest,
): Promise<{ box: BoxReport; findings: Finding[] }> {
  const budget = box.budget();
  const binding = await bindingOf(box, bindings);
  const usable = binding.state === 'live' || binding.state === 'idle';
  const probes = usable ? await probeAll(box) : new Map();
  const report: BoxReport = {
    id: box.boxId,
    realDir: box.realDir,
    bindingDir: box.bindingDir,
    binding,
    deadZone: budget.deadZone,
    sockets: budget.sockets.map((socket) => ({
      name: socket.name,
      bytes: socket.bytes,
      limit: socket.limit,
      fits: socket.fits,
      realBytes: socket.realBytes,
      realFits: socket.realFits,
      probe: probes.get(socket.name) ?? null,
    })),
  };
  return { box: report, findings: boxFindings(report, request) };
}

async function bindingOf(box: BoxSockets, bindings: Map<string, BindingInfo> | null): Promise<BindingReport> {
  if (bindings === null) return { state: 'unknown', target: null };
  const entry = bindings.get(box.boxId);
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

/** A probe of every name, by name. What the probe as a whole stumbles over is each name's answer. */
export async function probeAll(box: BoxSockets): Promise<Map<string, NonNullable<BoxReport['sockets'][0]['probe']>>> {
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
    const failed = { ok: false, code: errorCode(error), message: error instanceof Error ? error.message : '' };
    return new Map(box.budget().sockets.map((socket) => [socket.name, failed]));
  }
}
