// Random worlds: boxes alive, dead, hidden and hung, links that a stranger to our lock makes, files that a cleaner takes;
// and random operations, outside and in a sandbox that hides a home and has pids of its own. Nothing that lives is ever
// lost, and what is dead is cleaned in the end. BOXSOCKETS_WORLDS=1000 tries more, and scripts/tools/soak.mjs
// three each second.

import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import * as readline from 'node:readline';
import fc from 'fast-check';
import { expect, onTestFinished } from 'vitest';
import { BoxSockets } from '../../../dist/index.js';
import { dist, fixtures, missingFileServer, missingTool, ownUid, promise, serveFiles, tempDir } from '../../helpers.js';

const soakSeconds = Number(process.env.BOXSOCKETS_SOAK_SECONDS ?? 0);
const WORLDS = Number(process.env.BOXSOCKETS_WORLDS ?? (soakSeconds > 0 ? soakSeconds * 3 : 25));
// On a Mac nothing hides a home, no file server of ours hangs, and no list of the kernel tells of a socket whose file is
// gone: what is left are the worlds without.
const isMac = process.platform === 'darwin';
const missing = isMac
  ? null
  : (missingFileServer ?? missingTool('bwrap', ['--dev-bind', '/', '/', '--unshare-pid', 'true']));

const IDS = ['a', 'b', 'c'] as const;
const NAMES = ['box.sock', 'pool/w.sock'] as const;
// `hidden` is hidden in the sandbox; `served` lies on a file server that hangs at times.
const HOMES = ['one', 'two', 'hidden', 'served'] as const;
const homes = isMac ? HOMES.slice(0, 2) : HOMES;
const events = isMac
  ? (['die', 'vanish', 'link'] as const)
  : (['die', 'lose', 'vanish', 'hang', 'resume', 'link'] as const);
const BY_ACTORS = ['ensure', 'takeover', 'claim', 'remove', 'sweep', 'list', 'open', 'removeBox'] as const;

const step = fc.record({
  what: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...BY_ACTORS) },
    { weight: 3, arbitrary: fc.constant('live' as const) },
    { weight: 4, arbitrary: fc.constantFrom(...events) },
  ),
  id: fc.constantFrom(...IDS),
  home: fc.constantFrom(...homes),
  name: fc.constantFrom(...NAMES),
  sandboxed: isMac ? fc.constant(false) : fc.boolean(),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Actor {
  ask(request: object): Promise<{ result?: unknown; error?: string }>;
}

async function startActor(command: string, args: string[]): Promise<Actor> {
  const child = spawn(
    command,
    [...args, process.execPath, path.join(fixtures, 'judging-actor.js'), path.dirname(dist)],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
      cwd: '/',
    },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next();
  return {
    async ask(request) {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const late = new Promise<never>((_, reject) =>
        setTimeout(() => reject(new Error(`no answer to ${JSON.stringify(request)}`)), 15_000).unref(),
      );
      return JSON.parse((await Promise.race([lines.next(), late])).value);
    },
  };
}

interface Living {
  id: string;
  home: string;
  server: net.Server;
  /** Where it really lies, whatever the file server does. */
  file: string;
  inode: bigint;
  hasFile: boolean;
}

const inodeOf = (file: string): bigint | null =>
  fs.lstatSync(file, { bigint: true, throwIfNoEntry: false })?.ino ?? null;

class World {
  readonly base: string;
  readonly living: Living[] = [];
  /** How many sockets have lived, and how many steps some did. */
  lived = 0;
  survived = 0;
  readonly #root: string;
  readonly #number: number;
  #isHung = false;

  constructor(
    root: string,
    number: number,
    readonly server: { freeze(): void; thaw(): void },
  ) {
    this.#root = root;
    this.#number = number;
    this.base = path.join(root, 'bases', String(number));
    fs.mkdirSync(this.base, { recursive: true });
    for (const home of HOMES) for (const id of IDS) this.make(home, id);
  }

  /** As boxes are told of it. */
  homeDir(home: string): string {
    return path.join(this.#root, home, String(this.#number));
  }

  /** As it can be looked at without the file server. */
  behind(home: string, id: string): string {
    const directory = home === 'served' ? 'behind' : home;
    return path.join(this.#root, directory, String(this.#number), 'boxes', id);
  }

  make(home: string, id: string): void {
    fs.mkdirSync(path.join(this.behind(home, id), 'sockets/pool'), { recursive: true });
  }

  binding(id: string): string {
    return path.join(this.base, `bl-${ownUid}`, id);
  }

  linkOf(id: string): string | null {
    try {
      return fs.readlinkSync(this.binding(id));
    } catch {
      return null;
    }
  }

  /** The living box to which the link of that id leads. */
  ownerOf(id: string): Living | undefined {
    const target = this.linkOf(id);
    return this.living.find((one) => one.id === id && target === `${this.homeDir(one.home)}/boxes/${id}/sockets`);
  }

  async run(at: Step, actors: { outside: Actor; sandboxed: Actor }): Promise<void> {
    // Whoever goes through a link into a server that hangs waits for it, as any program does.
    const leadsToServed = this.linkOf(at.id)?.includes('/served/') === true || at.home === 'served';
    const waits = this.#isHung && leadsToServed;
    const owners = new Map(IDS.map((id) => [id, this.ownerOf(id)]));
    const links = new Map(IDS.map((id) => [id, this.linkOf(id)]));
    let maySteal = false;
    switch (at.what) {
      case 'live':
        if (!waits) await this.#live(at);
        break;
      case 'die':
        await this.#die(this.living.findIndex(({ id }) => id === at.id));
        break;
      case 'lose': {
        const one = this.living.find(({ id }) => id === at.id);
        if (one?.hasFile) fs.unlinkSync(one.file);
        if (one !== undefined) one.hasFile = false;
        break;
      }
      case 'vanish':
        if (!this.living.some(({ id, home }) => id === at.id && home === at.home)) {
          fs.rmSync(this.behind(at.home, at.id), { recursive: true, force: true });
        }
        break;
      case 'link':
        if (links.get(at.id) === null && fs.existsSync(path.dirname(this.binding(at.id)))) {
          fs.symlinkSync(`${this.homeDir(at.home)}/boxes/${at.id}/sockets`, this.binding(at.id));
        }
        break;
      case 'hang':
        this.server.freeze();
        this.#isHung = true;
        break;
      case 'resume':
        this.server.thaw();
        this.#isHung = false;
        break;
      default: {
        const isOfOneLink = !['sweep', 'list'].includes(at.what);
        if (waits && isOfOneLink) break;
        // A takeover may, and whoever removes his own link.
        maySteal = at.what === 'takeover' || (at.what === 'remove' && owners.get(at.id)?.home === at.home);
        const { outside, sandboxed } = actors;
        const actor = at.sandboxed ? sandboxed : outside;
        const homeDir = this.homeDir(at.home);
        const request = { operation: at.what, id: at.id, name: at.name, homeDir, base: this.base, rows: IDS };
        await actor.ask(request);
      }
    }
    for (const id of IDS) {
      if (owners.get(id) === undefined || !this.living.includes(owners.get(id) as Living)) continue;
      if (!(maySteal && id === at.id)) expect(this.linkOf(id)).toBe(links.get(id));
    }
    if (this.living.length > 0) this.survived++;
    for (const one of this.living) if (one.hasFile) expect(inodeOf(one.file)).toBe(one.inode);
  }

  async #live({ id, home, name }: Step): Promise<void> {
    const realDir = `${this.homeDir(home)}/boxes/${id}/sockets`;
    const box = new BoxSockets(id, realDir, { base: this.base });
    const server = net.createServer();
    const file = path.join(this.behind(home, id), 'sockets', name);
    try {
      if (name.includes('/')) {
        await box.ensure();
        fs.mkdirSync(path.dirname(file), { recursive: true });
        await new Promise<void>((resolve, reject) => {
          server.once('error', reject).listen(`${box.bindingDir}/${name}`, resolve);
        });
      } else await box.listen(server, name);
    } catch {
      return; // in use, or its directory is gone
    }
    this.lived++;
    this.living.push({ id, home, server, file, inode: inodeOf(file) ?? 0n, hasFile: true });
  }

  /** Leaves its file, as a process does that is killed. */
  async #die(index: number): Promise<void> {
    const [one] = index < 0 ? [] : this.living.splice(index, 1);
    if (one === undefined) return;
    // A server that closes asks for its file, which may hang.
    const asksServed = one.home === 'served' || this.linkOf(one.id)?.includes('/served/') === true;
    if (asksServed && this.#isHung) await this.run({ what: 'resume' } as Step, {} as never);
    // Node unlinks by the path, whoever's file is there by now.
    const others = this.living.filter(({ id }) => id === one.id);
    const files = [one, ...others].map(({ file }) => file).filter((file) => inodeOf(file) !== null);
    for (const [i, file] of files.entries()) fs.linkSync(file, path.join(this.base, `kept${i}`));
    await new Promise((resolve) => one.server.close(resolve));
    for (const [i, file] of files.entries()) {
      fs.rmSync(file, { force: true });
      fs.renameSync(path.join(this.base, `kept${i}`), file);
    }
  }

  /** When all have died, links of homes that are gone are swept, and every id can be had by another home. */
  async end({ outside }: { outside: Actor }): Promise<void> {
    this.server.thaw();
    this.#isHung = false;
    while (this.living.length > 0) await this.#die(0);
    for (const id of IDS) fs.rmSync(this.behind('one', id), { recursive: true, force: true });
    await outside.ask({ operation: 'sweep', base: this.base });
    for (const id of IDS) {
      expect(this.linkOf(id) ?? 'none').not.toContain('/one/');
      this.make('two', id);
      const request = { id, name: 'box.sock', homeDir: this.homeDir('two'), base: this.base };
      const { error } = await outside.ask({ operation: 'ensure', ...request });
      // Of a socket that another kernel may serve, no death is ever proven.
      if (error !== undefined) {
        expect([error, this.linkOf(id)]).toEqual([
          'ERR_BOX_SOCKETS_BINDING_IN_USE',
          expect.stringContaining('/served/'),
        ]);
        await outside.ask({ operation: 'takeover', ...request });
      }
      expect(this.linkOf(id)).toContain('/two/');
      expect(await outside.ask({ operation: 'claim', ...request })).toEqual({ result: `${this.binding(id)}/box.sock` });
    }
  }
}

promise(
  missing,
  `in ${WORLDS} random worlds nothing that lives is lost, and what is dead is cleaned`,
  async () => {
    const root = tempDir();
    for (const directory of ['one', 'two', 'hidden', 'behind', 'served']) fs.mkdirSync(path.join(root, directory));
    const server = isMac
      ? { freeze: () => undefined, thaw: () => undefined }
      : await serveFiles(path.join(root, 'served'), path.join(root, 'behind'));
    const outside = await startActor('env', []);
    const actors = {
      outside,
      sandboxed: isMac
        ? outside
        : await startActor('bwrap', [
            ...['--dev-bind', '/', '/', '--unshare-pid', '--proc', '/proc'],
            ...['--tmpfs', path.join(root, 'hidden')],
          ]),
    };
    let number = 0;
    const counts = { steps: 0, lived: 0, survived: 0 };
    const property = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (all) => {
      const world = new World(root, number++, server);
      try {
        for (const at of all) await world.run(at, actors);
        counts.steps += all.length;
        counts.lived += world.lived;
        counts.survived += world.survived;
        await world.end(actors);
      } finally {
        server.thaw();
        for (const { server: left } of world.living) left.close();
      }
    });
    const seed = Number(process.env.BOXSOCKETS_SEED ?? Date.now() % 0x7fff_ffff);
    await fc.assert(property, { numRuns: WORLDS, seed, endOnFailure: process.env.BOXSOCKETS_SEED === undefined });
    console.log(`${number} worlds, seed ${seed}:`, counts);
    expect(counts.lived).toBeGreaterThan(WORLDS / 5);
  },
  60_000 + WORLDS * 4_000,
);
