// The shim of a box: QEMU in a jail that has no network, and in a jail of its own what gives it one, by a socket alone.

import { bubblewrapArgs, buildPathAccess, shellQuote } from 'boxsockets/sandbox';
import { makeGuest } from './guest.mjs';

const SYSTEM = [
  ...['--ro-bind', '/usr', '/usr', '--proc', '/proc', '--dev', '/dev', '--dir', '/tmp'],
  ...['bin', 'lib', 'lib64'].flatMap((name) => ['--symlink', `usr/${name}`, `/${name}`]),
];
// Nobody in particular, even where the host is root.
const NOBODY = ['--unshare-all', '--unshare-user', '--uid', '1000', '--gid', '1000', '--new-session'];

// What a network asks for names.
const NAMES = ['/etc/resolv.conf', '/etc/hosts'].flatMap((file) => ['--ro-bind-try', file, file]);

// Both networks lead a port of this host to this one of their guest.
export const GUEST_PORT = 22;
const NETWORKS = {
  passt: (socket, port) => [
    ...['passt', '--foreground', '--one-off', '--ipv4-only', '--no-map-gw', '--socket', socket],
    ...['--tcp-ports', `127.0.0.1/${port}:${GUEST_PORT}`, '--udp-ports', 'none'],
  ],
  gvproxy: (socket, port) => ['gvproxy', '-listen-qemu', `unix://${socket}`, '-ssh-port', `${port}`],
};

export const EMULATORS = {
  x64: { program: 'qemu-system-x86_64', board: ['-M', 'q35'], console: 'ttyS0' },
  arm64: { program: 'qemu-system-aarch64', board: ['-M', 'virt', '-cpu', 'max'], console: 'ttyAMA0' },
};

/** QEMU with all that a box has: a network, a console, `control` for its agent, and `ready` for the guest's word. */
export function qemu({ boxSock, netBackendSock }, consoleLog, platform) {
  const [arch, accel] = platform.split(':');
  const { program, board, console } = EMULATORS[arch];
  const { kernel, initrd } = makeGuest(arch);
  return [
    ...[program, ...board, '-accel', accel, '-m', '256', '-nodefaults', '-no-user-config'],
    ...['-display', 'none', '-kernel', kernel, '-initrd', initrd, '-append', `console=${console} quiet`],
    ...['-chardev', `file,id=console,path=${consoleLog}`, '-serial', 'chardev:console', '-device', 'virtio-serial-pci'],
    ...['-chardev', `socket,id=control,path=${boxSock},server=on,wait=off`],
    ...['-device', 'virtserialport,chardev=control,name=control'],
    ...['-chardev', 'file,id=ready,path=/dev/stdout', '-device', 'virtserialport,chardev=ready,name=ready'],
    ...['-netdev', `stream,id=net,server=off,addr.type=unix,addr.path=${netBackendSock}`],
    ...['-device', 'virtio-net-pci,netdev=net,mac=5a:94:ef:e4:0c:ee,romfile='], // gvproxy knows its guest by this address
  ];
}

/** Starts a machine, and dials ready.sock when its guest says so. */
export const telling = (readySock, command) => [
  ...['sh', '-c', '"$@" | { read -r word && socat -u /dev/null "UNIX-CONNECT:$0"; cat; }', readySock],
  ...command,
];

/** A recipe for `BoxRuntime.launch`. `network` is `'passt'` or `'gvproxy'`, `platform` an architecture and what QEMU runs it on. */
export function machine({ network, port, platform }) {
  return (layout) => {
    const [arch, accel] = platform.split(':');
    const { sockets, socketsDir, consoleLog } = layout;
    const paths = buildPathAccess(layout, [{ hostPath: makeGuest(arch).directory, readOnly: true }]);
    const policy = bubblewrapArgs(paths, { unsharePid: true, dieWithParent: true });
    const jail = (args, command) => shellQuote(['bwrap', ...SYSTEM, ...NOBODY, ...args, ...policy, '--', ...command]);
    const kvm = accel === 'kvm' ? ['--dev-bind', '/dev/kvm', '/dev/kvm'] : [];
    // The shell stays, as the parent of both jails: it outlives the host, and they do not outlive it.
    const script = `
      ${jail(['--share-net', ...NAMES], NETWORKS[network](sockets.netBackendSock, port))} &
      until [ -S ${shellQuote([`${socketsDir}/net.sock`])} ]; do kill -0 $! 2>/dev/null || exit 1; sleep 0.02; done
      ${jail(kvm, telling(sockets.readySock, qemu(sockets, consoleLog, platform)))}
      exit $?`;
    return { command: 'sh', args: ['-c', script] };
  };
}
