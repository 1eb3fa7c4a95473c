/** Writes the script that makes fish complete `lifeboat`. */
import type { CommandWords, Offered, OptionWords } from './command-words.ts';

export function fishScript(commands: readonly CommandWords[]): string {
  return `# Completion of lifeboat for fish: lifeboat completion fish | source
function __lifeboat_is_first
    test (count (commandline -opc)) -eq 1
end
function __lifeboat_is
    set -l words (commandline -opc)
    test (count $words) -ge 2; and test "$words[2]" = "$argv[1]"
end
complete -c lifeboat -f
complete -c lifeboat -n __lifeboat_is_first -l help -s h
complete -c lifeboat -n __lifeboat_is_first -l version -s V
${commands.flatMap(commandLines).join('\n')}
complete -c lifeboat -n '__lifeboat_is help' -a ${quoted(commands.map(({ name }) => name).join(' '))}
`;
}

function commandLines({ name, summary, options, operands }: CommandWords): string[] {
  const when = `complete -c lifeboat -n ${quoted(`__lifeboat_is ${name}`)}`;
  return [
    `complete -c lifeboat -n __lifeboat_is_first -a ${name} -d ${quoted(summary)}`,
    ...options.map((option) => `${when} ${optionWords(option)}`),
    ...(operands === 'nothing' ? [] : [`${when} ${offer(operands)}`]),
  ];
}

function optionWords({ long, short, value }: OptionWords): string {
  return [
    `-l ${long.replace(/^--/, '')}`,
    ...(short === undefined ? [] : [`-s ${short.replace(/^-/, '')}`]),
    ...(value === undefined ? [] : [valueWords(value)]),
  ].join(' ');
}

/** `-x` keeps fish from offering files. */
function valueWords(value: Offered): string {
  if (value === 'file') return '-r -F';
  return value === 'nothing' ? '-x' : `-x ${offer(value)}`;
}

function offer(offered: Exclude<Offered, 'nothing'>): string {
  if (offered === 'file') return '-F';
  if (offered === 'folder') return "-a '(__fish_complete_directories)'";
  return `-a ${quoted(offered.join(' '))}`;
}

/** In fish's single quotes, a backslash escapes. */
function quoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`;
}
