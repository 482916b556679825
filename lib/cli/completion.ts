// Completions for bash, zsh and fish: a few lines for the shell, which ask this program for the words.

import { BoxSockets } from '../index.js';
import { baseOf, COMMON_OPTIONS, type Command } from './command.js';

const SCRIPTS = {
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

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** The script that a shell is to load. */
export function completionScript(shell: (typeof SHELLS)[number]): string {
  return SCRIPTS[shell];
}

/** The words that may stand in the place of the last of `words`; none where a path may. */
export async function completionWords(words: readonly string[], commands: readonly Command[]): Promise<string[]> {
  const [name = '', ...rest] = words;
  const names = [...commands.map((command) => command.name), 'help'];
  if (rest.length === 0) return [...names, '--help', '--version'];
  if (name === 'help') return names;
  const command = commands.find((candidate) => candidate.name === name);
  if (command === undefined) return [];
  const options = [...command.options, ...COMMON_OPTIONS];
  const [word = '', previous = ''] = rest.toReversed();
  const valued = options.find((option) => option.value !== undefined && previous === `--${option.name}`);
  if (valued !== undefined) return [...(valued.choices ?? [])];
  if (word.startsWith('-')) return [...options.map((option) => `--${option.name}`), '--help'];
  const operand = command.operands[rest.filter((one) => !one.startsWith('-')).length - 1] ?? command.operands[0];
  if (operand?.choices !== undefined) return [...operand.choices];
  return operand?.name === 'ID' ? (await BoxSockets.list(baseOf(undefined))).map((binding) => binding.id) : [];
}
