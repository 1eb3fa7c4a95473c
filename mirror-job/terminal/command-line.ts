/**
 * Knows how people started this Lifeboat, and with which configuration, so that messages can suggest commands. The
 * engine knows neither: it writes `"lifeboat sync IMAGE"`, in double quotes, and `complete` turns that into a command
 * that can be pasted. docs/decisions/0060
 */
import { basename, dirname, resolve, sep } from 'node:path';
import { parseArgs } from 'node:util';

/** The default file of every command that reads a configuration. */
export const DEFAULT_CONFIGURATION = 'lifeboat.yaml';

const WITHOUT_CONFIGURATION: ReadonlySet<string> = new Set(['completion', 'import', 'init']);

/** Finds the commands that messages quote. A command that names its configuration is complete already. */
const QUOTED = /"lifeboat ((?!\S+ (?:-c |--config=))[^"\n]+)"/g;

export class CommandLine {
  readonly #program: string;
  readonly #configuration: string;
  readonly #file: string | undefined;

  /**
   * @param program the text that is typed before the name of a command, as a shell reads it
   * @param configuration the file that was named; undefined for the default one
   */
  constructor(program = 'lifeboat', configuration?: string) {
    this.#program = program;
    this.#file = configuration;
    this.#configuration = configuration === undefined ? '' : ` ${optionFor(configuration)}`;
  }

  /** @param words the name of a command and its arguments, as a shell reads them: `approve IMAGE` */
  for(words: string): string {
    const [name = '', ...rest] = words.split(' ');
    const needsNone = !/^[a-z]+$/.test(name) || WITHOUT_CONFIGURATION.has(name) || rest.includes('--help');
    return [`${this.#program} ${name}${needsNone ? '' : this.#configuration}`, ...rest].join(' ');
  }

  /** Completes the commands in a text, so that they can be pasted. */
  complete(text: string): string {
    return text.replaceAll(QUOTED, (_, words: string) => `"${this.for(words)}"`);
  }

  /** The same for texts that people read on other machines, where this process' path means nothing. */
  elsewhere(): CommandLine {
    return new CommandLine('lifeboat', this.#file);
  }

  /** Does the same for a command's help, whose examples are written for a clone. A pipe may have several commands. */
  completeHelp(help: string): string {
    return help.replaceAll(/(?<=^ *|\| )npx lifeboat(?= )/gm, () => this.#program);
  }
}

/** The facts about how this process was started. */
export interface Start {
  /** The program as it was typed: `node`, or a path. */
  readonly argv0: string;
  /** Node's own options. */
  readonly execArgv: readonly string[];
  /** The script's path. */
  readonly script: string;
  readonly env: NodeJS.ProcessEnv;
  /** The folder in which the process was started. */
  readonly cwd: string;
}

/** @returns the text that is typed before the name of a command, as a shell reads it */
export function findProgram({ argv0, execArgv, script, env, cwd }: Start): string {
  // If a script starts this one, as beside systemd, people type that script, because it has the keys.
  const named = env['LIFEBOAT_COMMAND'];
  if (named !== undefined && named !== '') return named;
  // npm and similar tools set these variables for every program that they start.
  const isByNpm = env['npm_command'] !== undefined || env['npm_config_user_agent'] !== undefined;
  const folder = dirname(script);
  if (basename(script) === 'lifeboat') {
    if (isByNpm && folder.endsWith(`${sep}node_modules${sep}.bin`)) return 'npx lifeboat';
    const isOnPath = (env['PATH'] ?? '').split(':').some((one) => one !== '' && resolve(cwd, one) === folder);
    return isOnPath ? 'lifeboat' : quote(script);
  }
  // "npm start" runs the script itself; in a clone, people use npx.
  if (isByNpm && `${cwd}${sep}`.startsWith(`${dirname(folder)}${sep}`)) return 'npx lifeboat';
  return [argv0, ...execArgv, script].map((word) => quote(word)).join(' ');
}

/** @param args the arguments of the command that runs, which may name a configuration */
export function findCommandLine(program: string, args: readonly string[], cwd: string): CommandLine {
  return new CommandLine(program, configurationOf(args, cwd));
}

/**
 * @returns undefined for the default configuration, and if the arguments name none in a way that a command would accept
 */
function configurationOf(args: readonly string[], cwd: string): string | undefined {
  const options = { config: { type: 'string', short: 'c' } } as const;
  const { config } = parseArgs({
    args: [...args],
    options,
    strict: false,
    allowPositionals: true,
  }).values;
  if (typeof config !== 'string' || config === '') return undefined;
  return resolve(cwd, config) === resolve(cwd, DEFAULT_CONFIGURATION) ? undefined : config;
}

function optionFor(file: string): string {
  return file.startsWith('-') ? `--config=${quote(file)}` : `-c ${quote(file)}`;
}

/** Quotes a word, if necessary, so that a POSIX shell reads it as it is. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
