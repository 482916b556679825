// Completions for bash, zsh and fish: a few lines for the shell, which ask this program for the words.

import { BoxSockets } from '../../index.js';
import { type Arguments, type Command, EXIT, pick } from '../command.js';
import type { Program, ProgramOption } from '../commander.js';
import { printable } from '../text.js';

const SCRIPTS: Readonly<Record<string, string>> = {
  // A line of words, one each; where there is none, bash goes on with files.
  bash: `# Completion of boxsockets for bash: source <(boxsockets completion bash)
_boxsockets() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -W "$(boxsockets completion words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -o bashdefault -F _boxsockets boxsockets`,
  zsh: `#compdef boxsockets
# Completion of boxsockets for zsh: source <(boxsockets completion zsh), or a file _boxsockets in a directory of $fpath
_boxsockets() {
  local -a found=("\${(@f)$(boxsockets completion words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n $found ]]; then compadd -- $found; else _files; fi
}
if [[ $funcstack[1] == _boxsockets ]]; then _boxsockets "$@"; else compdef _boxsockets boxsockets; fi`,
  fish: `# Completion of boxsockets for fish: boxsockets completion fish | source
function __boxsockets
  set -l words (commandline -opc) (commandline -ct)
  set -l found (boxsockets completion words -- $words[2..] 2>/dev/null)
  test -n "$found"; and printf '%s\\n' $found; or __fish_complete_path (commandline -ct)
end
complete -c boxsockets -f -a '(__boxsockets)'`,
};

export const completion: Command = {
  name: 'completion',
  summary: 'Print what makes a shell complete these commands and options',
  operands: ['<SHELL>', '[WORD...]'],
  choices: ['bash', 'zsh', 'fish', 'words'],
  options: [],
  details: 'What is printed for a shell asks for the words with "completion words".',
  examples: [
    ['bash > ~/.local/share/bash-completion/completions/boxsockets', 'For bash, from the next shell on'],
    ['fish > ~/.config/fish/completions/boxsockets.fish', 'For fish'],
    ['zsh > ~/.zfunc/_boxsockets', 'For zsh, where $fpath has ~/.zfunc'],
  ],
  async run(args, output, program) {
    const script = SCRIPTS[args.operands[0] ?? ''];
    if (script !== undefined) output.line(script);
    else for (const word of await wordsOf(args, program)) output.line(printable(word));
    return EXIT.fine;
  },
};

// The words that may stand in the place of the last of the operands; none where a path may.
async function wordsOf(args: Arguments, program: Program): Promise<readonly string[]> {
  const [, name, ...rest] = args.operands;
  const names = [...program.commands.map((command) => command.name()), 'help'];
  if (rest.length === 0) return [...names, '--help', '--version'];
  if (name === 'help') return names;
  const command = program.commands.find((candidate) => candidate.name() === name);
  if (command === undefined) return [];
  const { options, registeredArguments: operands } = command;
  const valued = rest.map((_, at) => options.find((one) => one.required && isIts(one, rest[at - 1])));
  const word = rest.at(-1) ?? '';
  const option = valued.at(-1);
  if (option !== undefined) return option.argChoices ?? [];
  if (word.startsWith('-')) return [...options.map(nameOf), '--help'];
  const given = rest.filter((one, at) => !one.startsWith('-') && valued[at] === undefined);
  const operand = operands[given.length - 1];
  if (operand?.argChoices !== undefined) return operand.argChoices;
  return operand?.name() === 'ID' ? (await BoxSockets.list(pick(args, 'base'))).map(({ id }) => id) : [];
}

// Of two long names, commander calls the first the short one.
function nameOf({ short, long = '' }: ProgramOption): string {
  return short ?? long;
}

function isIts({ short, long }: ProgramOption, word: string | undefined): boolean {
  return word !== undefined && (word === short || word === long);
}
