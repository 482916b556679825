// BoxLite's own process and ours, over one parent at one time. It always uses /tmp/bl-<uid>, so both run in a mount
// namespace with a /tmp of their own. Its VM does not boot there, for its image holds nothing; until it gives up, its
// sockets listen, and its link leads to them.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

import { installPinned } from '../../scripts/tools/pinned.mjs';
import { root, scratch, titled, whyNoTools } from './installed.js';

function whyNot(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'not Linux on x64';
  if (process.getuid?.() !== 0) return 'not run as root';
  const { status } = spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/tmp']);
  return status === 0 ? whyNoTools('boxlite') : 'no mount namespaces';
}

interface Report {
  during: { name: string; answer: unknown; times: number }[];
  after: Record<string, unknown>;
  boxlite: { created: string; start: string; removed: string };
}

const reason = whyNot();

test.skipIf(reason !== undefined)(
  titled("BoxLite's start and our operations leave each other's links, sockets and parent alone", reason),
  () => {
    const output = path.join(scratch(), 'report.json');
    fs.writeFileSync(output, '');
    // The file is reached by its descriptor: the path leads nowhere in there.
    const stdout = fs.openSync(output, 'w');
    const script = path.join(root, 'test/fixtures/boxlite-beside-us.cjs');
    const modules = installPinned('boxlite');
    const hide = 'mount -t tmpfs -o mode=1777 none /tmp';
    // Where this checkout lies under /tmp itself, it is taken along.
    const take = `mount --bind '${root}' /mnt && ${hide} && mkdir -p '${root}' && mount --move /mnt '${root}'`;
    const inside = `${root.startsWith('/tmp/') ? take : hide} && exec "$@"`;
    const { status, stderr } = spawnSync(
      'unshare',
      ['--mount', 'sh', '-c', inside, 'sh', process.execPath, script, path.join(root, 'dist/index.js'), modules],
      {
        stdio: ['ignore', stdout, 'pipe'],
        encoding: 'utf8',
        timeout: 280_000,
        env: { PATH: process.env.PATH, HOME: '/tmp/user', XDG_CACHE_HOME: '/tmp/user/cache' },
      },
    );
    fs.closeSync(stdout);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const { during, after, boxlite } = JSON.parse(fs.readFileSync(output, 'utf8')) as Report;

    // A connection of ours to its ready.sock would have told it that its guest is ready.
    expect(boxlite.start).toContain('The VM failed to start');
    const answers = Object.fromEntries(during.map(({ name, answer }) => [name, answer]));
    expect(answers).toEqual({
      'list, of its box': 'live',
      'list, its sockets that are held': ['gvproxy-ctl.sock', 'net.sock', 'ready.sock'],
      'ensure, of its box from another home': 'ERR_BOX_SOCKETS_BINDING_IN_USE',
      'ensure, of its box': 'unchanged',
      'remove, of its box from another home': 'foreign',
      'probe, of its box': true,
      'listen, on its ready.sock': 'EADDRINUSE',
      'sweepStale, its link': 'kept',
      'ensure, remove and ensure, of a box of ours': 'created',
      'connect, to a server of ours': 'fine',
    });
    for (const { times } of during) expect(times).toBeGreaterThan(5);
    expect(after).toEqual({
      'its link': 'as it was',
      'our links': 'as they were',
      'connections to our listener': 0,
      'in its real directory': ['gvproxy-ctl.sock', 'net.sock', 'ready.sock'],
      'mode of the parent': '700',
      'our link after its remove()': 'as it was',
      'its link after its remove()': expect.stringMatching(/^(removed|swept)$/),
    });
  },
);
