// Where file systems are mounted, by the kernel's own list: those that hang are not asked.

import { readFileSync } from 'node:fs';

/** The mount points in the text of `/proc/self/mountinfo`, one mounted over another after it. */
export function parseMountPoints(text: string): string[] {
  // `36 35 98:0 /root /mount/point rw,noatime …`, with space, tab, newline and backslash as octal numbers.
  return text.split('\n').flatMap((line) => {
    const point = line.split(' ')[4];
    return point === undefined
      ? []
      : [point.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 8)))];
  });
}

/** Where the file system is mounted on which a path lies, as far as the path's text tells; null where there is no list. */
export function mountPointOf(path: string): string | null {
  try {
    const points = parseMountPoints(readFileSync('/proc/self/mountinfo', 'utf8'));
    const above = points.filter((point) => `${path}/`.startsWith(point === '/' ? point : `${point}/`));
    return above.sort((a, b) => b.length - a.length)[0] ?? null;
  } catch {
    return null;
  }
}
