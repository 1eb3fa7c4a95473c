/** A word after `lifeboat`. */
export interface Command {
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** What `lifeboat NAME --help` prints. */
  readonly help: string;
  /** @returns the exit code. @throws {UsageError} and whatever main.ts knows to mean exit code 2 */
  run(args: readonly string[]): Promise<number>;
}

/** The command line is wrong; the message says in which way. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
