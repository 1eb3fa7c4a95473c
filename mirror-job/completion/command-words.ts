/** The commands and options that shells complete. */

/** The words that a shell offers: names of files, of folders, these words, or nothing. */
export type Offered = 'file' | 'folder' | 'nothing' | readonly string[];

export interface OptionWords {
  /** `--config`. */
  readonly long: string;
  /** `-c`; undefined if there is none. */
  readonly short: string | undefined;
  /** The words that are offered for the option's value; undefined if it takes none. */
  readonly value: Offered | undefined;
}

export interface CommandWords {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly OptionWords[];
  /** The words that are offered for the arguments that are no options. */
  readonly operands: Offered;
}

/** The options before any command. */
export const PROGRAM_OPTIONS = ['--help', '--version'];

/** @returns the names of an option, as they are typed */
export function spellings({ long, short }: OptionWords): string[] {
  return short === undefined ? [long] : [long, short];
}
