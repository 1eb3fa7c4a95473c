/** Writes the script that makes bash complete `lifeboat`. It runs in the bash 3.2 of macOS, too. */
import { quote } from '../terminal/command-line.ts';
import { PROGRAM_OPTIONS, spellings, type CommandWords, type Offered } from './command-words.ts';

export function bashScript(commands: readonly CommandWords[]): string {
  const names = commands.map(({ name }) => name);
  return `# Completion of lifeboat for bash: source <(lifeboat completion bash)
_lifeboat_offer() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen "$@" -- "$current"))
}
_lifeboat_files() {
  _lifeboat_offer "$1"
  compopt -o filenames 2>/dev/null
}
_lifeboat() {
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} option=''
  COMPREPLY=()
  # bash makes three words of --option=value.
  if [[ $current == '=' ]]; then
    option=$before current=''
  elif [[ $before == '=' ]]; then
    option=\${COMP_WORDS[COMP_CWORD - 2]}
  elif [[ $before == -* ]]; then
    option=$before
  fi
  if ((COMP_CWORD == 1)); then
    _lifeboat_offer -W ${lines([...names, 'help', ...PROGRAM_OPTIONS])}
    return
  fi
  case "\${COMP_WORDS[1]} $option" in
${commands.flatMap(valueCases).join('\n')}
  esac
  case "\${COMP_WORDS[1]} $current" in
${commands.map((command) => `    ${quote(`${command.name} -`)}*) _lifeboat_offer -W ${lines(command.options.map(({ long }) => long))} ;;`).join('\n')}
${commands.map(({ name, operands }) => `    ${quote(`${name} `)}*) ${offer(operands)} ;;`).join('\n')}
    'help '*) _lifeboat_offer -W ${lines(names)} ;;
  esac
}
complete -F _lifeboat lifeboat
`;
}

function valueCases({ name, options }: CommandWords): string[] {
  return options.flatMap((option) => {
    if (option.value === undefined) return [];
    const patterns = spellings(option).map((word) => quote(`${name} ${word}`));
    return [`    ${patterns.join(' | ')}) ${offer(option.value)}; return ;;`];
  });
}

function offer(offered: Offered): string {
  if (offered === 'nothing') return ':';
  if (offered === 'file') return '_lifeboat_files -f';
  if (offered === 'folder') return '_lifeboat_files -d';
  return `_lifeboat_offer -W ${lines(offered)}`;
}

/** The words stand on lines of their own, because the line end alone separates them where they are offered. */
function lines(words: readonly string[]): string {
  return `$'${words.join(String.raw`\n`)}'`;
}
