// Whether one path lies below another, by their letters.

/** A path does not lie beneath itself. */
export function isBeneath(inner: string, outer: string): boolean {
  return inner !== outer && isWithin(inner, outer);
}

/** A path lies within itself. */
export function isWithin(inner: string, outer: string): boolean {
  return inner === outer || inner.startsWith(outer === '/' ? '/' : `${outer}/`);
}
