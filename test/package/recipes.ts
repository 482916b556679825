// The recipes of docs/bundling.md: what that page says is what the tests run.

import fs from 'node:fs';
import path from 'node:path';

export interface Recipe {
  name: string;
  /** Files to write, by name. */
  files: Map<string, string>;
  /** What to run in the project. */
  commands: string;
  /** What to run where `out/` was moved to. */
  start: string;
}

const page = path.resolve(__dirname, '../../docs/bundling.md');

/** One for each heading that has commands; one of the third level has the files of the second above it, too. */
export function recipes(): Recipe[] {
  const found: Recipe[] = [];
  let shared = new Map<string, string>();
  for (const section of fs.readFileSync(page, 'utf8').split(/^(?=##)/m)) {
    const [, level = '', name = ''] = /^(##+) (.+)$/m.exec(section) ?? [];
    const files = new Map(level === '###' ? shared : []);
    let commands: string | undefined;
    for (const [, language, file, text = ''] of section.matchAll(/^```(\w+)(?: (\S+))?\n(.*?)^```$/gms)) {
      if (file !== undefined) files.set(file, text);
      else if (language === 'sh') commands = text;
    }
    if (level === '##') shared = files;
    if (commands === undefined) continue;
    const [, start] = /^Then `out\/` runs anywhere: `(.+)`\.$/m.exec(section) ?? [];
    if (start === undefined) throw new Error(`docs/bundling.md: ${name}: does not say how out/ is run`);
    found.push({ name, files, commands, start });
  }
  return found;
}
