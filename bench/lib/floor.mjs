// Floors: compiled once, and asked for a round over a pipe.

import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';

const sources = path.join(import.meta.dirname, '../floor');
const build = path.join(import.meta.dirname, '../../build/floor');

/**
 * @param {string} name of a source file in bench/floor
 * @param {readonly string[]} args
 * @param {number} count operations a round
 * @returns {import('./contenders.mjs').Contender & { end(): Promise<void> }}
 */
export function floor(name, args, count) {
  const child = spawn(compile(name), args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const closed = new Promise((resolve) => child.once('close', resolve));
  return {
    name: 'floor',
    async round() {
      child.stdin.write(`${count}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`the floor ${name} ended before it was asked to`);
      return Number(value);
    },
    async end() {
      child.stdin.end();
      await closed;
    },
  };
}

/**
 * Sets the scene for a round (bench/floor/links.cc).
 *
 * @param {readonly string[]} args
 */
export function links(...args) {
  execFileSync(compile('links'), args);
}

/**
 * @param {string} name of a source file in bench/floor
 * @returns {string} the program
 */
export function compile(name) {
  const source = path.join(sources, `${name}.cc`);
  const program = path.join(build, name);
  const newest = Math.max(...fs.readdirSync(sources).map((file) => fs.statSync(path.join(sources, file)).mtimeMs));
  if (fs.existsSync(program) && fs.statSync(program).mtimeMs > newest) return program;
  fs.mkdirSync(build, { recursive: true });
  execFileSync('g++', ['-std=c++17', '-O2', '-Wall', '-Wextra', '-Werror', source, '-o', program], {
    stdio: 'inherit',
  });
  return program;
}
