/** Writes the script that makes zsh complete `lifeboat`. It can be sourced, or lie in a folder of `fpath` as `_lifeboat`. */
import { quote } from '../terminal/command-line.ts';
import { PROGRAM_OPTIONS, spellings, type CommandWords, type Offered } from './command-words.ts';

export function zshScript(commands: readonly CommandWords[]): string {
  return `#compdef lifeboat
# Completion of lifeboat for zsh: source <(lifeboat completion zsh)
_lifeboat() {
  local current=\${words[CURRENT]} option=''
  local -a commands
  commands=(
${commands.map(({ name, summary }) => `    ${quote(`${name}:${summary}`)}`).join('\n')}
  )
  if ((CURRENT == 2)); then
    if [[ $current == -* ]]; then
      compadd -- ${PROGRAM_OPTIONS.join(' ')}
    else
      _describe command commands
    fi
    return
  fi
  if [[ $current == --*=* ]]; then
    option=\${current%%=*}
    compset -P '*='
  elif [[ \${words[CURRENT - 1]} == -* ]]; then
    option=\${words[CURRENT - 1]}
  fi
  case "\${words[2]} $option" in
${commands.flatMap(valueCases).join('\n')}
  esac
  case "\${words[2]} $current" in
${commands.map(({ name, options }) => `    ${quote(`${name} -`)}*) compadd -- ${options.map(({ long }) => long).join(' ')} ;;`).join('\n')}
${commands.map(({ name, operands }) => `    ${quote(`${name} `)}*) ${offer(operands)} ;;`).join('\n')}
    'help '*) _describe command commands ;;
  esac
}
if [[ \${funcstack[1]} == _lifeboat ]]; then
  _lifeboat "$@"
else
  compdef _lifeboat lifeboat
fi
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
  if (offered === 'file') return '_files';
  if (offered === 'folder') return '_path_files -/';
  return `compadd -- ${offered.join(' ')}`;
}
