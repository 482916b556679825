// Why a target is missed: what the calls are for, and which promise each of them keeps. The numbers are those of the
// results.

import { isMet } from './outcome.mjs';
import { describe, format, limitOf } from './results.mjs';

/** @typedef {import('./results.mjs').Result} Result */
/** @typedef {(row: string) => string} Count of calls, by the name of the row */

const TAKEN =
  'Node asks of a descriptor that it is given what it is (four calls) and makes it one that does not block (two). A ' +
  'path of its own needs none of that, and there is no other way to hand it a socket that was made and verified natively';

/** @type {readonly { claim: string, what: RegExp, why: (calls: Count) => string }[]} */
const REASONS = [
  {
    claim: 'calls',
    what: /^removeSync$/,
    why: (
      calls,
    ) => `All ${calls('removeSync')} keep a promise. Who asks is asked on every call, because setuid() makes another user of a \
process (${calls('removeSync: who asks')}). In a base that strangers may change, or below a parent that is theirs, nothing is unlinked \
(${calls('removeSync: base and parent are trusted')}). A binding that leads elsewhere is another box's: it is not even moved \
(${calls('removeSync: the binding leads there')}). Cooperating processes change a parent one after another, under a lock that is a regular \
file of ours, and still the one of that name once it is held (opened, looked at, locked, compared: ${calls('removeSync: the lock')}, and \
closed: ${calls('removeSync: a descriptor is closed')}). Who takes no lock, as BoxLite, may put another link there between the look and the \
unlink: so the link is moved aside and looked at again before it goes (${calls('removeSync: a name is made or taken away')} and \
${calls('removeSync: what bears the name is looked at')}). Eleven would be one of these promises less.`,
  },
  {
    claim: 'connect',
    what: /one after another/,
    why: (
      calls,
    ) => `${calls('connect')} calls (${calls('connect, verifyPeer')} with \`verifyPeer\`, which asks the socket and who this is) against \
${calls('net.connect')}. ${TAKEN} (${calls('connect: Node takes the descriptor')}). Of the rest, ${calls('connect: who asks')} asks who this is, \
${calls('connect: base and parent are trusted')} see that the way is nobody else's, ${calls('connect: the binding leads there')} that the binding is not \
reaped or moved (it is healed once), and the name is opened without following a link, dialed by that descriptor and let go \
(${calls('connect: what bears the name is looked at')}, ${calls('connect: the socket')}, ${calls('connect: a descriptor is closed')}). 50 at a time, the looks at \
the way are shared, and the target is met.`,
  },
  {
    claim: 'listen',
    what: /./,
    why: (
      calls,
    ) => `${calls('listen, close')} calls against ${calls('net.Server.listen, close')}. ${TAKEN}, and it listens once more \
(${calls('listen, close: Node takes the descriptor')}). The socket is made, given its mode before anybody can see it, bound, listened on, and known by \
its number, so that a descriptor that was closed meanwhile is not closed again (${calls('listen, close: the socket')}). Who asks \
(${calls('listen, close: who asks')}), base and parent (${calls('listen, close: base and parent are trusted')}) and the binding \
(${calls('listen, close: the binding leads there')}) are as ever. What bears the name is opened, so that its inode is nobody else's while this server \
lives, looked at there and through the binding, which shows that it landed in the real directory, and looked at again before it is \
unlinked (${calls('listen, close: what bears the name is looked at')}): a server never unlinks the socket of its successor. \
${calls('listen, close: a name is made or taken away')} unlinks, ${calls('listen, close: a descriptor is closed')} close. By profile, 37 % of the time is in the native call that binds, 5 % in the one that unlinks, 5 % in Node's close, 9 % \
in the garbage of a server that is closed at once, and the rest in JavaScript, Node's and ours.`,
  },
  {
    claim: 'launch',
    what: /./,
    why: (calls) => {
      const host = (/** @type {string} */ purpose) => calls(`launch: by the host, ${purpose}`);
      return `${calls('launch')} calls against ${calls('spawn, listen, accept by hand')}. ${host('no other process holds a socket of the box')} of them find out \
that nobody runs the box: a socket whose file is gone is known to its network namespace alone, and each process of this machine may \
be in one of its own (a call a process; on a thread). ${calls('launch: by sh')} are the shell's that holds the program back: what a \
killed host leaves must be named in \`shim.pid\` before it runs, so the program is started twice, once as a shell that waits for \
a word; measured by phases, each of the two costs a millisecond. \`shim.pid\` and the shim's start take \
${host('shim.pid names the shim')}, the seven directories ${host('the directories are there')} and what opens and closes them, the binding \
${host('the binding is right')} (before a policy is made of it, and when the guest is ready), \`ready.sock\` \
${host('ready.sock is bound, verified and unlinked')}. The rest starts a process, as by hand (${host('Node starts a process')}), and wakes threads. \
Where no file system is mounted whose server may hang, all but the first is done on the event loop's thread. By profile of 150 launches on a quiet machine, 38 % of the time is spent waiting (for the shell and its successor, and for threads), 20 % in the spawn, which returns when the shell is executed, and no other function takes more than 2.5 %.`;
    },
  },
  {
    claim: 'prepare',
    what: /./,
    why: () => `A box may write its own directories, so what is made below its home is made natively, relative to a descriptor: \
the home is opened, the directory made, and the descriptor closed again, for each of the seven, where mkdirSync makes one call each.`,
  },
  {
    claim: 'open',
    what: /BoxRuntime\.open \/ directory and rows/,
    why: () => `Opening sweeps the parent, on a thread beside the reading of rows and directory: two calls a link, which ask \
the kernel where it leads without waiting, and let go of the answer. By the processor's time, that thread takes 1.4 times what the directory and the rows alone take, and the \
main thread, which reads them in portions and finds the boxes that go by themselves, 1.4 times as well: where each has a processor \
of its own the target is met, and where they share one, as on a busy machine, it is the sum. A home that is opened without its \
sweep would keep links that lead nowhere.`,
  },
];

/**
 * @param {readonly { name: string, result: Result }[]} results
 * @returns {string} Markdown
 */
export function misses(results) {
  const rows = results.find(({ name }) => name === 'calls')?.result.rows ?? [];
  const calls = (/** @type {string} */ name) => format(rows.find((row) => row.name === name)?.median ?? 0);
  const told = new Set();
  const paragraphs = results.flatMap(({ name, result: { title, targets, machine } }) =>
    targets.flatMap((target) => {
      if (isMet(target)) return [];
      const reason = REASONS.find(({ claim, what }) => claim === name && what.test(target.what));
      const head = `**${title}, ${target.what}**: ${describe(target, target.unit)}, and ${limitOf(target)} was wanted.`;
      const text = reason?.why(calls) ?? byLoad(target, machine.load);
      const isTold = told.has(text);
      told.add(text);
      return [isTold ? head : `${head} ${text}`];
    }),
  );
  return ['## What misses its target, and why', '', ...paragraphs.flatMap((text) => [text, '']), GROWN, DEARER].join(
    '\n',
  );
}

/**
 * What the calls do not explain is told as what it is: a number of a busy machine, or one that nobody has explained.
 *
 * @param {import('./outcome.mjs').Target} target
 * @param {string} load
 */
function byLoad({ p25, p75, atMost, atLeast }, load) {
  const isMetByQuarter = (atMost !== undefined && p25 <= atMost) || (atLeast !== undefined && p75 >= atLeast);
  const share = isMetByQuarter ? 'A quarter of its rounds is within it' : 'No quarter of its rounds is within it';
  return `${share}, at a load of ${load} on two processors. Its calls do not explain it: measure it again on a quiet machine.`;
}

const GROWN = `**Size.** Before the judgement of section 9 of the design was native, the binary for x64 had 53.8 KiB. What is compiled \
is now, by its parts: the judgement of sockets and of homes that hang 14 KB, base, parent, lock, links and the steady path 15 KB, \
listing, sweeping and removing 9 KB, listening, dialing, holding and probing 14 KB, files and trees below a home 8 KB, processes \
1 KB, and what passes arguments in and results out 32 KB. Names and relocations of what is imported are 12 KB. No flag makes it \
smaller: unwind tables and unused sections are gone, code is optimised across files (\`-flto\`), frame \
pointers, merged constants, limits of inlining, loops that are not unrolled and the size of pages change nothing, zig does not fold identical functions, and without \
\`-fno-plt\` it is 1 KB larger.
`;

const DEARER = `**Before the judgement, and after.** Where all is well, by strace and by counting instructions in user space, against the \
commit before it (both on this machine, the same each time):

| | calls before | calls after | instructions before | instructions after |
|---|---|---|---|---|
| \`ensureSync\`, steady | 5 | 5 | 539 | 385 |
| \`ensureSync\` of a missing binding | 10 | 10 | | |
| \`removeSync\` | 9 | 12 | | |
| \`removeSync\` and \`ensureSync\` of what is missing | 19 | 22 | 6,246 | 8,586 |
| \`sweepStaleSync\`, for each of 2,000 links that lead on | 1 | 2 | 184 | 263 |
| \`listSync\`, for each of 1,000 boxes with a held socket | 12 | 14 | 22,000 | 28,400 |

A sweep asked each link by \`fstatat\`, which waits for a server that hangs. Now \`openat2\` asks what the kernel knows by heart \
(\`RESOLVE_CACHED\`), which never waits; what it answers with is a descriptor, and has to be closed: the second call. A list opens \
each socket without following a link (\`O_PATH | O_NOFOLLOW\`) and dials that descriptor, so that no link is dialed that was put \
there meanwhile, and no path is too long: to open and to close it are the two calls more. It also looks on a thread that can be \
given up: for each 512 entries one is started and ended. Of its instructions, 4,200 of the 6,400 more are spent by Node on the \
results, where a socket has a judgement and a reason and had a yes or no; 1,400 in the C library, 500 in the addon. A removal moves \
the link aside and looks at it again before it unlinks it (2), and looks what the lock is before it takes it (1).
`;
