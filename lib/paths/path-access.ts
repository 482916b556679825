/** What a {@link PathAccess} grants access to. A socket is reached through the directory that holds it. */
export type PathKind = 'directory' | 'file';

/**
 * One path that a sandboxed shim needs. A list of them is a policy that Seatbelt, bubblewrap and Landlock rules can
 * be written from, without a look at the file system: every property is stated by whoever built the list.
 *
 * @example
 * // What `BoxSockets.policyPaths()` returns, in this order: real directory, binding, parent.
 * const paths: PathAccess[] = [
 *   { path: '/home/me/boxes/b1/sockets', writable: true, kind: 'directory' },
 *   { path: '/tmp/bl-1000/b1', writable: true, kind: 'directory', linkTo: '/home/me/boxes/b1/sockets' },
 *   { path: '/tmp/bl-1000', writable: false, kind: 'directory' },
 * ];
 */
export interface PathAccess {
  /** Absolute. */
  readonly path: string;
  /** Whether the shim may write there (in a directory: create and remove entries too), or only read. */
  readonly writable: boolean;
  /** A directory stands for everything beneath it as well. Of a symlink, the kind of what it leads to. */
  readonly kind: PathKind;
  /**
   * Set where `path` is a symlink: the absolute path that it leads to. It is stated because it must not be looked up:
   * a policy built while the link is missing has to be the same policy. A sandbox with a file system of its own makes
   * the link afresh from it, and the directory that holds the link with nothing else in it.
   */
  readonly linkTo?: string;
}
