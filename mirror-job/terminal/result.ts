/**
 * Prints a command's result on standard output, whoever reads it. Progress, warnings and errors go to standard error
 * (`Progress`), so that a result can be redirected and paged alone. docs/decisions/0061
 */
import type { CommandLine } from './command-line.ts';

/**
 * Prints the result in words. @param stream another stream when standard output carries the same result in another form
 */
export function printResult(
  text: string,
  commandLine: CommandLine,
  stream: NodeJS.WritableStream = process.stdout,
): void {
  stream.write(`${commandLine.complete(text)}\n`);
}

export function printJson(value: unknown, commandLine: CommandLine): void {
  process.stdout.write(formatJson(value, commandLine));
}

/** JSON for standard output or a file. Its sentences suggest the same commands as everywhere else. */
export function formatJson(value: unknown, commandLine: CommandLine): string {
  const complete = (_: string, one: unknown) => (typeof one === 'string' ? commandLine.complete(one) : one);
  return `${JSON.stringify(value, complete, 2)}\n`;
}
