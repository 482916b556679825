// The binary that does not load: each way it may happen is one error that names every place, the loader's own reason
// for each and the remedy, and a finding of doctor. What needs no binary works all the same.

import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { installedProject, type Ran, root, run, runIn, runOk, scratch, titled, whyNoRuntime } from './installed.js';
import { launch, RUNTIMES, type Runtime } from './runtimes/runtimes.mjs';

const HERE = `linux-${process.arch}`;
const GLIBC = `prebuilds/${HERE}/boxsockets.glibc.node`;
const MUSL = `prebuilds/${HERE}/boxsockets.musl.node`;
const AGAIN = /\nInstall the package anew .*useBinding\(\).*$/;
const ELSEWHERE = /\nInstall the package on a file system that is not mounted noexec.*$/;
const ALLOW = /\nAllow native addons: node --permission --allow-addons$/;

// Prints what the first call threw, and shows that what needs no binary works.
const SCRIPT = `
  const { BoxSockets, sunPathLimit } = require('boxsockets');
  const { seatbeltPolicy } = require('boxsockets/sandbox');
  require('boxsockets/box');
  const box = new BoxSockets('b1', '/srv/b1/sockets', { base: '/tmp' });
  const pure = [box.budget().fits, sunPathLimit().portableMaxBytes, typeof seatbeltPolicy(box.policyPaths())];
  const report = { pure };
  try {
    box.removeSync();
  } catch (error) {
    const { code, message, cause } = error;
    Object.assign(report, { code, message, causes: cause?.errors.map((each) => each.message) });
  }
  box.ensure().then(() => {}, (error) => {
    report.asyncCode = error.code;
    console.log(JSON.stringify(report));
  });
`;

interface Report {
  pure: unknown[];
  code?: string;
  message: string;
  causes?: string[];
  asyncCode?: string;
}

const linux = process.platform === 'linux' ? undefined : 'the binaries that are swapped are those of Linux';
let project: string;
let installed: string;
let pristine: string;

beforeAll(() => {
  project = installedProject();
  installed = path.join(project, 'node_modules/boxsockets');
  pristine = path.join(scratch(), 'prebuilds');
  fs.cpSync(path.join(installed, 'prebuilds'), pristine, { recursive: true });
});
beforeEach(() => fs.writeFileSync(path.join(project, 'host.cjs'), SCRIPT));
afterEach(() => {
  fs.rmSync(path.join(installed, 'prebuilds'), { recursive: true, force: true });
  fs.cpSync(pristine, path.join(installed, 'prebuilds'), { recursive: true });
});

function at(file: string): string {
  return path.join(installed, file);
}

function parse({ stdout, stderr }: Ran): Report {
  expect(stderr).toBe('');
  return JSON.parse(stdout) as Report;
}

/** Holds the report to what all failures have in common, and each place to its reason. */
function expectUnavailable(report: Report, reasons: Record<string, RegExp>, remedy = AGAIN): void {
  expect(report.pure).toEqual([true, 103, 'string']);
  expect([report.code, report.asyncCode]).toEqual(Array(2).fill('ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE'));
  const places = [...report.message.matchAll(/^ {2}- (\S+): (.+)$/gm)].map(([, place = '', reason = '']) => [
    place,
    reason,
  ]);
  expect(places.map(([place]) => place)).toEqual(Object.keys(reasons));
  for (const [place = '', reason = ''] of places) expect(reason, place).toMatch(reasons[place] ?? /never/);
  expect(report.causes).toHaveLength(places.length);
  expect(report.message).toMatch(remedy);
}

async function expectFinding(command: string, args: readonly string[]): Promise<void> {
  const base = fs.mkdtempSync(path.join(project, 'b-'));
  const main = path.join(installed, 'dist/cli/main.js');
  const { stdout, status } = await run(command, [...args, main, 'doctor', '--base', base, '--json'], { cwd: project });
  expect(status).toBe(1);
  const { ok, findings } = JSON.parse(stdout) as Doctor;
  expect(ok).toBe(false);
  const found = findings.filter(({ code }) => code === 'ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE');
  expect(found).toHaveLength(1);
  expect(found[0]).toMatchObject({ severity: 'error', message: expect.stringMatching(/^No native binary could be/) });
  expect(found[0]?.remedy).toMatch(/^# (Install|Allow|There is none)/m);
  // The rest says nothing of its own of the same reason.
  expect(findings.map(({ code }) => code)).not.toContain('limit-not-measured');
}

interface Doctor {
  ok: boolean;
  findings: { severity: string; code: string; message: string; remedy: string }[];
}

describe.skipIf(linux !== undefined)(titled('on this runtime', linux), () => {
  const NOT_FOUND = /Cannot find module/;

  const cases: Record<string, { spoil: () => void; reasons: Record<string, RegExp> }> = {
    'a bundler, or whoever copied the package, lost the files': {
      spoil: () => fs.rmSync(at('prebuilds'), { recursive: true }),
      reasons: { [GLIBC]: NOT_FOUND, [MUSL]: NOT_FOUND },
    },
    "musl's binary in the place of glibc's": {
      spoil: () => fs.copyFileSync(at(MUSL), at(GLIBC)),
      reasons: { [GLIBC]: /libc\.so/, [MUSL]: /libc\.so/ },
    },
    'a truncated file': {
      spoil: () => {
        fs.truncateSync(at(GLIBC), 1000);
        fs.truncateSync(at(MUSL), 0);
      },
      reasons: { [GLIBC]: /file too short: it has 1000 bytes of \d+$/, [MUSL]: /file too short/ },
    },
    'a file of another processor': {
      spoil: () => {
        const other = process.arch === 'x64' ? 'linux-arm64' : 'linux-x64';
        fs.copyFileSync(at(`prebuilds/${other}/boxsockets.glibc.node`), at(GLIBC));
        fs.copyFileSync(at(`prebuilds/${other}/boxsockets.musl.node`), at(MUSL));
      },
      reasons: {
        [GLIBC]: /cannot open shared object file|wrong|ELF/,
        [MUSL]: /cannot open shared object file|wrong|ELF/,
      },
    },
    'something else of the same name': {
      spoil: () => {
        fs.writeFileSync(at(GLIBC), '<html>404</html>\n'.repeat(100));
        fs.rmSync(at(MUSL));
      },
      reasons: { [GLIBC]: /invalid ELF header/, [MUSL]: NOT_FOUND },
    },
  };

  for (const [name, { spoil, reasons }] of Object.entries(cases)) {
    test(`${name}: an error that says so, and a finding`, async () => {
      spoil();
      expectUnavailable(parse(await run(process.execPath, ['host.cjs'], { cwd: project })), reasons);
      await expectFinding(process.execPath, []);
    });
  }

  test('whatever a file is cut to, the process lives', async () => {
    const whole = fs.readFileSync(at(GLIBC));
    fs.rmSync(at(MUSL));
    for (const bytes of [1, 63, 64, 4095, 4096, 8192, 20_000, whole.length - 1]) {
      fs.writeFileSync(at(GLIBC), whole.subarray(0, bytes));
      const report = parse(await run(process.execPath, ['host.cjs'], { cwd: project }));
      expectUnavailable(report, { [GLIBC]: /file too short/, [MUSL]: NOT_FOUND });
    }
  });

  test('a binary of another version of the package is refused by its contract', async () => {
    fs.rmSync(at(MUSL));
    const native = at('dist/index.js');
    const text = fs.readFileSync(native, 'utf8');
    fs.writeFileSync(native, text.replace(/CONTRACT ?= ?\d+/, 'CONTRACT=999999'));
    try {
      const report = parse(await run(process.execPath, ['host.cjs'], { cwd: project }));
      expectUnavailable(report, { [GLIBC]: /not of this version of boxsockets/, [MUSL]: NOT_FOUND });
    } finally {
      fs.writeFileSync(native, text);
    }
  });

  test('no binary for the platform: an error that names those that there are, and a finding', async () => {
    const pretend = path.join(project, 'pretend.cjs');
    fs.writeFileSync(pretend, "Object.defineProperty(process, 'arch', { value: 'riscv64' });");
    const { code, message, asyncCode } = parse(
      await run(process.execPath, ['-r', pretend, 'host.cjs'], { cwd: project }),
    );
    expect([code, asyncCode]).toEqual(Array(2).fill('ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE'));
    expect(message).toMatch(/linux-riscv64.*linux and darwin on x64 and arm64/s);
    await expectFinding(process.execPath, ['-r', pretend]);
  });

  const mountable = whyNoMount();
  test.skipIf(mountable !== undefined)(
    titled('a file system mounted noexec: an error that says so, and a finding', mountable),
    async () => {
      const modules = path.join(project, 'node_modules');
      const inside = `mount -t tmpfs -o noexec none "$1/prebuilds" && cp -r "$2/." "$1/prebuilds" && shift 2 && exec "$@"`;
      const args = ['-m', 'sh', '-c', inside, 'sh', path.join(modules, 'boxsockets'), pristine, process.execPath];
      const report = parse(await run('unshare', [...args, 'host.cjs'], { cwd: project }));
      expectUnavailable(report, { [GLIBC]: /failed to map segment|Operation not permitted/, [MUSL]: /./ }, ELSEWHERE);
      await expectFinding('unshare', args);
    },
  );
});

describe('Node under its permission model', () => {
  for (const runtime of RUNTIMES.filter(({ name }) => /^node\d+$/.test(name))) {
    const reason = whyNoRuntime(runtime) ?? linux;
    const flag = runtime.version.startsWith('20.') ? '--experimental-permission' : '--permission';
    const allowed = [flag, '--no-warnings', '--allow-fs-read=*', '--allow-fs-write=*'];

    test.skipIf(reason !== undefined)(
      titled(`${runtime.name} without --allow-addons: an error that says so; with it, none`, reason),
      async () => {
        const without = await runIn(runtime, [...allowed, 'host.cjs'], { cwd: project });
        const denied = /Cannot load native addon because loading addons is disabled|--allow-addons/;
        const report = parse(without);
        expectUnavailable(report, { [GLIBC]: denied, [MUSL]: denied }, ALLOW);
        // Node 20 has no such flag, and no way to allow them.
        if (runtime.version.startsWith('20.')) return;
        const script = "console.log(require('boxsockets').sameInodeSync('/', '/'))";
        fs.writeFileSync(path.join(project, 'host.cjs'), script);
        const { stdout } = await runIn(runtime, [...allowed, '--allow-addons', 'host.cjs'], { cwd: project });
        expect(stdout).toBe('true\n');
      },
    );
  }
});

describe('Deno', () => {
  const runtime = RUNTIMES.find(({ name }) => name === 'deno') as Runtime;
  const reason = whyNoRuntime(runtime) ?? linux;
  const document = fs.readFileSync(path.join(root, 'docs/runtimes.md'), 'utf8');
  const permissions = /^ {4}deno run (.*)$/m.exec(document)?.[1]?.split(' ') ?? [];

  async function deno(allowed: string[]): Promise<Ran> {
    const { command } = await launch(runtime);
    return run(command, ['run', '--no-prompt', ...allowed, 'host.cjs'], { cwd: project });
  }

  test.skipIf(reason !== undefined)(titled('without --allow-ffi: an error that says so', reason), async () => {
    const report = parse(await deno(permissions.filter((each) => each !== '--allow-ffi')));
    const denied = /Requires ffi access/;
    expectUnavailable(report, { [GLIBC]: denied, [MUSL]: denied }, /\nAllow native addons: deno run --allow-ffi$/);
  });

  test.skipIf(reason !== undefined)(titled('needs the permissions that docs/runtimes.md names', reason), async () => {
    fs.writeFileSync(
      path.join(project, 'host.cjs'),
      `const { BoxSockets } = require('boxsockets');
      const box = new BoxSockets('b', ${JSON.stringify(scratch())}, { base: ${JSON.stringify(scratch())} });
      const server = require('node:net').createServer((socket) => socket.end('hello'));
      box.listen(server, 'box.sock').then(async () => {
        for await (const data of await box.connect('box.sock')) console.log(String(data));
        server.close();
      });`,
    );
    expect((await deno(permissions)).stdout).toBe('hello\n');
    for (const one of permissions) {
      const without = await deno(permissions.filter((each) => each !== one));
      expect(without.stdout + without.stderr, one).toMatch(new RegExp(one));
    }
  });
});

describe('on musl', () => {
  const runtime = RUNTIMES.find(({ name }) => name === 'bun-musl') as Runtime;
  const reason = whyNoRuntime(runtime);

  test.skipIf(reason !== undefined)(
    titled("glibc's binary in the place of musl's: an error that says so", reason),
    async () => {
      fs.copyFileSync(at(GLIBC), at(MUSL));
      const report = parse(await runIn(runtime, ['host.cjs'], { cwd: project }));
      const refused = /Error relocating|symbol not found|glibc/;
      expectUnavailable(report, { [GLIBC]: refused, [MUSL]: refused });
    },
  );
});

describe('Windows, simulated', () => {
  const pretend = `
    Object.defineProperty(process, 'platform', { value: 'win32' });
    process.getuid = process.geteuid = process.getgid = undefined;
  `;

  test('importing works, pure functions work, the rest says why not, and so does doctor', async () => {
    const file = path.join(project, 'pretend.cjs');
    fs.writeFileSync(file, pretend);
    const report = parse(await run(process.execPath, ['-r', file, 'host.cjs'], { cwd: project }));
    expect(report.pure).toEqual([true, 103, 'string']);
    expect(report.code).toBe('ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE');
    expect(report.asyncCode).toBe('ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE');
    expect(report.message).toMatch(/for win32-x64\..*There is none.*linux and darwin/s);
    await expectFinding(process.execPath, ['-r', file]);
  });

  test('every entry can be imported, from ESM too', async () => {
    const file = path.join(project, 'pretend.cjs');
    fs.writeFileSync(file, pretend);
    const { exports } = JSON.parse(fs.readFileSync(at('package.json'), 'utf8')) as { exports: Record<string, unknown> };
    const entries = Object.keys(exports).filter((entry) => entry !== './package.json');
    const names = entries.map((entry) => path.posix.join('boxsockets', entry));
    const script = `${names.map((name) => `await import('${name}')`).join(';')}; console.log('all')`;
    const args = ['-r', file, '--input-type=module', '-e', script];
    expect(await runOk(process.execPath, args, { cwd: project })).toBe('all\n');
  });
});

function whyNoMount(): string | undefined {
  if (process.platform !== 'linux') return 'mount namespaces are of Linux';
  return process.getuid?.() === 0 ? undefined : 'only root may mount';
}
