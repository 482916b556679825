// What volumes of a Mac do otherwise, and what our code does there.

import { expect } from 'vitest';
import type { Rule } from './rules.js';

export function volumeRules(rule: Rule): void {
  rule(
    'IgnoredOwners',
    'a base on a volume that ignores owners is not trusted, and nothing is made in it',
    ({ B, fs, path, directory }) => {
      const base = path.join(directory, 'base');
      fs.mkdirSync(base, { mode: 0o700 });
      try {
        return [new B.BoxSockets('b', directory, { base }).ensureSync().status, fs.readdirSync(base)];
      } catch (error) {
        return [(error as NodeJS.ErrnoException).code, fs.readdirSync(base)];
      }
    },
    ({ result }) => expect(result).toEqual(['ERR_BOX_SOCKETS_BASE_UNTRUSTED', []]),
    { uid: 65534, env: { DARWIN_IGNORE_OWNERS: '1' } },
  );

  rule(
    'LinkMode',
    'a link that may be followed and not read serves its box, and is neither taken for stale nor replaced unread',
    ({ B, fs, path, directory }) => {
      const [one, two] = ['one', 'two'].map((name) => {
        fs.mkdirSync(path.join(directory, name));
        return new B.BoxSockets('b', path.join(directory, name), { base: directory });
      });
      const outcomes = [one, two, one].map((box) => {
        try {
          return box?.ensureSync().status;
        } catch (error) {
          return (error as NodeJS.ErrnoException).code;
        }
      });
      const { removed } = B.BoxSockets.sweepStaleSync({ base: directory });
      return { outcomes, removed, listed: B.BoxSockets.listSync({ base: directory }).map(({ state }) => state) };
    },
    ({ result }) => {
      expect(result).toEqual({ outcomes: ['created', 'EACCES', 'unchanged'], removed: [], listed: ['unreadable'] });
    },
    { uid: 1000, env: { DARWIN_CLOSED_LINKS: '1' } },
  );

  rule(
    'Immutable',
    'what a box has made immutable is named, replaced by nothing, and keeps its home',
    async ({ B, BoxLayout, fs, net, path, spawn, directory }) => {
      const layout = new BoxLayout(path.join(directory, 'home/b'), { base: directory });
      layout.prepareSync();
      const realDir = path.join(directory, 'home/b/sockets');
      const entry = path.join(realDir, 'box.sock');
      const program = 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])';
      await new Promise((resolve) => spawn('python3', ['-c', program, entry]).once('close', resolve));
      process.env.DARWIN_IMMUTABLE = entry;
      const fails = (act: () => Promise<unknown>) =>
        act().then(
          () => 'done',
          (error) => [error.code, error.path],
        );
      const listened = await fails(() =>
        new B.BoxSockets('b', realDir, { base: directory }).listen(net.createServer(), 'box.sock'),
      );
      const removed = await fails(() => layout.cleanup());
      return { listened, removed, left: [fs.existsSync(entry), fs.readdirSync(realDir)], where: entry };
    },
    ({ result }) => {
      const { where } = result;
      expect(result).toMatchObject({
        removed: ['EPERM', where],
        listened: ['EPERM', expect.stringMatching(/box\.sock$/)],
        left: [true, ['box.sock']],
      });
    },
  );

  rule(
    'DirectoryTimes',
    'a binding that was moved is found out, whatever the times of the parent say',
    async ({ B, fs, path, directory }) => {
      const [right, wrong] = ['right', 'wrong'].map((name) => path.join(directory, name));
      for (const each of [right, wrong]) fs.mkdirSync(each ?? '');
      const box = new B.BoxSockets('b', right ?? '', { base: directory });
      const seen = [];
      // Longer than Linux waits before it takes a stamp for proof.
      for (let i = 0; i < 4; i++) {
        seen.push(box.ensureSync().status);
        await new Promise((resolve) => setTimeout(resolve, 150));
      }
      fs.unlinkSync(box.bindingDir);
      fs.symlinkSync(wrong ?? '', box.bindingDir);
      return [...seen, box.ensureSync().status];
    },
    ({ result }) => expect(result).toEqual(['created', 'unchanged', 'unchanged', 'unchanged', 'replaced']),
    { env: { DARWIN_STILL_TIMES: '1' } },
  );
}
