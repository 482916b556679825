// The rules of names, and the random stand-ins that a probe binds in place of a real name.

/** 1 to 128 of `[A-Za-z0-9_-]`: what a box id may be. */
export const BOX_ID = /^[A-Za-z0-9_-]{1,128}$/;

/** 4 to 64 of `[A-Za-z0-9._-]`, not beginning with a dot: what a socket name may be. */
export const SOCKET_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{3,63}$/;

const ALPHANUMERICS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/**
 * A random name of `length` bytes that no declared name can be: a dot and alphanumerics. It needs no secrecy: it only
 * has to be free, and where it is not, the bind says so and another one is tried.
 */
export function standInName(length: number): string {
  let name = length > 1 ? '.' : '';
  while (name.length < length) name += ALPHANUMERICS[Math.floor(Math.random() * ALPHANUMERICS.length)];
  return name;
}
