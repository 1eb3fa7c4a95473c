import { readFile } from 'node:fs/promises';
import type { Configuration } from './configuration.ts';
import { ConfigurationError, ProblemsError } from './configuration-error.ts';
import { parseConfiguration, pathOf, wholeFile, type Reading } from './parse.ts';
import { UsageError } from './usage-error.ts';
import type { Environment } from './variable.ts';

const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file. Name the configuration with -c FILE; "lifeboat init" writes a first one.',
  EISDIR: 'this is a directory. Name the file in it.',
  EACCES: 'this user may not read it.',
};

/**
 * Reads and checks a configuration. It opens no other file and no connection.
 * @param environment the values of variables such as `${NAME}`
 * @throws {ConfigurationError} with every problem that was found, and {UsageError} for an empty name
 */
export async function loadConfiguration(
  file: string,
  environment: Environment,
  reading: Reading = { needsImages: true },
): Promise<Configuration> {
  const text = await readConfigurationText(file, reading);
  return parseConfiguration(file, text, environment, reading);
}

/**
 * Reads the text of a configuration, for a caller that parses it by itself.
 * @throws {ConfigurationError} for a file that cannot be read, or is not UTF-8, and {UsageError} for an empty name
 */
export async function readConfigurationText(file: string, reading: Pick<Reading, 'cwd'>): Promise<string> {
  // An unset variable of the shell gives an empty name, which would be that of the folder.
  if (file === '') throw new UsageError('--config names no file.');
  return readText(pathOf(file, reading)).catch((error: unknown) => {
    throw error instanceof ProblemsError ? new ConfigurationError(file, error.problems) : error;
  });
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
