/** `lifeboat completion` prints what makes a shell complete the command line, from the tables that parse it. */
import { bashScript } from '../completion/bash.ts';
import type { CommandWords, OptionWords } from '../completion/command-words.ts';
import { fishScript } from '../completion/fish.ts';
import { zshScript } from '../completion/zsh.ts';
import { UsageError } from '../configuration/usage-error.ts';
import { parseOptions, seeHelp, suggest, type Command, type Option } from './command.ts';

/** A row of the table of commands. */
export interface CommandEntry {
  /** The word after `lifeboat`. */
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** Loads the command's code, and nothing of the other commands. */
  readonly load: () => Promise<Command>;
}

const SHELLS = { bash: bashScript, zsh: zshScript, fish: fishScript };

const HELP = `Usage: lifeboat completion bash|zsh|fish

Prints a script that makes the shell complete the commands of lifeboat, their options, and the files
and words that options take. The script belongs to this version: a line in the shell's own start
file, as below, makes it anew for each shell.

It completes the command "lifeboat". Where Lifeboat is started in another way, define a function of
that name, such as lifeboat() { npx lifeboat "$@"; }

Options:
  -h, --help  this help

Exit code:
  0  the script is printed
  2  the command line is wrong

Examples:
  source <(lifeboat completion bash)                  # in ~/.bashrc
  source <(lifeboat completion zsh)                   # in ~/.zshrc, after compinit
  lifeboat completion fish | source                   # in ~/.config/fish/config.fish
  npx lifeboat completion bash > ~/.local/share/bash-completion/completions/lifeboat
`;

/** @param commands all of them, this one too */
export function completionOf(commands: readonly CommandEntry[]): Command {
  return {
    options: {},
    operands: Object.keys(SHELLS),
    help: HELP,
    async run(args, session) {
      const { positionals } = parseOptions('completion', args, {});
      const [shell = '', ...others] = positionals;
      const script = new Map(Object.entries(SHELLS)).get(shell);
      if (script === undefined || others.length > 0) {
        const hint = script === undefined ? suggest(shell, Object.keys(SHELLS)) : '';
        throw new UsageError(`name one shell: bash, zsh or fish.${hint} ${seeHelp('completion')}`);
      }
      session.stdout.write(script(await Promise.all(commands.map(wordsOf))));
      return 0;
    },
  };
}

async function wordsOf({ name, summary, load }: CommandEntry): Promise<CommandWords> {
  const { options, operands } = await load();
  const help: OptionWords = { long: '--help', short: '-h', value: undefined };
  return {
    name,
    summary,
    options: [...Object.entries(options).map(optionWords), help],
    operands: operands ?? 'nothing',
  };
}

function optionWords([name, { type, short, takes }]: [string, Option]): OptionWords {
  return {
    long: `--${name}`,
    short: short === undefined ? undefined : `-${short}`,
    value: type === 'boolean' ? undefined : (takes ?? 'nothing'),
  };
}
