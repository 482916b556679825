// Names and texts of the system errors that libuv does not know, and a file system may well answer with.

type Errno = readonly [number: number, text: string];

// By their numbers on Linux.
const ERRNOS: Readonly<Record<string, Errno>> = {
  ENOEXEC: [8, 'exec format error'],
  ECHILD: [10, 'no child processes'],
  ENOTBLK: [15, 'block device required'],
  EDOM: [33, 'numerical argument out of domain'],
  EDEADLK: [35, 'resource deadlock avoided'],
  ENOLCK: [37, 'no locks available'],
  ENOMSG: [42, 'no message of desired type'],
  EIDRM: [43, 'identifier removed'],
  ECHRNG: [44, 'channel number out of range'],
  EL2NSYNC: [45, 'level 2 not synchronized'],
  EL3HLT: [46, 'level 3 halted'],
  EL3RST: [47, 'level 3 reset'],
  ELNRNG: [48, 'link number out of range'],
  ENOCSI: [50, 'no CSI structure available'],
  EL2HLT: [51, 'level 2 halted'],
  EBADE: [52, 'invalid exchange'],
  EBADR: [53, 'invalid request descriptor'],
  EXFULL: [54, 'exchange full'],
  ENOANO: [55, 'no anode'],
  EBADRQC: [56, 'invalid request code'],
  EBADSLT: [57, 'invalid slot'],
  EBFONT: [59, 'bad font file format'],
  ENOSTR: [60, 'device not a stream'],
  ETIME: [62, 'timer expired'],
  ENOSR: [63, 'out of streams resources'],
  ENOPKG: [65, 'package not installed'],
  EREMOTE: [66, 'object is remote'],
  ENOLINK: [67, 'link has been severed'],
  EADV: [68, 'advertise error'],
  ESRMNT: [69, 'srmount error'],
  ECOMM: [70, 'communication error on send'],
  EMULTIHOP: [72, 'multihop attempted'],
  EDOTDOT: [73, 'RFS specific error'],
  EBADMSG: [74, 'bad message'],
  ENOTUNIQ: [76, 'name not unique on network'],
  EBADFD: [77, 'file descriptor in bad state'],
  EREMCHG: [78, 'remote address changed'],
  ELIBACC: [79, 'can not access a needed shared library'],
  ELIBBAD: [80, 'accessing a corrupted shared library'],
  ELIBSCN: [81, '.lib section in a.out corrupted'],
  ELIBMAX: [82, 'attempting to link in too many shared libraries'],
  ELIBEXEC: [83, 'cannot exec a shared library directly'],
  ERESTART: [85, 'interrupted system call should be restarted'],
  ESTRPIPE: [86, 'streams pipe error'],
  EUSERS: [87, 'too many users'],
  EPFNOSUPPORT: [96, 'protocol family not supported'],
  ENETRESET: [102, 'network dropped connection on reset'],
  ETOOMANYREFS: [109, 'too many references: cannot splice'],
  EINPROGRESS: [115, 'operation now in progress'],
  ESTALE: [116, 'stale file handle'],
  EUCLEAN: [117, 'structure needs cleaning'],
  ENOTNAM: [118, 'not a XENIX named type file'],
  ENAVAIL: [119, 'no XENIX semaphores available'],
  EISNAM: [120, 'is a named type file'],
  EDQUOT: [122, 'disk quota exceeded'],
  ENOMEDIUM: [123, 'no medium found'],
  EMEDIUMTYPE: [124, 'wrong medium type'],
  ENOKEY: [126, 'required key not available'],
  EKEYEXPIRED: [127, 'key has expired'],
  EKEYREVOKED: [128, 'key has been revoked'],
  EKEYREJECTED: [129, 'key was rejected by service'],
  EOWNERDEAD: [130, 'owner died'],
  ENOTRECOVERABLE: [131, 'state not recoverable'],
  ERFKILL: [132, 'operation not possible due to RF-kill'],
};

// What macOS alone has, and what has another number there.
const OF_MACOS: Readonly<Record<string, Errno>> = {
  EBADRPC: [72, 'RPC struct is bad'],
  ERPCMISMATCH: [73, 'RPC version wrong'],
  EPROGUNAVAIL: [74, 'RPC program not available'],
  EPROGMISMATCH: [75, 'program version wrong'],
  EPROCUNAVAIL: [76, 'bad procedure for program'],
  EFTYPE: [79, 'inappropriate file type or format'],
  EAUTH: [80, 'authentication error'],
  ENEEDAUTH: [81, 'need authenticator'],
  EPWROFF: [82, 'device power is off'],
  EDEVERR: [83, 'device error'],
  EBADEXEC: [85, 'bad executable'],
  EBADARCH: [86, 'bad CPU type in executable'],
  ESHLIBVERS: [87, 'shared library version mismatch'],
  EBADMACHO: [88, 'malformed Mach-O file'],
  ENOATTR: [93, 'attribute not found'],
  ENOPOLICY: [103, 'policy not found'],
  EQFULL: [106, 'interface output queue is full'],
};
const RENUMBERED: Readonly<Record<string, number>> = {
  ENOTBLK: 15,
  EPFNOSUPPORT: 46,
  ETOOMANYREFS: 59,
  EUSERS: 68,
  EREMOTE: 71,
  EOWNERDEAD: 105,
  ENOTRECOVERABLE: 104,
};

/** What an errno (positive) is called, and says, where libuv does not tell. */
export function nameErrno(errno: number): { name: string; text: string } {
  const os = require('node:os') as typeof import('node:os');
  const known = Object.entries(os.constants.errno).find(([, number]) => number === errno)?.[0];
  const name = known ?? nameHere(errno) ?? `E${errno}`;
  return { name, text: (ERRNOS[name] ?? OF_MACOS[name])?.[1] ?? 'unknown system error' };
}

function nameHere(errno: number): string | undefined {
  if (process.platform === 'linux') return nameIn(ERRNOS, errno);
  const renumbered = Object.entries(RENUMBERED).find(([, number]) => number === errno)?.[0];
  return renumbered ?? nameIn(OF_MACOS, errno);
}

function nameIn(table: Readonly<Record<string, Errno>>, errno: number): string | undefined {
  return Object.entries(table).find(([, [number]]) => number === errno)?.[0];
}
