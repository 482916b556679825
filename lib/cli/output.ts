// Where the command line writes to, and what it may assume of it: a terminal or not, its width, colours, letters.

import { styleText } from 'node:util';
import { printable, printableJson, wrap } from './text.js';

/** The part of a stream that is used here. */
type Stream = { isTTY?: boolean | undefined; columns?: number | undefined; write(text: string): unknown };

// Characters to draw with, and plain ASCII where the terminal is not known to show others.
const GLYPHS = {
  fill: ['━', '='],
  limit: ['│', '|'],
  crossing: ['┿', '#'],
  beyond: ['━»', '=>'],
  zone: ['░', ':'],
  ellipsis: ['…', '...'],
  good: ['✓', '+'],
  bad: ['✗', 'x'],
  warning: ['!', '!'],
  arrow: ['→', '->'],
} as const;

export type Glyphs = Record<keyof typeof GLYPHS, string>;

/** Standard output and standard error of one run. */
export class Output {
  /** Columns: the terminal's, from 40 on; 80 where there is no terminal. */
  readonly width: number;
  /** Columns that sentences fill: lines of more than 100 are hard to read. */
  readonly proseWidth: number;
  readonly glyphs: Glyphs;
  readonly #colours: boolean;
  readonly #stdout: Stream;
  readonly #stderr: Stream;
  #progress = '';

  constructor(stdout: Stream, stderr: Stream, env: NodeJS.ProcessEnv, platform: NodeJS.Platform = process.platform) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.#colours = stdout.isTTY === true && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
    this.width = Math.max(40, (stdout.isTTY === true && stdout.columns) || 80);
    this.proseWidth = Math.min(100, this.width);
    const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || (platform === 'darwin' ? 'UTF-8' : '');
    const column = /utf-?8/i.test(locale) ? 0 : 1;
    const glyphs = Object.entries(GLYPHS).map(([name, letters]) => [name, letters[column]]);
    this.glyphs = Object.fromEntries(glyphs) as Glyphs;
  }

  /** The text in a style where the terminal shows one, as it is otherwise. */
  style(style: Parameters<typeof styleText>[0], text: string): string {
    // Whether there is to be one has been decided; left to itself, styleText decides anew for process.stdout.
    return this.#colours && text !== '' ? styleText(style, text, { validateStream: false }) : text;
  }

  line(text = ''): void {
    this.clearProgress();
    this.#stdout.write(`${text}\n`);
  }

  /** A paragraph, broken at blanks; what its first line and the others begin with. */
  prose(text: string, first = '', others = ''): void {
    for (const [index, line] of wrap(text, this.proseWidth - others.length).entries()) {
      this.line((index === 0 ? first : others) + line);
    }
  }

  json(value: unknown): void {
    this.line(printableJson(value));
  }

  /** Wipes a terminal's screen, for what is drawn again; elsewhere a blank line parts the two. */
  wipe(): void {
    this.#stdout.write(this.#stdout.isTTY === true ? '\x1b[H\x1b[2J' : '\n');
  }

  /** One line that is not part of the answer: what went wrong. */
  complain(text: string): void {
    this.clearProgress();
    this.#stderr.write(`${text}\n`);
  }

  /** What is being done at the moment, on a terminal alone; the next line takes its place. */
  progress(text: string): void {
    if (this.#stderr.isTTY !== true) return;
    const columns = (this.#stderr.columns || 80) - 1;
    this.#progress = printable(text).slice(0, columns);
    this.#stderr.write(`\r\x1b[K${this.#progress}`);
  }

  clearProgress(): void {
    if (this.#progress === '') return;
    this.#progress = '';
    this.#stderr.write('\r\x1b[K');
  }
}
