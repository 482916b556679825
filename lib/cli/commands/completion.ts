import { type Command, EXIT } from '../command.js';
import { completionScript, SHELLS, type Shell } from '../completion.js';

/** `completion SHELL`, of all commands, of which it is one itself. */
export const completion = (commands: () => readonly Command[]): Command => ({
  name: 'completion',
  summary: 'Print what makes a shell complete these commands and options',
  operands: [{ name: 'SHELL', choices: SHELLS }],
  options: [],
  examples: [
    ['bash > ~/.local/share/bash-completion/completions/boxsockets', 'For bash, from the next shell on'],
    ['fish > ~/.config/fish/completions/boxsockets.fish', 'For fish'],
    ['zsh > ~/.zfunc/_boxsockets', 'For zsh, where $fpath has ~/.zfunc'],
  ],
  run(args, output) {
    const script = completionScript(args.operands[0] as Shell, commands());
    if (args.json) output.json({ script });
    else output.line(script.trimEnd());
    return EXIT.fine;
  },
});
