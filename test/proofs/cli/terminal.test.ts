// What a person sees: the same program on a pseudo-terminal.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { MAIN, makeBox, program, run, scratch, uid } from '../../cli/run.js';

const test = scratch();

const hasPty = run('sh', ['-c', 'python3 -c "import pty"']).status === 0;

// Runs a program with standard output (and error, unless it is told a file) on a terminal of so many columns.
const PTY = `
import fcntl, os, pty, struct, sys, termios
columns, errors, program = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
pid, fd = pty.fork()
if pid == 0:
    if errors != '-':
        os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT, 0o600), 2)
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack('HHHH', 50, columns, 0, 0))
    os.execv(program[0], program)
while True:
    try:
        data = os.read(fd, 65536)
    except OSError:
        break
    if not data:
        break
    os.write(1, data)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

interface Terminal {
  columns?: number;
  errors?: string;
  env?: NodeJS.ProcessEnv;
}

function onTerminal(args: string[], terminal: Terminal = {}) {
  const { columns = 80, errors = '-', env = {} } = terminal;
  const words = [String(columns), errors, process.execPath, MAIN, ...args];
  const result = run('python3', ['-c', PTY, ...words], { env: { TERM: 'xterm', LC_ALL: 'C.UTF-8', ...env } });
  return { ...result, stdout: result.stdout.replaceAll('\r\n', '\n') };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
const COLOURS = /\u001b\[\d+m/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const ESCAPES = /\u001b\[[0-9;]*[a-zA-Z]/g;

function home(): string {
  const dir = path.join(test.dir, 'h');
  const realDir = makeBox(dir, 'b1');
  program(['ensure', 'b1', realDir, '--base', test.base]);
  fs.symlinkSync('/nowhere', path.join(test.base, `bl-${uid}`, 'gone'));
  return dir;
}

describe.skipIf(!hasPty)('on a terminal (needs python3 with pty)', () => {
  it('there are colours, and none where NO_COLOR is set, in a dumb terminal, or in a pipe', () => {
    const args = ['doctor', '--home', home(), '--base', test.base];
    const errors = path.join(test.dir, 'errors');
    expect(onTerminal(args, { errors }).stdout).toMatch(COLOURS);
    expect(onTerminal(args, { errors, env: { NO_COLOR: '' } }).stdout).toMatch(COLOURS);
    for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
      const plain = onTerminal(args, { errors, env });
      expect(plain.stdout).not.toMatch(ESCAPES);
      expect(plain.stdout).toBe(program(args, { env: { LC_ALL: 'C.UTF-8' } }).stdout);
    }
    expect(program(args).stdout).not.toMatch(ESCAPES);
    expect(fs.readFileSync(errors, 'utf8')).toBe('');
  });

  it('--json has no colours, and a failure neither', () => {
    home();
    expect(JSON.parse(onTerminal(['list', '--base', test.base, '--json']).stdout)).toHaveLength(2);
    expect(onTerminal(['ensure', 'b1', '/none', '--base', test.base]).stdout).not.toMatch(ESCAPES);
  });

  it('the status passes through', () => {
    expect(onTerminal(['doctor', '--home', home(), '--base', test.base]).status).toBe(1);
    expect(onTerminal(['list']).status).toBeLessThan(2);
    expect(onTerminal(['nonsense']).status).toBe(2);
  });

  it('what is being done is shown while it is done, and wiped away', () => {
    const { stdout } = onTerminal(['doctor', '--home', home(), '--base', test.base]);
    expect(stdout).toContain('Probing box 1 of 1: b1');
    // Played back as a terminal does it: a return to the left edge and an erased line.
    const screen = stdout.split('\n').map((line) => line.split('\r\u001b[K').at(-1) ?? '');
    expect(screen.join('\n')).not.toContain('Probing');
    expect(screen[0]?.replace(ESCAPES, '')).toMatch(/^! All is|^! 1 box checked/);
  });

  it('bars are drawn with letters of ASCII where the locale is not UTF-8', () => {
    const args = ['doctor', '--verbose', '--home', home(), '--base', test.base];
    // biome-ignore lint/suspicious/noControlCharactersInRegex: everything that ASCII has
    const ascii = /^[\u0000-\u007f]*$/;
    expect(onTerminal(args, { env: { LC_ALL: 'C' } }).stdout).toMatch(ascii);
    expect(onTerminal(args).stdout).not.toMatch(ascii);
  });
});
