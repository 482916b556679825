// The completions, loaded by real shells.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { beforeEach, describe, expect } from 'vitest';
import { boxsockets, MAIN, run, scratch, uid } from '../../cli/run.js';
import { missingTool, promise } from '../../helpers.js';

const test = scratch();
let env: NodeJS.ProcessEnv;

beforeEach(() => {
  fs.mkdirSync(path.join(test.dir, 'some dir'));
  fs.mkdirSync(path.join(test.base, `bl-${uid}`), { mode: 0o700 });
  fs.symlinkSync('/nowhere', path.join(test.base, `bl-${uid}`, 'my-box'));
  const bin = path.join(test.dir, 'bin');
  fs.mkdirSync(bin);
  fs.writeFileSync(path.join(bin, 'boxsockets'), `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`, {
    mode: 0o755,
  });
  env = { PATH: `${bin}:${process.env.PATH}`, BOXSOCKETS_BASE: test.base, HOME: test.dir, TERM: 'dumb' };
});

// Each shell is asked for the words that may stand at the end of a line.
const CASES: [line: string, words: string[]][] = [
  ['boxsockets doc', ['doctor']],
  ['boxsockets help pol', ['policy']],
  ['boxsockets ensure --tak', ['--takeover']],
  ['boxsockets doctor --krun ', ['none', 'suffix', 'temp-dir']],
  ['boxsockets policy --format bw', ['bwrap']],
  ['boxsockets completion ', ['bash', 'fish', 'words', 'zsh']],
  ['boxsockets remove my', ['my-box']],
];

async function scriptOf(shell: string): Promise<string> {
  const file = path.join(test.dir, `_boxsockets.${shell}`);
  fs.writeFileSync(file, (await boxsockets(['completion', shell])).stdout);
  return file;
}

const sorted = (text: string) =>
  text
    .split('\n')
    .filter((word) => word !== '')
    .sort();

describe('completion', () => {
  promise(missingTool('bash'), 'bash completes commands, options, values and ids', async () => {
    const ask = `source '${await scriptOf('bash')}'
      COMP_LINE=$1; read -ra COMP_WORDS <<<"$1"; [[ $1 == *' ' ]] && COMP_WORDS+=('')
      COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); cd '${test.dir}'; _boxsockets; printf '%s\\n' "\${COMPREPLY[@]}"`;
    for (const [line, words] of CASES) {
      const { stdout, stderr } = run('bash', ['-c', ask, 'bash', line], { env });
      expect([line, sorted(stdout), stderr]).toEqual([line, words, '']);
    }
    // Where a path may stand there are no words, and bash goes on with files.
    expect(sorted(run('bash', ['-c', ask, 'bash', 'boxsockets doctor --home some'], { env }).stdout)).toEqual([]);
    expect(fs.readFileSync(await scriptOf('bash'), 'utf8')).toContain('complete -o default');
  });

  promise(missingTool('fish'), 'fish completes commands, options, values, ids and paths', async () => {
    const file = await scriptOf('fish');
    for (const [line, words] of CASES) {
      const { stdout, stderr } = run('fish', ['-c', `source '${file}'; complete -C '${line}'`], { env });
      const found = stdout.replace(/\t.*$/gm, '');
      expect([line, sorted(found), stderr]).toEqual([line, words, '']);
    }
    const paths = run('fish', ['-c', `source '${file}'; complete -C 'boxsockets doctor --home some'`], {
      env,
      cwd: test.dir,
    });
    expect(paths.stdout).toContain('some dir');
  });

  promise(missingTool('zsh'), 'zsh completes commands, options, values and ids', async () => {
    const file = await scriptOf('zsh');
    // What would be offered is taken from compadd, in a terminal of its own.
    const rc = `autoload -U compinit; compinit -D -u; source '${file}'
      compadd() { local -a hits; builtin compadd -O hits "$@"; (( $#hits )) && print -r "<$hits>"; builtin compadd "$@" }
      unsetopt beep; setopt noautomenu; bindkey '^I' complete-word; PS1=
      zle-line-init() { print READY }; zle -N zle-line-init`;
    fs.writeFileSync(path.join(test.dir, '.zshrc'), rc);
    // What is typed after the tab is read when the completion is done.
    const ask = `zmodload zsh/zpty; zpty z zsh -i; zpty -r z text '*READY*'; zpty -w -n z "$1"$'\\t\\x15'"print DO''NE"$'\\n'
      zpty -r z text '*DONE*'; print -rn -- "$text"; zpty -d z`;
    for (const [line, words] of CASES) {
      const { stdout } = run('zsh', ['-f', '-c', ask, 'zsh', line], { env: { ...env, ZDOTDIR: test.dir } });
      const found = [...stdout.matchAll(/<([^<>]+)>/g)].flatMap((match) => match[1]?.split(' ') ?? []);
      expect([line, [...new Set(found)].sort()]).toEqual([line, words]);
    }
  });
});

describe('the man page', () => {
  promise(missingTool('man'), 'is read by man without a complaint, and names every command and option', async () => {
    const { status, stdout, stderr } = run('man', ['--warnings', '-l', 'dist/boxsockets.1'], {
      env: { PATH: process.env.PATH, MANWIDTH: '200', LC_ALL: 'C.UTF-8' },
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    for (const heading of ['NAME', 'SYNOPSIS', 'COMMANDS', 'ENVIRONMENT', 'EXIT STATUS'])
      expect(stdout).toContain(heading);
    const help = (await boxsockets(['help', 'ensure'])).stdout;
    for (const [option] of help.matchAll(/--(?!help)[a-z-]+/g)) expect(stdout).toContain(option);
    expect(stdout).toContain('boxsockets policy [options] <ID> <DIR>');
  });
});
