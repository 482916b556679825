import * as fs from 'node:fs';
import * as path from 'node:path';

/** This package's own version. */
export function packageVersion(): string {
  // dist/cli/ lies two levels below the package's own directory.
  const text = fs.readFileSync(path.join(__dirname, '../../package.json'), 'utf8');
  const { version } = JSON.parse(text) as { version: string };
  return version;
}
