// `doctor` without a home: it makes a deep one of its own, shows the direct bind failing and the bound one working,
// and removes everything.

import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { type BindingInfo, BoxSockets, probeSocketPath } from '../../index.js';
import { plural } from '../text.js';
import { inspectBox } from './boxes.js';
import { type DirectBind, tryDirectBind } from './direct-bind.js';
import { errorCode } from './files.js';
import { type BoxReport, boxOptions, DEFAULT_BASE, type DoctorRequest, type Finding } from './report.js';

/** Bytes of the real directory that the self-check makes. */
export const DEEP_BYTES = 300;

/** What the self-check came to. */
export interface SelfCheck {
  box: BoxReport | null;
  /** Node's own server at the long path, and through the binding. */
  direct: DirectBind | null;
  through: DirectBind | null;
  /** What a bind comes to that cuts nothing, as other programs do it; null where it could not be tried. */
  native: string | null;
  findings: Finding[];
}

/** Runs the self-check. What it makes lies in a directory of its own below the base, or below /tmp. */
export async function runSelfCheck(request: DoctorRequest): Promise<SelfCheck> {
  let root: string;
  try {
    root = fs.realpathSync(fs.mkdtempSync(path.join(request.base ?? DEFAULT_BASE, 'bs-')));
  } catch (error) {
    return {
      box: null,
      direct: null,
      through: null,
      native: null,
      findings: [failure('a directory to work in', error)],
    };
  }
  const trial = new Trial(root, request);
  try {
    return await trial.run();
  } finally {
    trial.cleanUp();
  }
}

class Trial {
  readonly #root: string;
  readonly #request: DoctorRequest;
  readonly #box: BoxSockets;
  readonly #parentWasThere: boolean;

  constructor(root: string, request: DoctorRequest) {
    this.#root = root;
    // A base of its own, unless one was named: the machine's parent is not touched just to show that it works.
    this.#request = request.base === null ? { ...request, base: root } : request;
    const id = request.base === null ? 'self-check' : `self-check-${randomBytes(3).toString('hex')}`;
    this.#box = new BoxSockets(id, deepDirectory(root, `/boxes/${id}/sockets`), boxOptions(this.#request));
    this.#parentWasThere = fs.existsSync(this.#box.parentDir);
  }

  async run(): Promise<SelfCheck> {
    const box = this.#box;
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
    const inspected = await inspectBox(box, await this.#ownBinding(), this.#request);
    if (through !== null) findings.push(...inspected.findings.map(withoutTraces));
    return { box: inspected.box, direct, through, native, findings };
  }

  async #ownBinding(): Promise<Map<string, BindingInfo> | null> {
    try {
      const { base, uid } = boxOptions(this.#request);
      return new Map((await BoxSockets.list({ base, uid })).map((entry) => [entry.id, entry]));
    } catch {
      return null;
    }
  }

  /** Removes everything this made. */
  cleanUp(): void {
    const box = this.#box;
    try {
      box.removeSync();
    } catch {
      // Without the native part nothing was bound; else the link goes with its base, or the next sweep takes it.
    }
    fs.rmSync(this.#root, { recursive: true, force: true });
    if (this.#request.base !== this.#root && !this.#parentWasThere) removeEmptyParent(box.parentDir);
  }
}

// A parent that this made is taken away again, as long as nobody else has come to use it.
function removeEmptyParent(parent: string): void {
  try {
    if (fs.readdirSync(parent).every((name) => name === '.lock'))
      fs.rmSync(path.join(parent, '.lock'), { force: true });
    fs.rmdirSync(parent);
  } catch {
    // In use, or gone already: either way it is not ours to take.
  }
}

/** A directory of exactly `DEEP_BYTES` bytes that ends in `tail`. */
function deepDirectory(root: string, tail: string): string {
  const room = DEEP_BYTES - Buffer.byteLength(root) - Buffer.byteLength(tail);
  // The cut that Node makes must fall within a name, or it would meet a directory and fail for another reason.
  const size = [41, 37, 31, 43].find((step) => !cutsAtBoundary(Buffer.byteLength(root), step)) ?? 41;
  let middle = '';
  while (room - middle.length > size + 2) middle += `/${'a-very-deep-home-'.repeat(3).slice(0, size - 1)}`;
  return `${root}${middle}/${'h'.repeat(Math.max(1, room - middle.length - 1))}${tail}`;
}

function cutsAtBoundary(start: number, step: number): boolean {
  return [102, 103, 104, 105, 106, 107, 108, 109].some((cut) => (cut - start) % step <= 1);
}

function directFinding(direct: DirectBind): Finding {
  const asked = `net.Server.listen of Node ${process.version} at ${plural(direct.bytes, 'byte')}`;
  const said = {
    cut: `${asked} reports success and binds another path, cut to ${direct.cutBytes} bytes: ${direct.cutPath}.`,
    lost: `${asked} reports success, and there is no socket at that path, nor at a cut one.`,
    refused: `${asked} fails: ${direct.code}.`,
    bound: `${asked} binds.`,
  };
  return {
    severity: 'info',
    code: 'direct-bind',
    message: said[direct.outcome],
    remedy: 'boxsockets ensure ID DIR    # and bind below the path that it prints',
  };
}

// What a finding's remedy would act on is gone when it is read.
function withoutTraces(finding: Finding): Finding {
  return { ...finding, remedy: TRY_ELSEWHERE };
}

const TRY_ELSEWHERE = 'boxsockets doctor --base DIR    # a directory that you may write to';

function failure(what: string, error: unknown): Finding {
  return {
    severity: 'error',
    code: 'self-check-failed',
    message: `The self-check could not make ${what}: ${error instanceof Error ? error.message : String(error)}`,
    remedy: TRY_ELSEWHERE,
  };
}
