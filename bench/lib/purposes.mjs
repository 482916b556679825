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
