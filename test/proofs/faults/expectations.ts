// What an operation must answer where one of its calls fails. The rule: the answer names the call and the errno, and
// nothing is half done. Every other answer is written down here, with its reason.

import type { Call } from './calls.js';
import type { Errno } from './errnos.js';
import type { Outcome, Report, Tree } from './strace.js';

export interface Exception {
  /** Where it holds: every operation, where left out. */
  readonly operations?: readonly string[];
  /** Its function, subject, and which of those alike; every one, where left out. */
  readonly call: string | RegExp;
  readonly about?: string | RegExp;
  readonly nth?: readonly number[];
  readonly errnos?: readonly Errno[];
  /**
   * - `'goes-on'`: the outcome and all that follows is as if nothing had failed
   * - `'done'`: the failure is told, but the operation had done its work by then
   * - `'stays'`: the failure is told, and what the call was to remove stays
   * - `'any'`: the calls are not ours
   * - `'fails'`: with any error, for the call is one of Node's own
   * - a code: the answer is that one instead
   * - a function: the result is what it makes of the undisturbed one
   */
  readonly answer:
    | 'goes-on'
    | 'done'
    | 'stays'
    | 'fails'
    | 'any'
    | `ERR_BOX_SOCKETS_${string}`
    | 'EADDRINUSE'
    | ((result: never, errno: Errno) => unknown);
  readonly why: string;
}

const REPEATED = ['open', 'openat', 'openat2', 'flock', 'connect', 'accept', 'send', 'recv', 'read'];
const STEADY = ['steady', 'proving', 'proven'];
const ENSURES = ['create', 'replace', 'locked', ...STEADY];
const CONNECTS = ['connect', 'connectVerified'];
const PLACES: Readonly<Record<string, string>> = { base: '<base>', parent: '<parent>', lock: '<parent>/.lock' };
const { base, parent, lock } = PLACES as { base: string; parent: string; lock: string };
// How a socket is asked whether it is held, and what it can answer then but that there are too few descriptors.
const ASKED = /^(openat|connect|fstat|statfs)$/;
const UNTOLD: readonly Errno[] = ['EACCES', 'EIO', 'ENOMEM', 'ELOOP'];
const ASKED_FROM_A_THREAD = 'where it is not sure that the file system answers, it asks from a thread';
const UID_FILE = '/proc/sys/kernel/overflowuid';

/** The first that fits holds. */
export const EXCEPTIONS: readonly Exception[] = [
  // Of every operation
  ...REPEATED.map((call): Exception => ({ call, errnos: ['EINTR'], answer: 'goes-on', why: 'a signal: repeated' })),
  {
    call: /./,
    about: '<base>/.bl-<random>',
    operations: ['measure'],
    answer: 'any',
    why: "made and removed by Node's own fs.mkdtemp and fs.rm, in other calls from version to version",
  },
  { call: 'close', answer: 'goes-on', why: 'nothing is lost by it: the descriptor is free on Linux all the same' },
  { call: 'open', about: UID_FILE, answer: 'goes-on', why: 'the overflow uid is then the default one, 65534' },
  { call: 'read', about: UID_FILE, answer: 'goes-on', why: 'the overflow uid is then the default one, 65534' },
  {
    call: /^(open|openat|read)$/,
    about: /^\/proc\/(self|<pid>)\/uid_map$/,
    answer: 'goes-on',
    why: 'the uid is then named as it is seen here',
  },
  {
    call: 'stat',
    about: base,
    nth: [1],
    operations: [...ENSURES, 'hold'],
    answer: 'goes-on',
    why: 'not steady, so it is all done again, with errors',
  },
  { call: 'lstat', about: parent, nth: [1], operations: [...ENSURES, 'hold'], answer: 'goes-on', why: 'not steady' },
  {
    call: 'openat2',
    about: /^(<base>\/[ab]|\/nonexistent)$/,
    nth: [1],
    operations: [...ENSURES, 'hold'],
    answer: 'goes-on',
    why: 'whether the kernel knows that way by heart; where it does not say so, a thread looks',
  },
  {
    call: 'readlinkat',
    about: '<parent>/b1',
    nth: [1],
    operations: [...ENSURES, 'hold'],
    answer: 'goes-on',
    why: 'whether it leads another way, which may have to be waited for; the link is judged after it',
  },
  { call: /^l?stat$/, operations: CONNECTS, answer: 'goes-on', why: 'not steady, so it is ensured, with errors' },
  { call: 'stat', operations: STEADY, answer: 'goes-on', why: 'not steady' },
  { call: /^(statfs|readlinkat)$/, operations: ['proving'], answer: 'goes-on', why: 'not proven' },
  { call: 'statfs', operations: ['create'], answer: 'goes-on', why: 'the next one asks first' },
  { call: 'stat', about: '<parent>/b1', operations: ['hold'], answer: 'goes-on', why: 'not steady' },
  // The first is what a missing real directory is refused by.
  { call: 'stat', about: '<base>/a', nth: [2, 3, 4], operations: ['hold'], answer: 'goes-on', why: 'not steady' },
  {
    call: /^(l?stat|open|openat)$/,
    about: /^(\/|\/tmp|<base>(\/a)?|<parent>(\/b1)?)$/,
    operations: ['handOver'],
    answer: 'goes-on',
    why: 'what is not right at once is left to a thread, which tells',
  },
  {
    call: 'readlinkat',
    about: '<parent>/b1',
    operations: ['listen', 'handOver'],
    answer: 'goes-on',
    why: 'it is then asked where the link leads',
  },
  {
    call: /^(l?stat|open|openat)$/,
    about: /^(<base>(\/a)?|<parent>(\/b1)?)$/,
    operations: ['listen'],
    answer: () => 'left to a thread',
    why: 'which tells',
  },
  {
    call: /^open/,
    about: '<base>/a/box.sock',
    errnos: ['ELOOP'],
    operations: ['dial'],
    answer: 'fails',
    why: 'a link there is not followed',
  },
  { call: 'stat', about: base, errnos: ['ELOOP'], answer: 'ERR_BOX_SOCKETS_BASE_UNTRUSTED', why: 'no such directory' },
  {
    call: 'stat',
    about: /^<base>\/[ab]$/,
    errnos: ['ELOOP'],
    operations: [...ENSURES, 'listen'],
    answer: 'ERR_BOX_SOCKETS_REAL_DIR',
    why: 'no such directory',
  },
  {
    call: 'open',
    about: parent,
    errnos: ['EACCES'],
    operations: [...ENSURES, 'listen', 'unlinkOwn', 'hold'],
    answer: 'goes-on',
    why: 'an unreadable parent of ours is repaired; where there is none, the operation starts over',
  },
  {
    call: 'open',
    about: parent,
    nth: [1],
    errnos: ['ELOOP'],
    operations: ['create'],
    answer: 'goes-on',
    why: 'there is no such link: somebody took it away, so it starts over',
  },
  {
    call: 'openat',
    about: lock,
    errnos: ['EACCES'],
    operations: ['replace', 'locked', 'remove', 'sweep', 'listen', 'unlinkOwn'],
    answer: 'goes-on',
    why: 'an unreadable lock of ours is repaired',
  },
  {
    call: 'openat',
    about: lock,
    errnos: ['ENOSPC'],
    operations: ['remove', 'sweep'],
    answer: 'goes-on',
    why: 'a full disk must not keep anybody from emptying it: they go on without the lock',
  },
  {
    call: 'lstat',
    about: parent,
    operations: [...ENSURES, 'listen', 'unlinkOwn', 'hold'],
    answer: 'goes-on',
    why: 'what cannot be seen may have been replaced while it waited for the lock: starts over',
  },
  {
    call: 'fstatat',
    about: /^<parent>\/b[13]$/,
    nth: [1],
    operations: ['create'],
    answer: 'goes-on',
    why: 'whether a link is there at all is asked next',
  },
  {
    call: 'fstatat',
    about: '<parent>/b1',
    nth: [1],
    errnos: ['ELOOP'],
    operations: ['replace'],
    answer: 'goes-on',
    why: 'a link that loops is replaced',
  },
  {
    call: 'stat',
    about: '<parent>/b1',
    operations: ['replace'],
    answer: 'done',
    why: 'the look that comes after the replacement, which nothing can undo without a moment of ENOENT',
  },
  {
    call: 'fstatat',
    about: '<parent>/b1',
    nth: [2],
    errnos: ['ELOOP'],
    operations: ['remove'],
    answer: () => ({ status: 'foreign' }),
    why: 'a link that loops is not ours',
  },
  {
    call: 'stat',
    about: '<parent>/b1',
    operations: ['locked'],
    answer: 'goes-on',
    why: 'not steady, whatever it answers',
  },
  {
    call: /^(fstat|open|read)$/,
    about: /^(<parent>\/\.lock|\/proc\/locks)$/,
    operations: ['locked'],
    nth: [2],
    answer: 'ERR_BOX_SOCKETS_LOCK_TIMEOUT',
    why: 'it is told that the lock is held, if not by whom',
  },
  {
    call: /^(open|read)$/,
    about: '/proc/locks',
    operations: ['locked'],
    answer: 'ERR_BOX_SOCKETS_LOCK_TIMEOUT',
    why: 'it is told that the lock is held, if not by whom',
  },
  {
    call: 'ioctl',
    about: 'socket',
    nth: [1],
    operations: ['handOver', ...CONNECTS],
    answer: 'goes-on',
    why: 'Node asks whether it is a terminal',
  },
  {
    call: 'fstat',
    about: 'socket',
    nth: [1],
    operations: ['listen', 'handOver', 'dial', ...CONNECTS],
    answer: 'goes-on',
    why: 'by it a descriptor that a thread leaves behind in the middle would be known again',
  },
  {
    call: /./,
    operations: ['handOver', 'connectVerified'],
    answer: 'fails',
    why: 'Node wonders what the descriptor may be, and throws',
  },
  { call: /./, operations: ['connect'], answer: 'fails', why: 'Node calls all of it a failed connect' },
  { call: 'openat2', about: /^<parent>\/\w+$/, operations: ['sweep'], answer: 'goes-on', why: ASKED_FROM_A_THREAD },
  {
    call: 'fstatat',
    about: '<base>/gone',
    nth: [1],
    operations: ['list', 'sweep'],
    answer: 'goes-on',
    why: 'not sure that it dangles, it looks again',
  },
  {
    call: 'fstatat',
    about: /^(<parent>\/\.old\.new|\/left\/by\/a\/crash)$/,
    operations: ['sweep'],
    answer: 'goes-on',
    why: 'what a crash has left goes wherever it leads',
  },
  ...['/proc/net/unix', '/proc'].map(
    (about): Exception => ({
      call: /^open(at)?$/,
      about,
      errnos: ['EACCES'],
      answer: 'goes-on',
      why: 'a system that hides its sockets, as one that has no such list',
    }),
  ),
  {
    call: ASKED,
    about: '<base>/a/held.sock',
    operations: ['list'],
    errnos: UNTOLD,
    answer: 'goes-on',
    why: 'the kernel lists it',
  },
  {
    call: ASKED,
    about: '<base>/a/dead.sock',
    operations: ['list'],
    errnos: UNTOLD,
    answer: (entries: { sockets: { name: string }[] }[], errno) =>
      entries.map((entry) => ({
        ...entry,
        sockets: entry.sockets.map((socket) =>
          socket.name === 'dead.sock' ? { ...socket, held: 'unknown', reason: `${errno} when it was asked` } : socket,
        ),
      })),
    why: 'of a socket that cannot be asked, nothing is known',
  },
  {
    call: ASKED,
    about: '<base>/a/box.sock',
    operations: ['probePath'],
    errnos: UNTOLD,
    answer: ({ nodeTruncates, ...report }: { nodeTruncates: boolean }, errno) => {
      return { ...report, held: 'unknown', reason: `${errno} when it was asked`, nodeTruncates };
    },
    why: 'of a socket that cannot be asked, nothing is known',
  },
  { call: 'statfs', errnos: ['EINTR'], answer: 'goes-on', why: 'a signal: repeated' },
  {
    call: ASKED,
    about: '<base>/a/box.sock',
    operations: ['replace'],
    errnos: UNTOLD,
    answer: 'ERR_BOX_SOCKETS_BINDING_IN_USE',
    why: "what cannot be known is somebody's",
  },
  { call: 'openat2', about: '<parent>/b1', operations: ['replace'], answer: 'goes-on', why: ASKED_FROM_A_THREAD },
  { call: 'fstat', about: '<parent>', nth: [2], operations: ['replace'], answer: 'goes-on', why: ASKED_FROM_A_THREAD },
  { call: 'fstat', about: '<base>/a', nth: [1], operations: ['replace'], answer: 'goes-on', why: ASKED_FROM_A_THREAD },
  {
    call: ASKED,
    about: '<base>/a/<stand-in>',
    nth: [1],
    operations: ['probe'],
    errnos: UNTOLD,
    answer: (report: object) => report,
    why: 'of what a killed probe left nothing is known then; the next probe takes it',
  },
  {
    call: 'openat',
    about: '<base>/a',
    nth: [1],
    errnos: ['EACCES'],
    operations: ['probe'],
    answer: (report: object) => report,
    why: 'sockets bind in a directory that may not be read; what a killed probe left there stays',
  },
  {
    call: 'stat',
    about: /^(<parent>\/b1|<base>\/a)$/,
    operations: ['probe'],
    answer: 'goes-on',
    why: 'whether the sockets land where they should is seen once they are bound',
  },
  { call: 'unlinkat', about: /<stand-in>$/, answer: 'stays', why: 'a probe that cannot remove its socket says so' },
];

export function exceptionFor(operation: string, call: Call, errno: Errno): Exception | undefined {
  return EXCEPTIONS.find(
    (one) =>
      call.names.some((name) => fits(one.call, name)) &&
      fits(one.about, call.about) &&
      (one.operations?.includes(operation) ?? true) &&
      (one.nth?.includes(call.nth) ?? true) &&
      (one.errnos?.includes(errno) ?? true),
  );
}

function fits(pattern: string | RegExp | undefined, text: string): boolean {
  return pattern === undefined || (typeof pattern === 'string' ? pattern === text : pattern.test(text));
}

/** Every failure that an outcome tells of: its error, and those of its parts. */
export function failuresIn(value: unknown): { code: string; syscall?: string }[] {
  if (typeof value !== 'object' || value === null) return [];
  const nested = Object.values(value).flatMap(failuresIn);
  return 'code' in value && typeof value.code === 'string'
    ? [value as { code: string; syscall?: string }, ...nested]
    : nested;
}

export function isError(outcome: Outcome): outcome is { error: { code: string; syscall?: string; message: string } } {
  return 'error' in outcome;
}

/** What a sweep and a list tell of an entry is the errno alone. */
const TELL_ERRNOS_ALONE = ['sweep', 'list'];

export function names(operation: string, outcome: Outcome, call: Call, errno: Errno): boolean {
  return failuresIn(outcome).some(({ code, syscall }) => {
    if (code !== errno) return false;
    return syscall === undefined ? TELL_ERRNOS_ALONE.includes(operation) : functionsOf(call).includes(syscall);
  });
}

// fdopendir(3) asks with these; its own name is what a program can look up.
function functionsOf({ names: functions, about }: Call): readonly string[] {
  return about !== 'socket' && (functions.includes('fcntl') || functions.includes('fstat'))
    ? [...functions, 'fdopendir']
    : functions;
}

/**
 * What lies there, and should not, after a failure: each entry is as it was before, or as the whole operation leaves it.
 * Where the operation failed as a whole, no link and no socket is new or changed, and none is lost but a dead socket.
 */
export function leftBehind({ before, after, first }: Report, done: Tree): string[] {
  const wrong: string[] = [];
  for (const file of new Set([...Object.keys(before), ...Object.keys(after), ...Object.keys(done)])) {
    const is = after[file];
    if (is === before[file]) continue;
    const isNode = is?.startsWith('->') || is?.startsWith('socket');
    if (is === done[file] && !(isError(first) && isNode)) continue;
    if (is === undefined && before[file]?.startsWith('socket')) continue;
    wrong.push(`${file}: ${before[file] ?? 'nothing'} became ${is ?? 'nothing'}`);
  }
  return wrong;
}
