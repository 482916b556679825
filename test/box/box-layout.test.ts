import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BoxLayout, ShimProcess } from '../../dist/box/index.js';
import { makeDirOfBytes, missingMount, ownUid, promise, rejection, run, snapshot, tempDir } from '../helpers.js';

const twins = [
  {
    name: 'sync',
    prepare: async (layout: BoxLayout) => layout.prepareSync(),
    cleanup: async (layout: BoxLayout) => layout.cleanupSync(),
    shim: async (layout: BoxLayout) => layout.shimSync(),
  },
  {
    name: 'async',
    prepare: (layout: BoxLayout) => layout.prepare(),
    cleanup: (layout: BoxLayout) => layout.cleanup(),
    shim: (layout: BoxLayout) => layout.shim(),
  },
] as const;

const DIRECTORIES = ['bin', 'disks', 'logs', 'mounts', 'shared', 'sockets', 'tmp'];

/** Null where a file can be made immutable, even for root; else why not. */
function missingChattr(): string | null {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
  try {
    const { status, error } = spawnSync('chattr', ['+i', directory]);
    spawnSync('chattr', ['-i', directory]);
    return status === 0 ? null : (error?.message ?? 'chattr is not permitted');
  } finally {
    fs.rmdirSync(directory);
  }
}

/** A box in a home of its own, below a base of its own. */
function makeLayout(id = 'b1', directory = tempDir()): BoxLayout {
  return new BoxLayout(path.join(directory, 'home', 'boxes', id), { base: directory });
}

describe('BoxLayout', () => {
  it('knows where everything lies, and touches nothing', () => {
    const layout = new BoxLayout('/no/such//home/./boxes/b1/', { base: '/b', uid: 7, names: ['ssh.sock'] });
    expect(layout).toMatchObject({
      boxHome: '/no/such/home/boxes/b1',
      boxId: 'b1',
      socketsDir: '/no/such/home/boxes/b1/sockets',
      tmpDir: '/no/such/home/boxes/b1/tmp',
      disksDir: '/no/such/home/boxes/b1/disks',
      mountsDir: '/no/such/home/boxes/b1/mounts',
      sharedDir: '/no/such/home/boxes/b1/shared',
      logsDir: '/no/such/home/boxes/b1/logs',
      binDir: '/no/such/home/boxes/b1/bin',
      consoleLog: '/no/such/home/boxes/b1/logs/console.log',
      shimLog: '/no/such/home/boxes/b1/shim.log',
      shimStderr: '/no/such/home/boxes/b1/shim.stderr',
      exitFile: '/no/such/home/boxes/b1/exit',
      bootDir: '/no/such/home/boxes/b1/boot',
      caDir: '/no/such/home/boxes/b1/ca',
      snapshotsDir: '/no/such/home/boxes/b1/snapshots',
      basesDir: '/no/such/home/bases',
      diskImagesDir: '/no/such/home/images/disk-images',
      shimPid: '/no/such/home/boxes/b1/shim.pid',
    });
    expect(layout.sockets.realDir).toBe(layout.socketsDir);
    expect(layout.sockets.bindingDir).toBe('/b/bl-7/b1');
    expect(layout.sockets.budget().sockets.map(({ name }) => name)).toContain('ssh.sock');
  });

  it('may be of another id than its directory is called', () => {
    const layout = new BoxLayout('/h/boxes/some.name', { boxId: 'b1' });
    expect(layout.sockets.bindingDir).toBe(`/tmp/bl-${ownUid}/b1`);
  });

  it('shares no path with another box of its home', () => {
    const pathsOf = (id: string): string[] => {
      const layout = new BoxLayout(`/h/boxes/${id}`);
      const names = [
        'boxHome',
        'socketsDir',
        'tmpDir',
        'disksDir',
        'mountsDir',
        'sharedDir',
        'logsDir',
        'binDir',
      ] as const;
      const { sockets } = layout;
      return [
        ...names.map((name) => layout[name]),
        layout.shimPid,
        layout.consoleLog,
        layout.shimLog,
        sockets.bindingDir,
      ];
    };
    // Ids that are prefixes of each other, or differ in case alone.
    const ids = ['a', 'aa', 'a-', 'a_b', 'a-b', 'A', 'sockets', 'tmp', 'a'.repeat(128)];
    for (const one of ids) {
      for (const other of ids) {
        if (one === other) continue;
        for (const file of pathsOf(one)) {
          expect(pathsOf(other).some((place) => place === file || place.startsWith(`${file}/`))).toBe(false);
        }
      }
    }
  });

  it.each<[unknown, unknown, string]>([
    ['', undefined, 'ERR_INVALID_ARG_VALUE'],
    ['/', undefined, 'ERR_INVALID_ARG_VALUE'],
    ['/h/..', undefined, 'ERR_INVALID_ARG_VALUE'],
    ['/h/../b1', undefined, 'ERR_INVALID_ARG_VALUE'],
    ['/h/b,1', undefined, 'ERR_INVALID_ARG_VALUE'],
    ['/h/b1\0', undefined, 'ERR_INVALID_ARG_VALUE'],
    ['/h/b1', { boxId: '../b2' }, 'ERR_INVALID_ARG_VALUE'],
    ['/h/b1', { base: 'relative' }, 'ERR_INVALID_ARG_VALUE'],
    [1, undefined, 'ERR_INVALID_ARG_TYPE'],
    [undefined, undefined, 'ERR_INVALID_ARG_TYPE'],
    ['/h/b1', null, 'ERR_INVALID_ARG_TYPE'],
  ])('refuses %j with %j', (home, options, code) => {
    expect(() => new BoxLayout(home as string, options as object)).toThrow(
      expect.objectContaining({ name: 'TypeError', code }),
    );
  });
});

describe.each(twins)('prepare, $name', (twin) => {
  it('makes the home, its directories and the binding, for the user alone', async () => {
    const layout = makeLayout();
    expect(await twin.prepare(layout)).toEqual({ status: 'created', bindingDir: layout.sockets.bindingDir });
    expect(fs.readdirSync(layout.boxHome).sort()).toEqual(DIRECTORIES);
    expect(fs.readlinkSync(layout.sockets.bindingDir)).toBe(layout.socketsDir);
    for (const name of ['', ...DIRECTORIES]) {
      expect(fs.statSync(path.join(layout.boxHome, name)).mode & 0o777).toBe(0o700);
    }
  });

  it('changes nothing the second time', async () => {
    const layout = makeLayout();
    await twin.prepare(layout);
    fs.writeFileSync(path.join(layout.disksDir, 'disk.qcow2'), 'data');
    fs.chmodSync(layout.sharedDir, 0o755);
    const before = snapshot(layout.boxHome);
    expect(await twin.prepare(layout)).toMatchObject({ status: 'unchanged' });
    expect(snapshot(layout.boxHome)).toEqual(before);
  });

  it('puts back what is missing', async () => {
    const layout = makeLayout();
    await twin.prepare(layout);
    fs.rmdirSync(layout.mountsDir);
    fs.unlinkSync(layout.sockets.bindingDir);
    expect(await twin.prepare(layout)).toMatchObject({ status: 'created' });
    expect(fs.readdirSync(layout.boxHome).sort()).toEqual(DIRECTORIES);
  });

  it('works in a home of 300 bytes', async () => {
    const directory = tempDir();
    const layout = new BoxLayout(path.join(makeDirOfBytes(directory, 297), 'b1'), { base: directory });
    await twin.prepare(layout);
    expect(fs.realpathSync(layout.sockets.bindingDir)).toBe(fs.realpathSync(layout.socketsDir));
  });

  it('makes the sockets before the binding, and the binding before the rest', async () => {
    // Each step fails in turn, and what came before it has been done, and undone.
    const layout = makeLayout();
    fs.mkdirSync(layout.boxHome, { recursive: true });
    fs.writeFileSync(layout.socketsDir, '');
    expect(await rejection(twin.prepare(layout))).toMatchObject({ code: 'EEXIST', path: layout.socketsDir });
    expect(fs.existsSync(layout.sockets.parentDir)).toBe(false);
    fs.rmSync(layout.socketsDir);

    fs.mkdirSync(layout.sockets.bindingDir, { recursive: true });
    expect(await rejection(twin.prepare(layout))).toMatchObject({ code: 'ERR_BOX_SOCKETS_NOT_A_SYMLINK' });
    expect(fs.readdirSync(layout.boxHome)).toEqual([]);
    fs.rmdirSync(layout.sockets.bindingDir);

    fs.writeFileSync(layout.disksDir, 'data');
    expect(await rejection(twin.prepare(layout))).toMatchObject({ code: 'EEXIST', path: layout.disksDir });
    expect(fs.readdirSync(layout.boxHome)).toEqual(['disks']);
    expect(fs.readdirSync(layout.sockets.parentDir)).toEqual(['.lock']);
  });

  it('leaves nothing where it fails that it made, and everything that it found', async () => {
    const directory = tempDir();
    const layout = makeLayout('b1', directory);
    fs.mkdirSync(path.join(directory, `bl-${ownUid}`, 'b1'), { recursive: true });
    const before = snapshot(directory);
    await rejection(twin.prepare(layout));
    const lock = path.join(directory, `bl-${ownUid}`, '.lock');
    expect(Object.keys(snapshot(directory)).sort()).toEqual([...Object.keys(before), lock].sort());
    expect(fs.existsSync(path.join(directory, 'home'))).toBe(false);
  });

  it('refuses names that do not fit before it makes a directory', async () => {
    const directory = tempDir();
    const layout = new BoxLayout(path.join(directory, 'x'.repeat(100)), { base: directory });
    expect(await rejection(twin.prepare(layout))).toMatchObject({ code: 'ERR_BOX_SOCKETS_PATH_TOO_LONG' });
    expect(fs.readdirSync(directory)).toEqual([]);
  });
});

describe.each(twins)('cleanup, $name', (twin) => {
  it('removes the home and then the binding', async () => {
    const layout = makeLayout();
    await twin.prepare(layout);
    fs.writeFileSync(path.join(layout.disksDir, 'disk.qcow2'), 'data');
    fs.mkdirSync(path.join(layout.mountsDir, 'a', 'b'), { recursive: true });
    expect(await twin.cleanup(layout)).toEqual({ home: 'removed', binding: 'removed' });
    expect(fs.existsSync(layout.boxHome)).toBe(false);
    expect(fs.readdirSync(layout.sockets.parentDir)).toEqual(['.lock']);
  });

  it('removes the binding of a home that is gone already', async () => {
    const layout = makeLayout();
    await twin.prepare(layout);
    fs.rmSync(layout.boxHome, { recursive: true });
    expect(await twin.cleanup(layout)).toEqual({ home: 'absent', binding: 'removed' });
    expect(await twin.cleanup(layout)).toEqual({ home: 'absent', binding: 'absent' });
  });

  it('removes a home that is incomplete, or empty', async () => {
    const layout = makeLayout();
    await twin.prepare(layout);
    for (const name of DIRECTORIES) if (name !== 'sockets') fs.rmdirSync(path.join(layout.boxHome, name));
    expect(await twin.cleanup(layout)).toEqual({ home: 'removed', binding: 'removed' });
    fs.mkdirSync(layout.boxHome);
    expect(await twin.cleanup(layout)).toEqual({ home: 'removed', binding: 'absent' });
  });

  it('leaves the binding of another box of its id', async () => {
    const directory = tempDir();
    const mine = makeLayout('b1', directory);
    const other = new BoxLayout(path.join(directory, 'other', 'b1'), { base: directory });
    await twin.prepare(mine);
    await twin.prepare(other);
    expect(await twin.cleanup(mine)).toEqual({ home: 'removed', binding: 'foreign' });
    expect(fs.readlinkSync(other.sockets.bindingDir)).toBe(other.socketsDir);
  });

  it('follows no link, neither in the home nor in its place', async () => {
    const layout = makeLayout();
    const precious = path.join(tempDir(), 'precious');
    fs.mkdirSync(precious);
    fs.writeFileSync(path.join(precious, 'file'), 'data');
    const before = snapshot(precious);
    await twin.prepare(layout);
    fs.symlinkSync(precious, path.join(layout.mountsDir, 'link'));
    await twin.cleanup(layout);
    expect(snapshot(precious)).toEqual(before);

    fs.symlinkSync(precious, layout.boxHome);
    expect(await twin.cleanup(layout)).toEqual({ home: 'removed', binding: 'absent' });
    expect(fs.lstatSync(layout.boxHome, { throwIfNoEntry: false })).toBeUndefined();
    expect(snapshot(precious)).toEqual(before);
  });

  const refused = { name: 'BoxSocketsError', code: 'ERR_BOX_SOCKETS_HOME_UNSAFE' };

  it('refuses a home that is not one, and touches nothing', async () => {
    const directory = tempDir();
    fs.mkdirSync(path.join(directory, 'project', 'src'), { recursive: true });
    const layout = new BoxLayout(path.join(directory, 'project'), { base: directory });
    const before = snapshot(directory);
    expect(await rejection(twin.cleanup(layout))).toMatchObject({ ...refused, path: layout.boxHome });
    expect(snapshot(directory)).toEqual(before);

    const file = new BoxLayout(path.join(directory, 'file'), { base: directory });
    fs.writeFileSync(file.boxHome, 'data');
    expect(await rejection(twin.cleanup(file))).toMatchObject(refused);
    expect(fs.readFileSync(file.boxHome, 'utf8')).toBe('data');
  });

  // A thread, where StrykerJS runs its tests, has no working directory of its own.
  it.skipIf(!isMainThread)(
    'refuses a home that holds the home of the user, the working or temporary directory, or the base',
    async () => {
      const directory = path.join(tempDir(), 'h');
      for (const name of ['sockets', 'user', 'work', 'temporary', 'base']) {
        fs.mkdirSync(path.join(directory, name), { recursive: true });
      }
      const link = path.join(tempDir(), 'link');
      fs.symlinkSync(path.dirname(directory), link);
      const cwd = process.cwd();
      const { HOME, TMPDIR } = process.env;
      const restore = (): void => {
        process.chdir(cwd);
        process.env.HOME = HOME;
        if (TMPDIR === undefined) delete process.env.TMPDIR;
        else process.env.TMPDIR = TMPDIR;
      };
      onTestFinished(restore);
      const refuses = async (home: string, base = '/tmp'): Promise<void> => {
        const layout = new BoxLayout(home, { boxId: 'b1', base });
        const before = snapshot(directory);
        expect(await rejection(twin.cleanup(layout))).toMatchObject(refused);
        expect(snapshot(directory)).toEqual(before);
      };
      // Either may be spelled through a link.
      const spellings = [directory, path.join(link, 'h')];
      for (const home of spellings) {
        for (const place of spellings) {
          await refuses(home, path.join(place, 'base'));
          process.env.HOME = path.join(place, 'user');
          await refuses(home);
          restore();
          process.env.TMPDIR = path.join(place, 'temporary');
          await refuses(home);
          restore();
          process.chdir(path.join(place, 'work'));
          await refuses(home);
          restore();
        }
      }
      await refuses('/');
      await refuses(path.dirname(os.homedir()));
    },
  );

  promise(missingMount(), 'refuses a home in which a file system is mounted', async () => {
    const layout = makeLayout('b1', fs.realpathSync(tempDir()));
    await twin.prepare(layout);
    const volume = path.join(layout.mountsDir, 'a volume');
    const precious = path.join(tempDir(), 'precious');
    fs.mkdirSync(precious);
    fs.writeFileSync(path.join(precious, 'file'), 'data');
    fs.mkdirSync(volume);
    run('mount', ['--bind', precious, volume]);
    onTestFinished(() => {
      spawnSync('umount', ['-l', volume]);
    });
    const before = snapshot(layout.boxHome);
    const error = await rejection(twin.cleanup(layout));
    expect(error).toMatchObject(refused);
    expect(error.message).toContain(volume);
    expect(snapshot(layout.boxHome)).toEqual(before);
    run('umount', [volume]);
    expect(await twin.cleanup(layout)).toEqual({ home: 'removed', binding: 'removed' });
    expect(fs.readFileSync(path.join(precious, 'file'), 'utf8')).toBe('data');
  });

  promise(missingChattr(), 'keeps what makes it a home until the end', async () => {
    const layout = makeLayout();
    await twin.prepare(layout);
    const shut = path.join(layout.disksDir, 'shut');
    fs.mkdirSync(shut);
    fs.writeFileSync(path.join(shut, 'file'), '');
    run('chattr', ['+i', path.join(shut, 'file')]);
    onTestFinished(() => {
      spawnSync('chattr', ['-i', path.join(shut, 'file')]);
    });
    await rejection(twin.cleanup(layout));
    expect(fs.readdirSync(layout.boxHome)).toEqual(expect.arrayContaining(['disks', 'sockets']));
    expect(fs.readlinkSync(layout.sockets.bindingDir)).toBe(layout.socketsDir);
    run('chattr', ['-i', path.join(shut, 'file')]);
    expect(await twin.cleanup(layout)).toEqual({ home: 'removed', binding: 'removed' });
  });
});

describe.each(twins)('shim, $name', (twin) => {
  it('is the process that shim.pid names, where it is alive', async () => {
    const layout = makeLayout();
    await twin.prepare(layout);
    expect(await twin.shim(layout)).toBeNull();
    const self = ShimProcess.ofSync(process.pid);
    self?.writeSync(layout.shimPid);
    expect((await twin.shim(layout))?.pid).toBe(process.pid);
    fs.writeFileSync(layout.shimPid, `${process.pid}\n1\n`);
    expect(await twin.shim(layout)).toBeNull();
    fs.writeFileSync(layout.shimPid, `${process.pid}`);
    expect(await twin.shim(layout)).toBeNull();
  });
});
