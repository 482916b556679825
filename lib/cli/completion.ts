// Completions for bash, zsh and fish, made of the table of commands.

import { COMMON_OPTIONS, type Command, type Option } from './command.js';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** What stands for a value or an operand, and is completed the same wherever it stands. */
interface Slot {
  name: string;
  choices?: readonly string[];
}

/** The script that a shell is to load. */
export function completionScript(shell: Shell, commands: readonly Command[]): string {
  const make = { bash, zsh, fish }[shell];
  return make([...commands, HELP(commands)]);
}

// What commander adds by itself.
const HELP = (commands: readonly Command[]): Command => ({
  name: 'help',
  summary: 'Show the help of a command',
  operands: [{ name: 'COMMAND', choices: commands.map((command) => command.name) }],
  options: [],
  examples: [],
  run: () => 0,
});

function optionsOf(command: Command): Option[] {
  return [...command.options, ...COMMON_OPTIONS, { name: 'help', help: 'show this help' }];
}

function slotOf({ value, choices }: Option): Slot {
  return { name: value ?? '', ...(choices !== undefined && { choices }) };
}

const IDS = 'boxsockets list --quiet 2>/dev/null';

function bash(commands: readonly Command[]): string {
  const generator = ({ name, choices }: Slot): string => {
    if (choices !== undefined) return `compgen -W $'${choices.join('\\n')}' -- "$cur"`;
    if (name === 'ID') return `compgen -W "$(${IDS})" -- "$cur"`;
    return name === 'DIR' ? 'compgen -d -- "$cur"' : name === 'PATH' ? 'compgen -f -- "$cur"' : ':';
  };
  const cases = commands.map((command) => {
    const options = optionsOf(command);
    const valued = options.filter((option) => option.value !== undefined);
    const values = valued.map(
      (option) => `      --${option.name}) COMPREPLY=($(${generator(slotOf(option))})); return ;;`,
    );
    return [
      `  ${command.name})`,
      ...(values.length > 0 ? ['    case $prev in', ...values, '    esac'] : []),
      `    if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W $'${options.map(({ name }) => `--${name}`).join('\\n')}' -- "$cur"))`,
      `    else COMPREPLY=($(${[...command.operands.map(generator), ':'].join('; ')})); fi ;;`,
    ].join('\n');
  });
  return `# Completion of boxsockets for bash: source <(boxsockets completion bash)
_boxsockets() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} IFS=$'\\n'
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W $'${[...commands.map(({ name }) => name), '--help', '--version'].join('\\n')}' -- "$cur"))
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join('\n')}
  esac
}
complete -o filenames -F _boxsockets boxsockets
`;
}

function zsh(commands: readonly Command[]): string {
  const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  // A colon and a bracket end a description.
  const say = (text: string) => text.replace(/[:[\]\\]/g, '\\$&');
  const action = ({ name, choices }: Slot): string => {
    if (choices !== undefined) return `:${name}:(${choices.join(' ')})`;
    if (name === 'ID') return `:${name}:{compadd -- \${(f)"$(${IDS})"}}`;
    return name === 'DIR' ? `:${name}:_files -/` : name === 'PATH' ? `:${name}:_files` : `:${name}: `;
  };
  const cases = commands.map((command) => {
    const options = optionsOf(command).map((option) => {
      const spec = `--${option.name}[${say(option.help)}]`;
      const repeated = option.repeated === true ? '*' : '';
      return quote(repeated + spec + (option.value === undefined ? '' : action(slotOf(option))));
    });
    const operands = command.operands.map((operand, index) => quote(`${index + 1}${action(operand)}`));
    return `    ${command.name}) _arguments ${[...options, ...operands].join(' ')} ;;`;
  });
  return `#compdef boxsockets
# Completion of boxsockets for zsh: source <(boxsockets completion zsh), or a file _boxsockets in a directory of $fpath
_boxsockets() {
  local -a commands=(${commands.map(({ name, summary }) => quote(`${name}:${say(summary)}`)).join(' ')})
  if ((CURRENT == 2)); then _describe command commands; return; fi
  shift words
  ((CURRENT--))
  case $words[1] in
${cases.join('\n')}
  esac
}
if [[ $funcstack[1] == _boxsockets ]]; then _boxsockets "$@"; else compdef _boxsockets boxsockets; fi
`;
}

function fish(commands: readonly Command[]): string {
  const quote = (text: string) => `'${text.replace(/['\\]/g, '\\$&')}'`;
  const candidates = ({ name, choices }: Slot): string => {
    if (choices !== undefined) return ` -f -a ${quote(choices.join(' '))}`;
    if (name === 'ID') return ` -f -a ${quote(`(${IDS})`)}`;
    return name === 'DIR' ? " -f -a '(__fish_complete_directories)'" : name === 'PATH' ? ' -F' : ' -f';
  };
  const lines = commands.flatMap((command) => {
    const within = `complete -c boxsockets -n '__fish_seen_subcommand_from ${command.name}'`;
    return [
      `complete -c boxsockets -n __fish_use_subcommand -a ${command.name} -d ${quote(command.summary)}`,
      ...command.operands.map((operand) => within + candidates(operand)),
      ...optionsOf(command).map((option) => {
        const value = option.value === undefined ? '' : ` -r${candidates(slotOf(option))}`;
        return `${within} -l ${option.name}${value} -d ${quote(option.help)}`;
      }),
    ];
  });
  const head = '# Completion of boxsockets for fish: boxsockets completion fish | source';
  return `${[head, 'complete -c boxsockets -f', ...lines].join('\n')}\n`;
}
