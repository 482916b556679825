// Ways in which a box lives though it looks as if it did not: moved, mounted over, paused, restored, behind a second mount.
// Its link is kept, no other box of its id gets it, and what it holds is not unlinked.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { BoxSockets } from '../../../dist/index.js';
import {
  fixtures,
  holdSockets,
  leaveDeadSocket,
  makeWorld,
  missingMount,
  missingPython,
  missingTool,
  mount,
  promise,
  rejection,
  run,
  start,
  tempDir,
  type World,
} from '../../helpers.js';

const IN_USE = 'ERR_BOX_SOCKETS_BINDING_IN_USE';

const missing = missingPython;

interface Way {
  readonly name: string;
  readonly missing: string | null;
  /** Makes the box live so. `box` has its link. */
  live(box: BoxSockets, world: World): Promise<void>;
}

const hold = (file: string) => holdSockets({ path: file, type: 'stream' });

/** Runs a program of Python with `file` as its argument, until the end of the test. */
const python = (program: string, file: string) => start('python3', ['-c', program, file]);

const LISTENS = 'import socket, sys; s = socket.socket(socket.AF_UNIX, socket.';
const STAYS = 'print("x", flush=True); sys.stdin.read()';

const WAYS: readonly Way[] = [
  {
    name: 'paused by SIGSTOP',
    missing,
    live: async ({ boxSock }) => {
      const { pid } = await hold(boxSock);
      process.kill(pid, 'SIGSTOP');
      onTestFinished(() => void process.kill(pid, 'SIGCONT'));
    },
  },
  {
    name: 'by a socket that was inherited over exec',
    missing,
    live: async ({ boxSock }) => {
      const program = `${LISTENS}SOCK_STREAM); s.bind(sys.argv[1]); s.listen(); s.set_inheritable(True)
import os
os.execlp("sh", "sh", "-c", "echo listens; exec sleep 600")`;
      await python(program, boxSock);
    },
  },
  {
    name: 'by a socket of packets',
    missing,
    live: async ({ boxSock }) => {
      const program = `${LISTENS}SOCK_SEQPACKET); s.bind(sys.argv[1]); s.listen(); ${STAYS}`;
      await python(program, boxSock);
    },
  },
  {
    name: 'by a socket of datagrams that has a peer, and refuses all others',
    missing,
    live: async ({ boxSock }) => void (await holdSockets({ path: boxSock, type: 'connected-dgram' })),
  },
  {
    name: 'by a socket that is bound and does not listen yet',
    missing,
    live: async ({ boxSock }) => {
      await python(`${LISTENS}SOCK_STREAM); s.bind(sys.argv[1]); ${STAYS}`, boxSock);
    },
  },
  {
    name: 'as a process whose first thread has ended',
    missing: missing ?? (process.platform === 'linux' ? null : 'not Linux'),
    live: async ({ boxSock }) => void (await start('python3', [path.join(fixtures, 'first-thread-ends.py'), boxSock])),
  },
  {
    name: 'in a directory that was renamed',
    missing,
    live: async ({ boxSock, realDir }) => {
      await hold(boxSock);
      fs.renameSync(path.dirname(realDir), `${path.dirname(realDir)}.moved`);
    },
  },
  {
    name: 'in a directory that was renamed, and restored from a backup',
    missing,
    live: async ({ boxSock, realDir }, { base }) => {
      await hold(boxSock);
      run('cp', ['-a', path.dirname(realDir), path.join(base, 'backup')]);
      fs.renameSync(path.dirname(realDir), `${path.dirname(realDir)}.moved`);
      run('cp', ['-a', path.join(base, 'backup'), path.dirname(realDir)]);
    },
  },
  {
    name: 'under a file system that was mounted over its directory',
    missing: missing ?? missingMount(),
    live: async ({ boxSock, realDir }) => {
      await hold(boxSock);
      mount(['-t', 'tmpfs', 'none'], realDir);
    },
  },
  {
    name: 'behind a second mount of its home, by the path of that one',
    missing: missing ?? missingMount(),
    live: async ({ realDir }) => {
      const other = tempDir();
      mount(['--bind', realDir], other);
      await hold(path.join(other, 'box.sock'));
    },
  },
  {
    name: 'on an overlay, where a dead socket of the lower directory bore its name',
    missing: missing ?? missingMount(),
    live: async ({ boxSock, realDir }) => {
      const [lower, upper] = [tempDir(), tempDir()];
      leaveDeadSocket(path.join(lower, 'box.sock'));
      // Upper and work directory lie on one file system, which is no overlay itself.
      mount(['-t', 'tmpfs', 'none'], upper);
      for (const name of ['upper', 'work']) fs.mkdirSync(path.join(upper, name));
      const options = `lowerdir=${lower},upperdir=${upper}/upper,workdir=${upper}/work`;
      mount(['-t', 'overlay', '-o', options, 'overlay'], realDir);
      fs.unlinkSync(boxSock);
      await hold(boxSock);
    },
  },
  {
    name: 'in a mount namespace of its own, whose home nobody else sees',
    missing: missing ?? missingTool('bwrap', ['--dev-bind', '/', '/', '--tmpfs', '/mnt', 'true']),
    live: async ({ boxSock, realDir }) => {
      const program = `${LISTENS}SOCK_STREAM); s.bind(sys.argv[1]); s.listen(); ${STAYS}`;
      const args = ['--dev-bind', '/', '/', '--tmpfs', realDir, 'python3', '-c', program, boxSock];
      await start('bwrap', args, { cwd: '/' });
    },
  },
  {
    name: 'in a chroot, by a path that leads there from its own root',
    missing: missing ?? missingMount(),
    live: async ({ realDir }) => {
      const program = `${LISTENS}SOCK_STREAM)
import os
os.chroot(sys.argv[1]); os.chdir("/"); s.bind("/box.sock"); s.listen(); ${STAYS}`;
      await python(program, realDir);
    },
  },
  {
    name: 'by a second name of a socket whose first one was taken by a dead one',
    missing,
    live: async ({ boxSock, realDir }) => {
      await hold(boxSock);
      fs.renameSync(path.join(realDir, 'box.sock'), path.join(realDir, 'kept.sock'));
      leaveDeadSocket(path.join(realDir, 'box.sock'));
    },
  },
];

describe('a box that lives', () => {
  for (const way of WAYS) {
    promise(way.missing, `${way.name}: it is not lost`, async () => {
      const world = makeWorld();
      const box = world.box('b', 'theirs');
      box.ensureSync();
      await way.live(box, world);
      const { bindingDir, realDir } = box;
      const before = fs.existsSync(realDir) ? fs.readdirSync(realDir).sort() : null;
      const other = world.box('b', 'elsewhere');
      expect(await rejection(other.ensure())).toMatchObject({ code: IN_USE, judgement: 'alive' });
      expect(BoxSockets.sweepStaleSync({ base: world.base })).toEqual({ removed: [], kept: 1, skipped: [] });
      expect(other.removeSync()).toEqual({ status: 'foreign' });
      const [listed] = BoxSockets.listSync({ base: world.base });
      expect(listed?.state === 'live' || listed?.sockets.some(({ held }) => held === true)).toBe(true);
      expect(fs.readlinkSync(bindingDir)).toBe(realDir);
      expect(fs.existsSync(realDir) ? fs.readdirSync(realDir).sort() : null).toEqual(before);
    });
  }
});

describe('what only seems to live', () => {
  const WHAT = [
    ['a socket without a path', (_: string) => 'socket.socketpair()'],
    ['an abstract socket that bears the path', (file: string) => `s.bind("\\0${file}"); s.listen()`],
    [
      'a connection that was accepted, when its listener is gone',
      (file: string) => {
        return `s.bind("${file}"); s.listen(); c = socket.socket(socket.AF_UNIX); c.connect("${file}"); a = s.accept(); s.close()`;
      },
    ],
  ] as const;
  for (const [name, act] of WHAT) {
    promise(missing, `${name} holds nothing: the id is free`, async () => {
      const world = makeWorld();
      const box = world.box('b', 'theirs');
      box.ensureSync();
      const program = `${LISTENS}SOCK_STREAM)\n${act(box.boxSock)}\n${STAYS}`;
      await python(program, box.boxSock);
      expect(BoxSockets.listSync({ base: world.base })).toMatchObject([{ state: 'idle' }]);
      expect(world.box('b', 'elsewhere').ensureSync().status).toBe('replaced');
    });
  }
});
