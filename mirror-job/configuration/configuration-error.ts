import { printable } from '../../core/printable.ts';

export interface Problem {
  /** From 1; undefined if the problem has no line. */
  readonly line: number | undefined;
  /** `images[0].tags`; empty for the whole file. */
  readonly key: string;
  /** A sentence: what is wrong, and what to do. */
  readonly message: string;
  /** The position of another image that conflicts with this one. */
  readonly other?: number | undefined;
}

/** Problems of a file, thrown where the file's name is not known: `parseConfiguration` adds the name. */
export class ProblemsError extends Error {
  override readonly name = 'ProblemsError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(({ message }) => message).join('\n'));
    this.problems = problems;
  }
}

/** The configuration cannot be used. It has every problem that was found, with file, line and key. Nothing was touched. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly problems: readonly Problem[];

  constructor(file: string, problems: readonly Problem[]) {
    // Each problem is one line, whatever it quotes of the file.
    super(problems.map((problem) => printable(format(file, problem))).join('\n'));
    this.problems = problems;
  }
}

function format(file: string, { line, key, message }: Problem): string {
  return `${file}${line === undefined ? '' : `:${line}`}: ${key === '' ? '' : `${key}: `}${message}`;
}
