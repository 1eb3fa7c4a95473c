/**
 * Where a command's result goes: to standard output, whoever reads it. Progress, warnings and errors go to standard error
 * (`Progress`), so that a result can be redirected and paged alone. docs/decisions/0061
 */
import type { CommandLine } from './command-line.ts';

/** In words. @param stream another one where standard output is taken by the same in another form */
export function printResult(
  text: string,
  commandLine: CommandLine,
  stream: NodeJS.WritableStream = process.stdout,
): void {
  stream.write(`${commandLine.complete(text)}\n`);
}

/** As JSON. */
export function printJson(value: unknown, commandLine: CommandLine): void {
  process.stdout.write(formatJson(value, commandLine));
}

/** For standard output or a file: what reads a sentence of it elsewhere suggests the same command. */
export function formatJson(value: unknown, commandLine: CommandLine): string {
  const complete = (_: string, one: unknown) => (typeof one === 'string' ? commandLine.complete(one) : one);
  return `${JSON.stringify(value, complete, 2)}\n`;
}
