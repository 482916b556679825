// What a system call of an operation is for, told by its text as strace prints it.

/**
 * For whoever reads one operation's calls in their order.
 *
 * @param {{ base: string, parent: string, realDir: string }} place
 * @returns {(call: string) => string}
 */
export function purposes({ base, parent, realDir }) {
  /** Of what an open descriptor is. @type {Map<string, string>} */
  const opened = new Map();
  let taken = '';
  return (call) => {
    const [, name = '', first = ''] = /^(\w+)\((\d+)?/.exec(call) ?? [];
    const made = /\) = (\d+)$/.exec(call)?.[1];
    const file = /"([^"]*)"/.exec(call)?.[1] ?? '';
    const purpose = () => {
      if (name === 'close') return 'a descriptor is closed';
      if (/^get(res|e)uid$/.test(name)) return 'who asks';
      if (name === 'ioctl' && call.includes('TCGETS')) taken = first;
      if (first !== '' && first === taken) return 'Node takes the descriptor';
      if (/^(rename|unlink|symlink)/.test(name)) return 'a name is made or taken away';
      if (/^(socket|bind|connect)$/.test(name)) return 'the socket';
      if (file === base || file === parent) return 'base and parent are trusted';
      if (file === realDir || file === `${parent}/box1`) return 'the binding leads there';
      if (file.endsWith('.lock')) return 'the lock';
      return (file === '' ? opened.get(first) : undefined) ?? 'what bears the name is looked at';
    };
    const found = purpose();
    if (made !== undefined && /^(openat|socket)$/.test(name)) opened.set(made, found);
    return found;
  };
}

// In this order: what a call is of is told by the first that fits.
/** @type {readonly [RegExp, string][]} */
const OF_A_START = [
  [/^(?:read|write)\(\d+, "(?:\\1\\0|\*|h?\\)/, 'threads and signals wake each other'],
  [/^(?:rt_sig|clone|vfork|pipe2|socketpair|dup2|setsid|wait4|set_robust|execve|kill)/, 'Node starts a process'],
  [/"\/proc\/(?:\d+|self)\/ns\/net"|"\/proc"|"\/proc\/net\/unix"/, 'no other process holds a socket of the box'],
  [/mountinfo/, 'no file server can hang'],
  [/shim\.pid|"\/proc\/\d+\/stat"/, 'shim.pid names the shim'],
  [/shim\.log|"\/dev\/null"/, 'Node starts a process'],
  [/^(?:mkdir|mkdirat)\(|"(?:tmp|disks|mounts|shared|logs|bin|sockets)"/, 'the directories are there'],
  [/^(?:socket|bind|listen|connect)\(|ready\.sock/, 'ready.sock is bound, verified and unlinked'],
  [/\/bl-\d+(?:\/box1)?"/, 'the binding is right'],
];

/**
 * The same, where a program is started.
 *
 * @returns {(call: string) => string}
 */
export function purposesOfStart() {
  /** @type {Map<string, string>} */
  const opened = new Map();
  return (call) => {
    const [, name = '', first = ''] = /^(\w+)\((\d+)?/.exec(call) ?? [];
    const made = /\) = (\d+)$/.exec(call)?.[1];
    const told = OF_A_START.find(([pattern]) => pattern.test(call))?.[1];
    const found = told ?? opened.get(first) ?? 'the home is looked at';
    if (made !== undefined && /^(?:open|socket)/.test(name)) opened.set(made, found);
    return found;
  };
}
