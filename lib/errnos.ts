// Names of the system errors that neither libuv nor node:os knows, and that a file system may well answer with.

// errno.h of each platform, numbers and names.
const LINUX = `15 ENOTBLK 44 ECHRNG 45 EL2NSYNC 46 EL3HLT 47 EL3RST 48 ELNRNG 50 ENOCSI 51 EL2HLT 52 EBADE 53 EBADR
  54 EXFULL 55 ENOANO 56 EBADRQC 57 EBADSLT 59 EBFONT 65 ENOPKG 66 EREMOTE 68 EADV 69 ESRMNT 70 ECOMM 73 EDOTDOT
  76 ENOTUNIQ 77 EBADFD 78 EREMCHG 79 ELIBACC 80 ELIBBAD 81 ELIBSCN 82 ELIBMAX 83 ELIBEXEC 85 ERESTART 86 ESTRPIPE
  87 EUSERS 96 EPFNOSUPPORT 109 ETOOMANYREFS 117 EUCLEAN 118 ENOTNAM 119 ENAVAIL 120 EISNAM 123 ENOMEDIUM
  124 EMEDIUMTYPE 126 ENOKEY 127 EKEYEXPIRED 128 EKEYREVOKED 129 EKEYREJECTED 130 EOWNERDEAD 131 ENOTRECOVERABLE
  132 ERFKILL 133 EHWPOISON`;
const MACOS = `15 ENOTBLK 46 EPFNOSUPPORT 59 ETOOMANYREFS 68 EUSERS 71 EREMOTE 72 EBADRPC 73 ERPCMISMATCH 74 EPROGUNAVAIL
  75 EPROGMISMATCH 76 EPROCUNAVAIL 79 EFTYPE 80 EAUTH 81 ENEEDAUTH 82 EPWROFF 83 EDEVERR 85 EBADEXEC 86 EBADARCH
  87 ESHLIBVERS 88 EBADMACHO 93 ENOATTR 103 ENOPOLICY 104 ENOTRECOVERABLE 105 EOWNERDEAD 106 EQFULL`;

/** What file systems say with those of them that they do give. */
const TEXTS: Readonly<Record<string, string>> = {
  EBADMSG: 'bad message',
  EDEADLK: 'resource deadlock avoided',
  EDQUOT: 'disk quota exceeded',
  EKEYEXPIRED: 'key has expired',
  EKEYREJECTED: 'key was rejected by service',
  EKEYREVOKED: 'key has been revoked',
  EMULTIHOP: 'multihop attempted',
  ENOKEY: 'required key not available',
  ENOLCK: 'no locks available',
  ENOLINK: 'link has been severed',
  ENOMEDIUM: 'no medium found',
  EREMOTE: 'object is remote',
  ESTALE: 'stale file handle',
  ETIME: 'timer expired',
  EUCLEAN: 'structure needs cleaning',
};

/** What an errno (positive) is called, and says, where libuv does not tell. */
export function nameErrno(errno: number): { name: string; text: string } {
  const os = require('node:os') as typeof import('node:os');
  const known = Object.entries(os.constants.errno).find(([, number]) => number === errno)?.[0];
  const [, ours] = new RegExp(`\\b${errno} (\\w+)`).exec(process.platform === 'linux' ? LINUX : MACOS) ?? [];
  const name = known ?? ours ?? `E${errno}`;
  return { name, text: TEXTS[name] ?? `system error ${errno}` };
}
