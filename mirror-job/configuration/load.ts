import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Configuration } from './configuration.ts';
import { ConfigurationError } from './configuration-error.ts';
import { ConfigurationDocument } from './document.ts';
import { interpret } from './interpret.ts';
import { configurationSchema, imagelessSchema } from './schema.ts';
import { explainIssue } from './shape-error.ts';
import type { Environment } from './variable.ts';

const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file. Name the configuration with -c FILE; the README shows a first one.',
  EISDIR: 'this is a directory. Name the file in it.',
  EACCES: 'this user may not read it.',
};

export interface Reading {
  /** False: a file that lists no images will do. */
  readonly needsImages: boolean;
  /** The folder in which a relative file name starts; left out for that of the process. */
  readonly cwd?: string;
}

/**
 * Reads and checks a configuration. It opens no other file and no connection.
 * @param environment what `${NAME}` in a value stands for
 * @throws {ConfigurationError} with every problem that was found
 */
export async function loadConfiguration(
  file: string,
  environment: Environment,
  reading: Reading = { needsImages: true },
): Promise<Configuration> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(resolve(reading.cwd ?? '', file));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw refusal(file, UNREADABLE[code] ?? `it cannot be read (${code}).`);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    throw refusal(file, 'it is not UTF-8 text. Save it as UTF-8.');
  }
  return parseConfiguration(file, text, environment, reading);
}

/** As `loadConfiguration`, of text that is at hand. @throws {ConfigurationError} */
export function parseConfiguration(
  file: string,
  text: string,
  environment: Environment,
  { needsImages, cwd = '' }: Reading = { needsImages: true },
): Configuration {
  const document = new ConfigurationDocument(file, text, environment);
  const schema = needsImages ? configurationSchema : imagelessSchema;
  const parsed = schema.safeParse(document.json, { reportInput: true });
  if (!parsed.success) {
    document.refuse(parsed.error.issues.flatMap((issue) => explainIssue(issue, document)));
    throw refusal(file, 'its shape is not that of a configuration.');
  }
  const { configuration, problems } = interpret(
    resolve(cwd, file),
    { ...parsed.data, images: parsed.data.images ?? [] },
    (path) => document.lineOf(path),
  );
  document.refuse(problems);
  return configuration;
}

function refusal(file: string, message: string): ConfigurationError {
  return new ConfigurationError(file, [{ line: undefined, key: '', message }]);
}
