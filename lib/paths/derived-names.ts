// What programs are known to append to the path of a socket that they are given.

/**
 * Suffixes that programs append to the socket they are given, for `names[].derives`; only their length matters. Measured:
 * OpenSSH 9.2 binds a ControlPath as `<path>.<16 random>` and renames it, containerd 1.6 binds `<path>.ttrpc` beside its
 * own, HAProxy 2.6 `<path>.<pid>.tmp`, libkrun 1.8 to 1.18 `<path>-krun.sock`.
 *
 * @example
 * const box = new BoxSockets(BoxSockets.idFor(dir), dir, {
 *   standardNames: false,
 *   names: [{ name: 'cm-user@host:22', derives: DERIVED_NAMES.ssh }],
 * });
 */
export const DERIVED_NAMES = Object.freeze({
  /** OpenSSH, beside a ControlPath. */
  ssh: Object.freeze(['.XXXXXXXXXXXXXXXX']),
  /** containerd, beside its own socket. */
  containerd: Object.freeze(['.ttrpc']),
  /** HAProxy, while it binds. */
  haproxy: Object.freeze(['.4194304.tmp']),
  /** libkrun 1.8 to 1.18, beside the peer's socket. */
  libkrun: Object.freeze(['-krun.sock']),
});
