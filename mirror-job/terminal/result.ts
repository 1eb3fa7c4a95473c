/**
 * Prints a command's result on standard output. Progress, warnings and errors go to standard error (`Progress`), so
 * that a result can be redirected and paged alone. docs/decisions/0061
 *
 * A result holds texts of upstreams and buckets. They are made printable here, before lines are made of them, because
 * afterwards their line ends and colours could not be distinguished from Lifeboat's own. docs/decisions/0096
 */
import { brief, printable, printableLines } from '../../core/printable.ts';
import type { CommandLine } from './command-line.ts';
import type { Output, Session } from './io.ts';

/**
 * Prints the result in words.
 * @param value plain data, such as a report
 * @param describe makes the words; every text that it gets is printable
 * @param stream another stream when standard output carries the same result in another form
 */
export function printResult<Value>(
  value: Value,
  describe: (shown: Value) => string,
  { stdout, commandLine }: Pick<Session, 'stdout' | 'commandLine'>,
  stream: Output = stdout,
): void {
  stream.write(`${commandLine.complete(describe(printableValues(value)))}\n`);
}

export function printJson(
  value: unknown,
  { stdout, commandLine }: Pick<Session, 'stdout' | 'commandLine'>,
): void {
  stdout.write(formatJson(value, commandLine));
}

/** Formats JSON for standard output or a file. Its sentences suggest the same commands as everywhere else. */
export function formatJson(value: unknown, commandLine: CommandLine): string {
  const complete = (_: string, one: unknown) => (typeof one === 'string' ? commandLine.complete(one) : one);
  return `${printableLines(JSON.stringify(value, complete, 2))}\n`;
}

/** Copies the value, and makes every text in it printable. */
function printableValues<Value>(value: Value): Value {
  const copy = structuredClone({ value });
  escapeTexts(copy);
  return copy.value;
}

function escapeTexts(holder: object): void {
  for (const [key, value] of Object.entries(holder)) {
    if (typeof value === 'string') Reflect.set(holder, key, printable(brief(value)));
    else if (typeof value === 'object' && value !== null) escapeTexts(value);
  }
}
