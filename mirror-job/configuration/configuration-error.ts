import { printable } from '../../core/printable.ts';

export interface Problem {
  /** The line, counted from 1; undefined if the problem has no line. */
  readonly line: number | undefined;
  /** The key, such as `images[0].tags`; empty for the whole file. */
  readonly key: string;
  /** A sentence that says what is wrong, and what to do. */
  readonly message: string;
  /** The position of another image that conflicts with this one. */
  readonly other?: number | undefined;
}

/** Problems of a file. The code that throws them does not know the file's name, so `parseConfiguration` adds it. */
export class ProblemsError extends Error {
  override readonly name = 'ProblemsError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(({ message }) => message).join('\n'));
    this.problems = problems;
  }
}

/**
 * The configuration cannot be used. The error has every problem that was found, with file, line and key. No other file
 * and no server was touched.
 */
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
