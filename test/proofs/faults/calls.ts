// The system calls of one operation, read from a trace of strace, in terms that do not change from run to run.

import { ownUid } from '../../helpers.js';
import { isSoak } from './length.js';

/** Which of all calls of a process. */
export interface CallNumber {
  /** Its name as the kernel knows it: `newfstatat`. */
  readonly kernel: string;
  /** Which of that name: since the process started, and since the operation began. From 1 on. */
  readonly count: number;
  readonly countWithin: number;
}

export interface Call extends CallNumber {
  /** As a program calls it, and an error names it: `lstat`. Several where the trace cannot tell them apart. */
  readonly names: readonly string[];
  /** What it is about: `<parent>/b1`, or `socket`. */
  readonly about: string;
  /** Which of those of the same name and subject, from 1 on. */
  readonly nth: number;
  readonly text: string;
}

/** The calls by which test/fixtures/operate.js marks where the operation begins and ends. */
export const MARK = /"\/boxsockets-(begin|end)"/;
/** And the one by which it marks that nothing has been done yet. */
export const FIRST_MARK = '"/boxsockets-rehearse"';
export const MARKING_CALLS = 'access,faccessat,faccessat2';

// Calls of the runtime beneath every program, and those that cannot fail: no operation is about them.
const NOT_OURS: Readonly<Record<string, string>> = {
  brk: 'memory of malloc and V8',
  madvise: 'memory of malloc and V8',
  mmap: 'memory of malloc and V8',
  mprotect: 'memory of malloc and V8',
  munmap: 'memory of malloc and V8',
  futex: 'threads of V8',
  sched_yield: 'threads of V8',
  epoll_ctl: 'the event loop, which ends the process where it fails',
  epoll_pwait: 'the event loop',
  epoll_wait: 'the event loop',
  getrandom: 'mkdtemp(3) of the C library, for one name in twenty-two; it goes on without',
  getpid: 'always successful (getpid(2))',
  getuid: 'always successful (getuid(2))',
  geteuid: 'always successful (getuid(2))',
  getresuid: 'fails for a wrong address alone (getresuid(2))',
  rt_sigprocmask: 'fails for wrong arguments alone (rt_sigprocmask(2))',
  clock_gettime: 'fails for wrong arguments alone (clock_gettime(2))',
};

// What the C library and the event loop read and write at their leisure: the number of processors, for one. And what
// there is of other processes, of which no run sees as many as the one before: native/test/faults_test.cc fails these.
const NOT_OUR_FILES =
  /^(anon_inode:|\/sys\/|\/proc\/(cpuinfo|meminfo|stat|sys\/vm\/|(self|<pid>)\/(ns\/net|net\/unix)))/;

// Kernel names that vary by architecture and libc, as the functions that programs know.
const FUNCTIONS: Readonly<Record<string, readonly string[]>> = {
  accept4: ['accept'],
  chmod: ['chmod', 'fchmodat'],
  clock_nanosleep: ['nanosleep'],
  fchmodat: ['chmod', 'fchmodat'],
  getdents64: ['readdir'],
  mkdir: ['mkdir', 'mkdtemp'],
  clone3: ['clone'],
  mkdirat: ['mkdir', 'mkdtemp'],
  open: ['open', 'openat'],
  recvfrom: ['recv'],
  renameat2: ['renameat'],
  rmdir: ['rmdir', 'rm'],
  sendto: ['send'],
  unlink: ['unlink', 'unlinkat', 'rmdir'],
  unlinkat: ['unlink', 'unlinkat', 'rmdir'],
};

/** Paths of one run, and pids, in terms of every run. */
export function anonymous(base: string, text: string): string {
  return text
    .replaceAll(`${base}/bl-${ownUid}`, '<parent>')
    .replaceAll(base, '<base>')
    .replace(/<base>\/\.bl-\w{6}/g, '<base>/.bl-<random>')
    .replace(/\/\.~[0-9A-Za-z]+(?=$|["'/, ])/g, '/<stand-in>')
    .replace(/process \d+/g, 'process <pid>')
    .replace(/\/proc\/\d+\//g, '/proc/<pid>/')
    .replace(/"owner":\d+/g, '"owner":"<pid>"');
}

/** All in the long form; in the short one, of those that are made alike for one name after another, two and the last. */
export function sampleOf(calls: readonly Call[]): readonly Call[] {
  const kind = ({ names, about }: Call) => `${names} ${about}`;
  const last = new Map(calls.map((call) => [kind(call), call]));
  return isSoak ? calls : calls.filter((call) => call.nth <= 2 || last.get(kind(call)) === call);
}

/** Those between the marks, in the order in which they were made, and the second mark. */
export function parseCalls(log: string, base: string): { calls: Call[]; end: CallNumber } {
  const counts = new Counter();
  const within = new Counter();
  const alike = new Counter();
  const calls: Call[] = [];
  const end = { kernel: '', count: 0, countWithin: 2 };
  const opened = new Map<string, string>();
  let inside = false;
  for (const traced of log.split('\n')) {
    const [, fd = '', file = ''] = /^open.* = (\d+)<(.*)>$/.exec(traced) ?? [];
    opened.set(fd, file);
    // What is reached by a descriptor is what that was opened on.
    const line = traced.replace(/"\/proc\/self\/fd\/(\d+)"/, (name, of) => `"${opened.get(of) ?? name}"`);
    const kernel = /^(\w+)\(/.exec(line)?.[1];
    if (kernel === undefined) continue;
    const count = counts.next(kernel);
    const mark = MARK.exec(line)?.[1];
    inside = mark === undefined ? inside : mark === 'begin';
    if (mark === 'end') Object.assign(end, { kernel, count });
    if (mark !== undefined || !inside) continue;
    const countWithin = within.next(kernel);
    const { names, about } = describeCall(kernel, line, base);
    if (kernel in NOT_OURS || NOT_OUR_FILES.test(about)) continue;
    const nth = alike.next(`${names.join()} ${about}`);
    calls.push({ kernel, names, about, nth, count, countWithin, text: anonymous(base, line) });
  }
  return { calls, end };
}

class Counter {
  readonly #counts = new Map<string, number>();

  next(key: string): number {
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    return count;
  }
}

/** What a line of a trace calls, and what that is about. */
export function describeCall(kernel: string, line: string, base: string): { names: readonly string[]; about: string } {
  const directory = /^\w+\((?:".*?", )?(?:AT_FDCWD|\d+)<(.*?)>[,)]/.exec(line)?.[1] ?? '';
  const call = line.replace(/ = .*$/, '');
  // Of symlinkat and renameat, the last name is what is made; of readlink, what it holds.
  const quoted = [...call.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, name = '']) => name);
  const isRead = kernel.startsWith('readlink');
  const isNameless = !isRead && /^(read|send|recv|write|get)/.test(kernel);
  const name = isNameless ? '' : (quoted.at(isRead ? 0 : -1) ?? '');
  const file = name === '' ? directory : name.startsWith('/') ? name : `${directory}/${name}`;
  const about = file === '' || /^(socket|UNIX)/.test(file) ? 'socket' : anonymous(base, file);
  return { names: functionsOf(kernel, line, name), about };
}

function functionsOf(kernel: string, line: string, name: string): readonly string[] {
  const byDescriptor = !line.includes('(AT_FDCWD');
  if (kernel === 'newfstatat' || kernel === 'statx') {
    if (name === '') return ['fstat'];
    if (byDescriptor) return ['fstatat'];
    return line.includes('AT_SYMLINK_NOFOLLOW') ? ['lstat'] : ['stat'];
  }
  if (kernel === 'openat') return byDescriptor ? ['openat'] : ['open', 'openat'];
  return FUNCTIONS[kernel] ?? [kernel];
}
