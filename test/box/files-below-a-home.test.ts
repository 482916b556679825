// What lies below a home is reached through lib/beneath.ts alone, which follows no link. Whoever calls node:fs by a path in
// box/ or runtime/ says here what that path is.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, it } from 'vitest';

const lib = path.join(__dirname, '..', '..', 'lib');

const CALLS: Record<string, string> = {
  'box/box-layout.ts makeDirectory': 'the home itself, and those above it, which are the host own',
  'box/box-layout.ts removeEmptyDirectory':
    'rmdir of what the same call has made: it follows no link, and deletes no file',
  'box/diagnosis.ts lstatSync': 'the binding, in the parent',
  'box/removable.ts lookAt': 'the home itself, in a directory of the host own',
  'box/removable.ts readText': '/proc/self/mountinfo',
  'box/removable.ts realPath': 'the home itself',
  'box/shim-pid.ts readFileSync': '/proc/sys/kernel/random/boot_id',
  'box/shim-pid.ts readlinkSync': '/proc/self/ns/pid',
  'runtime/activity.ts open': 'sockets/, and from there on through descriptors, with O_NOFOLLOW',
  'runtime/activity.ts readdir': 'a descriptor',
  'runtime/box-runtime.ts mkdir': 'the directory of the homes',
  'runtime/home.ts lstat': 'a home itself',
  'runtime/home.ts realpath': 'the directory of the homes, as a row spells it',
  'runtime/launch.ts existsSync': 'the working directory that a caller names',
  'runtime/process-table.ts readFile': '/proc, /sys/fs/cgroup',
  'runtime/process-table.ts readdir': '/proc',
  'runtime/process-table.ts readlink': '/proc',
  'runtime/provision.ts mkdir': 'a home itself, which must not be there',
  'runtime/recovery.ts lstat': 'a home itself',
  'runtime/recovery.ts opendir': 'the directory of the homes',
  'runtime/sqlite-box-store.ts mkdirSync': 'the directory of the database, which is in no home of a box',
};

it('nothing in box/ and runtime/ reaches below a home by a path', () => {
  const found = new Set<string>();
  for (const room of ['box', 'runtime']) {
    for (const name of fs.readdirSync(path.join(lib, room))) {
      const text = fs.readFileSync(path.join(lib, room, name), 'utf8');
      for (const [, call] of text.matchAll(/\bfs\.(?:promises\.)?([a-z]\w*)\(/g)) found.add(`${room}/${name} ${call}`);
      const imported = /import \{([^}]*)\} from '\.\.\/files\.js'/.exec(text)?.[1] ?? '';
      for (const call of imported.split(',')) if (call.trim() !== '') found.add(`${room}/${name} ${call.trim()}`);
    }
  }
  expect([...found].sort()).toEqual(Object.keys(CALLS).sort());
});
