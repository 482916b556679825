// What a system call of an operation is for, told by its text as strace prints it.

/** @typedef {{ call: string, name: string, first: string, of: string | undefined }} Call `of`: what its descriptor was opened for */

/**
 * For whoever reads one operation's calls in their order.
 *
 * @param {(call: Call) => string} tell
 * @param {RegExp} opens the names of the calls whose descriptors are remembered
 * @returns {(call: string) => string}
 */
function following(tell, opens) {
  /** Of what an open descriptor is. @type {Map<string, string>} */
  const opened = new Map();
  return (call) => {
    const [, name = '', first = ''] = /^(\w+)\((\d+)?/.exec(call) ?? [];
    const made = /\) = (\d+)$/.exec(call)?.[1];
    const found = tell({ call, name, first, of: opened.get(first) });
    if (made !== undefined && opens.test(name)) opened.set(made, found);
    return found;
  };
}

/** @param {{ base: string, parent: string, realDir: string }} place */
export function purposes({ base, parent, realDir }) {
  let taken = '';
  return following(({ call, name, first, of }) => {
    const file = /"([^"]*)"/.exec(call)?.[1] ?? '';
    if (name === 'close') return 'a descriptor is closed';
    if (/^get(res|e)uid$/.test(name)) return 'who asks';
    if (name === 'ioctl' && call.includes('TCGETS')) taken = first;
    if (first !== '' && first === taken) return 'Node takes the descriptor';
    if (/^(rename|unlink|symlink)/.test(name)) return 'a name is made or taken away';
    if (/^(socket|bind|connect)$/.test(name)) return 'the socket';
    if (file === base || file === parent) return 'base and parent are trusted';
    if (file === realDir || file === `${parent}/box1`) return 'the binding leads there';
    if (file.endsWith('.lock')) return 'the lock';
    return (file === '' ? of : undefined) ?? 'what bears the name is looked at';
  }, /^(openat|socket)$/);
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

/** The same, where a program is started. */
export function purposesOfStart() {
  const told = (/** @type {string} */ call) => OF_A_START.find(([pattern]) => pattern.test(call))?.[1];
  return following(({ call, of }) => told(call) ?? of ?? 'the home is looked at', /^(?:open|socket)/);
}
