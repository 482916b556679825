// What lies below a home is reached through lib/beneath.ts alone, which follows no link. Whoever else calls node:fs by a path,
// wherever a home is known, says here what that path is.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, it } from 'vitest';

const lib = path.join(__dirname, '..', '..', 'lib');

/** The calls of each file, and what their paths are. */
const CALLS: Record<string, string> = {
  'box/box-layout.ts: makeDirectory removeEmptyDirectory':
    'the home itself and those above it, which are the host own; and rmdir of what the same call has made, which follows no link',
  'box/diagnosis.ts: lstatSync': 'the binding, in the parent',
  'box/removable.ts: lookAt realPath': 'the home itself',
  'box/shim-pid.ts: readFileSync readlinkSync': '/proc',
  'cli/cleaner.ts: existsSync': 'what cleans a machine',
  'cli/commands/box-commands.ts: readFileSync': '/proc/self/uid_map',
  'cli/commands/path-commands.ts: closeSync fstatSync openSync readSync': 'what the caller names',
  // Looks, which open nothing and wait for nothing: of sockets/, which no box can exchange, and of the names in it.
  'cli/doctor/box-findings.ts: closedDirectory findmnt lookAt lookThrough': 'a look, and how sockets/ is mounted',
  'cli/doctor/facts.ts: accessSync lstatSync readdirSync readlinkSync realpathSync statSync':
    'looks, for the files that name them here; and of how the base is mounted, /proc and the base',
  'cli/doctor/home-boxes.ts: closedDirectory listed lookThrough': 'the directory of the homes, and those above it',
  'cli/doctor/machine.ts: existsSync inspectMount lookAt lookThrough realPath rmSync symlink':
    'the base and the parent',
  'cli/doctor/remedy.ts: existsSync': '$PATH',
  'cli/doctor/self-check.ts: lookAt mkdirSync mkdtempSync realpathSync rmSync unlinkSync': 'a home of its own',
  'qcow2.ts: mkdtempSync rmSync truncateSync writeFileSync': 'a copy, in the temporary directory of the host',
  'runtime/box-runtime.ts: makeDirectory': 'the directory of the homes',
  'runtime/home.ts: realpath': 'the directory of the homes, as a row spells it',
  'runtime/launch.ts: existsSync': 'the working directory that a caller names',
  'runtime/process-table.ts: readFile readFileSync readdir readdirSync': '/proc, /sys/fs/cgroup',
  'runtime/provision.ts: mkdir': 'a home itself, which must not be there',
  'runtime/recovery.ts: opendir': 'the directory of the homes',
  'runtime/sqlite-box-store.ts: mkdirSync': 'the directory of the database, which is in no home of a box',
  'sandbox/canonicalize.ts: realPath': 'what the caller names',
};

const ROOMS = ['box', 'runtime', 'sandbox', 'cli'];
const OUTSIDE = ['qcow2.ts', 'box-sockets.ts'];

const files = [
  ...OUTSIDE,
  ...ROOMS.flatMap((room) =>
    fs.readdirSync(path.join(lib, room), { recursive: true, encoding: 'utf8' }).map((name) => `${room}/${name}`),
  ),
].filter((name) => name.endsWith('.ts'));

/** Types and values, and what only words a failure or a look. */
const NO_CALLS = ['constants', 'promises', 'describe', 'octal', 'errorCode', 'errorMessage'];

/** Every call of node:fs, and every function that a module of such calls gives away. */
function callsIn(text: string): string[] {
  const calls = [...text.matchAll(/\bfs\.(?:promises\.)?([a-z]\w*)/g)].map(([, call = '']) => call);
  const imports = [...text.matchAll(/import \{([^}]*)\} from '[./]*(?:files|facts)\.js'/g)];
  const imported = imports.flatMap(([, names = '']) => names.split(',').map((name) => name.trim()));
  return [...new Set([...calls, ...imported])].filter((call) => call !== '' && !NO_CALLS.includes(call)).sort();
}

it('nothing that knows a home reaches below it by a path', () => {
  const found = files.flatMap((file) => {
    const calls = callsIn(fs.readFileSync(path.join(lib, file), 'utf8'));
    return calls.length === 0 ? [] : [`${file}: ${calls.join(' ')}`];
  });
  expect(found.sort()).toEqual(Object.keys(CALLS).sort());
});

it('and none of it calls node:fs by another name', () => {
  for (const file of files) {
    const text = fs.readFileSync(path.join(lib, file), 'utf8');
    const imports = text.match(/.*'(?:node:)?fs(?:\/promises)?'.*/g) ?? [];
    expect([file, imports.filter((line) => line !== "import * as fs from 'node:fs';")]).toEqual([file, []]);
  }
});
