// Doing it again and again: `--watch`.

import type { Arguments } from './command.js';
import type { Output } from './output.js';

const EVERY = 2000;

/** Draws once, or with `--watch` every two seconds on a screen wiped before, until the process is ended. */
export async function watching(args: Arguments, output: Output, draw: () => Promise<number>): Promise<number> {
  for (;;) {
    if (args.flag('watch')) output.wipe();
    const status = await draw();
    if (!args.flag('watch')) return status;
    await new Promise((resolve) => setTimeout(resolve, EVERY));
  }
}
