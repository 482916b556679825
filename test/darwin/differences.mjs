// What the package's tests say of Linux and not of a Mac: where they fail on the Darwin binary, and why they must. A
// test that fails and is not here has found a fault; one that is here and passes is to be taken out.

/** @type {readonly { files: readonly string[], test: RegExp, why: string }[]} */
export const DIFFERENCES = [
  {
    files: ['test/cli/commands.test.ts', 'test/cli/doctor/doctor.test.ts'],
    test: /^(ensure makes the binding, says where|probe says |doctor of a home --quiet prints)/,
    why: "a Mac's terminal takes UTF-8 whatever its locale says, and these tests read ASCII",
  },
  {
    files: ['test/cli/commands.test.ts', 'test/operations/ensure-in-use.test.ts'],
    test: /^ensure.*(--takeover replaces the binding of a live box|refused while a stream listens there)/,
    why: 'no list of the kernel says which process has a socket, and the refusal names none',
  },
  {
    files: ['test/proofs/judgement/sockets.test.ts'],
    test: /is alive where a process holds it, by whatever path it came|a socket one directory down is seen/,
    why: 'no list of the kernel says which process has a socket, and the refusal names none',
  },
  {
    files: ['test/proofs/judgement/sockets.test.ts'],
    test: /^a live listener whose file was removed/,
    why: 'no list of the kernel tells of a socket whose file is gone',
  },
  {
    files: ['test/proofs/judgement/sockets.test.ts'],
    test: /whose path is longer than an address is dead/,
    why: 'no descriptor leads to a socket: one whose name is too long even through the binding is unknown',
  },
  {
    files: ['test/proofs/judgement/hidden-homes.test.ts'],
    test: /^(a sweep where a home is hidden|a listener of another network namespace)/,
    why: 'namespaces are of Linux, and no list of the kernel speaks for what is not seen',
  },
  {
    files: ['test/proofs/judgement/ways-to-live.test.ts'],
    test: /in a directory that was renamed|in a mount namespace of its own/,
    why: 'its file is not where it was bound, and no list of the kernel tells of it',
  },
  {
    files: ['test/cli/commands.test.ts'],
    test: /^ensure --uid of a namespace around/,
    why: 'user namespaces are of Linux',
  },
  {
    files: ['test/cli/doctor/doctor.test.ts'],
    test: /has exactly the documented shape/,
    why: 'the child has an environment of its own, and is no Mac',
  },
  {
    files: ['test/operations/connect.test.ts'],
    test: /says whom it could not reach/,
    why: 'XNU says ENOTSOCK of what is not a socket, Linux ECONNREFUSED',
  },
  {
    files: ['test/operations/ensure.test.ts'],
    test: /a real directory of 4,095 bytes/,
    why: 'a path has 1,023 bytes at most',
  },
  {
    files: ['test/native/to-error.test.ts'],
    test: /says where it is mounted/,
    why: 'nothing tells where file systems are mounted',
  },
  {
    files: ['test/operations/hold.test.ts'],
    test: /names the process that does not let go/,
    why: 'there is no /proc/locks',
  },
  {
    files: ['test/operations/listen.test.ts'],
    test: /passes the backlog on/,
    why: "ss tells Linux's paths, and the socket was bound under another name and renamed",
  },
  {
    files: ['test/operations/own-socket.test.ts'],
    test: /stays even where the server has closed before/,
    why: 'no descriptor pins the inode: the time of birth tells one file from the next',
  },
  {
    files: ['test/operations/measure-limit.test.ts'],
    test: /is what this Node really does with a path/,
    why: "this Node is Linux's, and cuts at 108 bytes",
  },
  {
    files: ['test/paths/dead-zone.test.ts'],
    test: /agrees? with (Node's net|python3)/,
    why: "Node and Python here are Linux's, and bind 108 bytes",
  },
  {
    files: ['test/proofs/descriptors.test.ts'],
    test: /never make an idle box of another home look alive|are enough for a list/,
    why: 'the host needs a descriptor of its own for a connect, which then fails with EMFILE',
  },
  {
    files: ['test/operations/connect.test.ts'],
    test: /is what bears the name in the real directory, and not what a moved link leads to/,
    why: 'a socket has no descriptor to be dialed by: where the link was moved, it is refused as misplaced',
  },
  {
    files: ['test/runtime/ending.test.ts'],
    test: /is still of its box when|a program that has forked twice|who merely holds one|a socket of the host itself|comes before auto_remove/,
    why: 'ps tells neither sockets nor environments: whoever is no descendant of the shim is not found, the host itself included, and the box refused',
  },
  {
    files: ['test/runtime/launch.test.ts'],
    test: /is removed where it is a socket that nobody holds, and nothing else is/,
    why: 'no list of the kernel says which process has a socket: one of the host itself is taken for one of the box',
  },
  {
    files: ['test/runtime/ending.test.ts'],
    test: /^a host in another pid namespace (knows that it knows nothing|launches a box)/,
    why: 'pid namespaces are of Linux: no number is of another one, and no mark is read',
  },
  {
    files: ['test/runtime/removal.test.ts'],
    test: /was started in another boot/,
    why: 'a start is told by the time of day, and is of one boot alone',
  },
];
