// The specifiers of tmpfiles.d(5), as the system instance of systemd-tmpfiles (root's) expands them in a path.

import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

const FIXED: Record<string, string> = {
  '%': '%',
  C: '/var/cache',
  L: '/var/log',
  S: '/var/lib',
  t: '/run',
  T: '/tmp',
  V: '/var/tmp',
  h: '/root',
  u: 'root',
  U: '0',
  g: 'root',
  G: '0',
};

const OS_RELEASE: Record<string, string> = {
  A: 'IMAGE_VERSION',
  B: 'BUILD_ID',
  M: 'IMAGE_ID',
  o: 'ID',
  w: 'VERSION_ID',
  W: 'VARIANT_ID',
};

const ARCHITECTURES: Record<string, string> = { x64: 'x86-64', arm64: 'arm64', ia32: 'x86', arm: 'arm' };

/** A path with its specifiers expanded, or null where one is unknown: systemd refuses such a line. */
export function expandSpecifiers(text: string, root: string): string | null {
  let failed = false;
  const expanded = text.replace(/%(.?)/gs, (_, letter: string) => {
    const value = specifier(letter, root);
    if (value === null) failed = true;
    return value ?? '';
  });
  return failed ? null : expanded;
}

function specifier(letter: string, root: string): string | null {
  const fixed = FIXED[letter];
  if (fixed !== undefined) return fixed;
  const key = OS_RELEASE[letter];
  if (key !== undefined) return osRelease(root, key);
  switch (letter) {
    case 'a':
      return ARCHITECTURES[process.arch] ?? null;
    case 'b':
      return readTrimmed('/proc/sys/kernel/random/boot_id')?.replaceAll('-', '') ?? null;
    case 'H':
      return os.hostname();
    case 'l':
      return os.hostname().replace(/\..*/s, '');
    case 'm':
      return readTrimmed(path.join(root, 'etc/machine-id'));
    case 'v':
      return os.release();
    default:
      return null;
  }
}

function osRelease(root: string, key: string): string | null {
  const text = readTrimmed(path.join(root, 'etc/os-release')) ?? readTrimmed(path.join(root, 'usr/lib/os-release'));
  if (text === null) return null;
  const line = text.split('\n').findLast((candidate) => candidate.startsWith(`${key}=`));
  return line === undefined ? '' : line.slice(key.length + 1).replace(/^(["'])(.*)\1$/, '$2');
}

function readTrimmed(file: string): string | null {
  try {
    return fs.readFileSync(file, 'utf8').trim();
  } catch {
    return null; // then the specifier has no value here, and systemd skips the line as well
  }
}
