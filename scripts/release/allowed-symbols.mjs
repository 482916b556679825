// What the binaries may ask of the system. A new name here is a decision: it must exist in glibc 2.17, in musl, and
// in macOS 11, and in the C libraries of Bun and Deno, which bring none of their own.

import { createRequire } from 'node:module';

import { NODE_API_VERSION } from './targets.mjs';

const { symbols } = createRequire(import.meta.url)('node-api-headers');

/** Every function of Node-API up to the version that we build for. @type {ReadonlySet<string>} */
export const NODE_API = new Set([
  ...symbols[`v${NODE_API_VERSION}`].js_native_api_symbols,
  ...symbols[`v${NODE_API_VERSION}`].node_api_symbols,
]);
// libuv does not exist in Bun, and Node-API's one function that needs it is of no use there.
/** @type {Set<string>} */ (NODE_API).delete('napi_get_uv_event_loop');

const POSIX = [
  ...['accept', 'bind', 'connect', 'getpeername', 'getsockopt', 'listen', 'recv', 'send', 'setsockopt', 'socket'],
  ...['chmod', 'fchmod', 'fchmodat', 'fcntl', 'flock', 'ftruncate', 'futimens', 'utimensat'],
  ...['close', 'dup', 'open', 'openat', 'pread', 'read', 'write'],
  ...['closedir', 'fdopendir', 'readdir'],
  ...['mkdir', 'mkdirat', 'readlink', 'readlinkat', 'renameat', 'symlinkat', 'unlink', 'unlinkat'],
  ...['clock_gettime', 'nanosleep'],
  ...['getegid', 'geteuid', 'getgid', 'getpid', 'getuid', 'kill'],
  ...['abort', 'calloc', 'free', 'malloc', 'realloc', 'strtol', 'strtoll', 'strtoul', 'strtoull'],
  // Threads of our own, for looks that may never be answered.
  ...['pthread_attr_destroy', 'pthread_attr_init', 'pthread_attr_setstacksize', 'pthread_sigmask', 'sigfillset'],
  ...['pthread_create', 'pthread_detach', 'pthread_join'],
  ...['pthread_cond_destroy', 'pthread_cond_init', 'pthread_cond_signal'],
  ...['pthread_condattr_destroy', 'pthread_condattr_init'],
  ...['pthread_mutex_destroy', 'pthread_mutex_lock', 'pthread_mutex_unlock'],
  ...['memchr', 'memcmp', 'memcpy', 'memmove', 'memset'],
  ...['strchr', 'strcmp', 'strcspn', 'strlen', 'strncmp', 'strnlen', 'strrchr', 'strspn', 'strtok_r'],
];

// stpcpy is what the compiler makes of copies that follow one another.
const LINUX = ['accept4', 'getresuid', 'pthread_cond_timedwait', 'pthread_condattr_setclock', 'statfs', 'stpcpy'];
const STAT = ['fstat', 'fstatat', 'lstat', 'stat'];

/** By `Target.libc`, and of macOS. @type {Readonly<Record<string, ReadonlySet<string>>>} */
export const SYSTEM = Object.freeze({
  glibc: new Set([
    ...POSIX,
    ...LINUX,
    '__errno_location',
    'syscall', // of process descriptors, which no C library that we build for wraps
    'gnu_get_libc_version', // musl has none; see native/compat/glibc.c
    // What stat() was before glibc 2.33; see native/compat/glibc.c.
    ...['__fxstat', '__fxstatat', '__lxstat', '__xstat'],
    ...['gnu_dev_major', 'gnu_dev_makedev', 'gnu_dev_minor'],
  ]),
  musl: new Set([...POSIX, ...LINUX, ...STAT, '__errno_location', 'syscall']),
  darwin: new Set([
    ...POSIX,
    ...STAT,
    '__bzero',
    '__error',
    'bzero',
    ...['getpeereid', 'proc_pidinfo'],
    'pthread_cond_timedwait_relative_np',
    'statfs',
    'sysctl',
    'arc4random_uniform',
    'renameatx_np',
    'stpcpy',
    'dyld_stub_binder',
  ]),
});

/** Weak ones that need not exist: the start files ask whether a profiler is there. @type {ReadonlySet<string>} */
export const OPTIONAL = new Set(['__gmon_start__', '_ITM_deregisterTMCloneTable', '_ITM_registerTMCloneTable']);
