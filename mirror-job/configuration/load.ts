import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Configuration } from './configuration.ts';
import { ConfigurationError, ProblemsError } from './configuration-error.ts';
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
  /** Whether a file that lists no images is refused. */
  readonly needsImages: boolean;
  /** The folder against which a relative file name is resolved; by default that of the process. */
  readonly cwd?: string;
}

/**
 * Reads and checks a configuration. It opens no other file and no connection.
 * @param environment the values of variables such as `${NAME}`
 * @throws {ConfigurationError} with every problem that was found
 */
export async function loadConfiguration(
  file: string,
  environment: Environment,
  reading: Reading = { needsImages: true },
): Promise<Configuration> {
  try {
    return parse(await readText(pathOf(file, reading)), dirname(pathOf(file, reading)), environment, reading);
  } catch (error) {
    throw withFileName(file, error);
  }
}

/**
 * Does the same as `loadConfiguration`, but from a text.
 * @param file the name for messages; its folder is where relative paths start
 * @throws {ConfigurationError}
 */
export function parseConfiguration(
  file: string,
  text: string,
  environment: Environment,
  reading: Reading = { needsImages: true },
): Configuration {
  try {
    return parse(text, dirname(pathOf(file, reading)), environment, reading);
  } catch (error) {
    throw withFileName(file, error);
  }
}

function pathOf(file: string, { cwd = '' }: Reading): string {
  return resolve(cwd, file);
}

function withFileName(file: string, error: unknown): unknown {
  return error instanceof ProblemsError ? new ConfigurationError(file, error.problems) : error;
}

/** @throws {ProblemsError} */
async function readText(file: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw wholeFile(UNREADABLE[code] ?? `it cannot be read (${code}).`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    throw wholeFile('it is not UTF-8 text. Save it as UTF-8.');
  }
}

/** @throws {ProblemsError} */
function parse(
  text: string,
  folder: string,
  environment: Environment,
  { needsImages }: Reading,
): Configuration {
  const document = new ConfigurationDocument(text, environment);
  const schema = needsImages ? configurationSchema : imagelessSchema;
  const parsed = schema.safeParse(document.json, { reportInput: true });
  if (!parsed.success) {
    document.refuse(parsed.error.issues.flatMap((issue) => explainIssue(issue, document)));
    throw wholeFile('its shape is not that of a configuration.');
  }
  const input = { ...parsed.data, images: parsed.data.images ?? [] };
  const { configuration, problems } = interpret(folder, input, (path) => document.lineOf(path));
  document.refuse(problems);
  return configuration;
}

/** Creates a problem that has no line. */
function wholeFile(message: string): ProblemsError {
  return new ProblemsError([{ line: undefined, key: '', message }]);
}
