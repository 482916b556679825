// Ending a box: not its shim alone, but whatever runs for it. A shim may be a shell, or a sandbox's outer program, whose
// end leaves the VM running over files that are about to be deleted.

import { type BoxLayout, type ShimProcess, socketHolders } from '../box/index.js';
import { clock, retry } from '../clock.js';
import {
  cgroupOf,
  commandOf,
  identify,
  inCgroup,
  type ProcessEntry,
  processTable,
  withEnvironment,
} from './process-table.js';
import { boxSurvives } from './runtime-errors.js';

/** The variable that marks whatever `launch` started, and what that starts. */
export const MARK = 'BOXSOCKETS_BOX';

/** Milliseconds that killed processes may take to be gone: more than any but one stuck in the kernel. */
const KILL_TIMEOUT = 10_000;
const FIRST_PAUSE = 5;
const LONGEST_PAUSE = 200;

/** The processes of one box, found again and again: who was found once stays known when his parent has ended. */
export class BoxProcesses {
  readonly #known = new Map<number, ShimProcess>();
  #session: number | undefined;

  /** @param shim whom `shim.pid` names, alive or not */
  constructor(
    private readonly layout: BoxLayout,
    private readonly shim: ShimProcess | null,
  ) {
    if (shim !== null) this.#known.set(shim.pid, shim);
  }

  /**
   * Those that run now: the shim; who is in its session, or carries its mark, or holds a socket in the real directory; who
   * shares a cgroup of the box with one of them; and all their descendants. Never this process or one that it descends
   * from.
   */
  async find(): Promise<ShimProcess[]> {
    const table = await processTable();
    const own = ancestry(table);
    const others = [...table.keys()].filter((pid) => pid > 1 && !own.has(pid));
    const members = new Set<number>();
    for (const one of this.#known.values()) {
      if (!own.has(one.pid) && table.has(one.pid) && (await one.status()) === 'alive') members.add(one.pid);
    }
    this.#noteSession(members, table);
    for (const pid of await this.#marked(others, table)) members.add(pid);
    const holders = (await socketHolders(this.layout.sockets)).flatMap(({ pids }) => pids);
    for (const pid of holders) if (others.includes(pid)) members.add(pid);
    for (const pid of await this.#cgroup(members)) members.add(pid);
    addRelatives(members, table, this.#session);
    for (const pid of own) members.delete(pid);
    return this.#remember(members, table);
  }

  /** The session that the shim leads is the box's own. When it has ended, its number is nobody's while one of it lives. */
  #noteSession(members: ReadonlySet<number>, table: ReadonlyMap<number, ProcessEntry>): void {
    const { shim } = this;
    if (shim === null) return;
    const entry = table.get(shim.pid);
    if (members.has(shim.pid) && entry?.session === shim.pid) this.#session = shim.pid;
    if (!members.has(shim.pid) && entry !== undefined) this.#session = undefined;
  }

  /** Kills all of them, and again until none is left. Returns how many there were. */
  async kill(): Promise<number> {
    const deadline = clock.now() + KILL_TIMEOUT;
    const killed = new Set<ShimProcess>();
    for (let pause = FIRST_PAUSE; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
      const left = await this.find();
      if (left.length === 0) return killed.size;
      if (clock.now() > deadline) throw await this.#survivors(left);
      for (const one of left) {
        killed.add(one);
        // Who may not be killed is among the survivors.
        await one.kill('SIGKILL').catch(() => undefined);
      }
      await Promise.all(left.map((one) => one.waitForExit({ timeout: pause })));
    }
  }

  /** Waits until none of them is left; whether that was so in time. */
  async waitForEnd(timeout: number): Promise<boolean> {
    const isAny = ({ length }: readonly unknown[]) => length > 0;
    const left = await retry(() => this.find(), isAny, { timeout, first: FIRST_PAUSE, longest: LONGEST_PAUSE });
    return left.length === 0;
  }

  async #survivors(left: readonly ShimProcess[]): Promise<Error> {
    const named = await Promise.all(left.map(async ({ pid }) => ({ pid, command: await commandOf(pid) })));
    return boxSurvives(this.layout.boxId, named, KILL_TIMEOUT);
  }

  async #marked(pids: readonly number[], table: ReadonlyMap<number, ProcessEntry>): Promise<number[]> {
    if (this.shim === null || this.shim.mark === null) return [];
    const since = this.shim.startTime;
    const entries = pids.flatMap((pid) => table.get(pid) ?? []);
    const later = entries.filter(({ startTime }) => (startTime ?? 0) >= since);
    return withEnvironment(later, `${MARK}=${this.shim.mark}`);
  }

  /** The cgroup of BoxLite's, named after the box, where one of the box is in it: another home may have one of that id. */
  async #cgroup(members: ReadonlySet<number>): Promise<number[]> {
    const cgroup = [...members].map(cgroupOf).find((path) => path?.endsWith(`/boxlite/${this.layout.boxId}`));
    return cgroup ? inCgroup(cgroup) : [];
  }

  async #remember(members: ReadonlySet<number>, table: ReadonlyMap<number, ProcessEntry>): Promise<ShimProcess[]> {
    const found: ShimProcess[] = [];
    for (const pid of members) {
      const entry = table.get(pid);
      if (entry === undefined) continue;
      const known = this.#known.get(pid);
      const isSame = known !== undefined && (entry.startTime ?? known.startTime) === known.startTime;
      const one = isSame ? known : await identify(entry);
      if (one === null) continue;
      this.#known.set(pid, one);
      found.push(one);
    }
    return found;
  }
}

/** This process and all those above it. */
function ancestry(table: ReadonlyMap<number, ProcessEntry>): Set<number> {
  const own = new Set<number>([process.pid]);
  for (let at = table.get(process.pid); at !== undefined && !own.has(at.parent); at = table.get(at.parent)) {
    own.add(at.parent);
  }
  return own;
}

/** Adds the children of those that are members, and who is in a session that one of them leads, until there are no more. */
function addRelatives(members: Set<number>, table: ReadonlyMap<number, ProcessEntry>, session?: number): void {
  for (let before = -1; before !== members.size; ) {
    before = members.size;
    for (const entry of table.values()) {
      const { parent } = entry;
      if (members.has(parent) || members.has(entry.session) || entry.session === session) members.add(entry.pid);
    }
  }
}
