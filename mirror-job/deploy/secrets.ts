/** The values of secrets: read from a file of KEY=value lines, or asked for. They are never printed, and never arguments. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { UsageError } from '../configuration/usage-error.ts';
import { describeUnreadable } from '../runtime/node/error-code.ts';

export type Part = 'edge' | 'job';

/** A secret that a Worker needs and does not have yet. */
export interface MissingSecret {
  readonly part: Part;
  /** The name at the Worker. */
  readonly name: string;
  /** The name in the file of secrets. */
  readonly key: string;
}

/**
 * The edge's keys of its stores have a name of their own in the file, because the job's keys have the same name at the Worker and
 * may write. `lifeboat doctor` reads the same names.
 */
export function keyInFile(part: Part, name: string): string {
  return part === 'edge' && name.startsWith('S3_') ? `EDGE_${name}` : name;
}

/** @throws {UsageError} for a file that cannot be read, has another line than KEY=value, or none */
export async function readSecrets(file: string, cwd: string): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(resolve(cwd, file), 'utf8').catch((error: unknown) => {
    throw new UsageError(`--secrets ${file}: ${describeUnreadable(error)}.`, { cause: error });
  });
  refuseOtherLines(file, text);
  const entries = Object.entries(parseEnv(text)).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '',
  );
  if (entries.length === 0) {
    throw new UsageError(`--secrets ${file}: it has no line KEY=value.`);
  }
  return new Map(entries);
}

/** `parseEnv` skips a line that it does not understand, and the secret would then count as missing. The line may be a value, so it is not shown. */
function refuseOtherLines(file: string, text: string): void {
  let openQuote: string | undefined;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (openQuote !== undefined) {
      if (line.includes(openQuote)) openQuote = undefined;
      continue;
    }
    if (/^\s*(?:#|$)/.test(line)) continue;
    const [isPair, quote, rest = ''] = /^\s*(?:export\s+)?[\w.-]+\s*=\s*(["'`])?(.*)$/.exec(line) ?? [];
    if (isPair === undefined) {
      throw new UsageError(`--secrets ${file}:${index + 1}: this line is not KEY=value.`);
    }
    if (quote !== undefined && !rest.includes(quote)) openQuote = quote;
  }
}

/** Hides values of secrets in the output of another program. */
export function withoutValues(text: string, values: Iterable<string>): string {
  return [...values].reduce(
    (shown, value) => (value.length < 4 ? shown : shown.replaceAll(value, '…')),
    text,
  );
}
