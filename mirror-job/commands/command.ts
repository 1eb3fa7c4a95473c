/** The shape of a command, and the way in which all commands read their options. */
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { countEdits } from '../../core/spelling.ts';
import { UsageError } from '../configuration/usage-error.ts';
import type { Session } from '../terminal/io.ts';

/** The words that a shell offers for a value: names of files, of folders, or these words. */
export type Offer = 'file' | 'folder' | readonly string[];

/** An option, as Node's parser takes it. The completion of shells is made from the same table. */
export type Option = ParseArgsOptionsConfig[string] & {
  /** Left out for a value that only people know, such as a URL. */
  readonly takes?: Offer;
};

/** One command, as its file exports it. Its name and its summary are in `main.ts`, which loads the file. */
export interface Command {
  /** The options that its arguments are parsed by. */
  readonly options: Readonly<Record<string, Option>>;
  /** The words that a shell offers for the arguments that are no options; left out if only people know them. */
  readonly operands?: Offer;
  /** The text that `lifeboat NAME --help` prints. */
  readonly help: string;
  /**
   * @param args the arguments after the command's name
   * @returns the exit code
   * @throws {UsageError} before anything was touched, and {ConfigurationError} as well
   */
  run(args: readonly string[], session: Session): Promise<number>;
}

/** @throws {UsageError} for an option that is unknown or lacks its value */
export function parseOptions<const Options extends ParseArgsOptionsConfig>(
  command: string,
  args: readonly string[],
  options: Options,
) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const [, option] = /^Unknown option '(-[^']*)'/.exec(error.message) ?? [];
    if (option === undefined) {
      // Node explains some mistakes in several lines.
      const reason = error.message.replaceAll('\n', ' ').replace(/\.$/, '');
      throw new UsageError(`${reason}. ${seeHelp(command)}`, { cause: error });
    }
    const names = Object.keys(options).map((name) => `--${name}`);
    throw new UsageError(`there is no option "${option}".${suggest(option, names)} ${seeHelp(command)}`);
  }
}

export function seeHelp(command: string): string {
  return `"lifeboat ${command === '' ? '' : `${command} `}--help" explains it.`;
}

/** Returns ` Did you mean "…"?`, or an empty text if no name is near. */
export function suggest(typed: string, names: readonly string[]): string {
  const near = names
    .map((name) => ({ name, edits: countEdits(typed, name) }))
    .toSorted((a, b) => a.edits - b.edits)
    .find(({ name, edits }) => edits <= Math.min(2, name.length - 2));
  return near === undefined ? '' : ` Did you mean "${near.name}"?`;
}
