import { type Command, EXIT } from '../command.js';
import { completionScript, completionWords, SHELLS } from '../completion.js';
import { printable } from '../text.js';

/** `completion SHELL`, of all commands, of which it is one itself. */
export const completion = (commands: () => readonly Command[]): Command => ({
  name: 'completion',
  summary: 'Print what makes a shell complete these commands and options',
  operands: [
    { name: 'SHELL', choices: [...SHELLS, 'words'] },
    { name: 'WORD', optional: true, repeated: true },
  ],
  options: [],
  details: 'What is printed for a shell asks for the words with "completion words".',
  examples: [
    ['bash > ~/.local/share/bash-completion/completions/boxsockets', 'For bash, from the next shell on'],
    ['fish > ~/.config/fish/completions/boxsockets.fish', 'For fish'],
    ['zsh > ~/.zfunc/_boxsockets', 'For zsh, where $fpath has ~/.zfunc'],
  ],
  async run({ operands: [shell, ...words] }, output) {
    const found = SHELLS.find((name) => name === shell);
    if (found !== undefined) output.line(completionScript(found));
    else for (const word of await completionWords(words.map(String), commands())) output.line(printable(word));
    return EXIT.fine;
  },
});
