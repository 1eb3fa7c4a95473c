/** Parses and checks a configuration. It opens no file and no connection. */
import { dirname, resolve } from 'node:path';
import type * as z from 'zod/mini';
import { isObject } from '../../core/json.ts';
import type { Configuration } from './configuration.ts';
import { ConfigurationError, ProblemsError } from './configuration-error.ts';
import { ConfigurationDocument, type PathProblem } from './document.ts';
import { interpret } from './interpret.ts';
import { configurationSchema, imagelessSchema } from './schema.ts';
import { explainIssue } from './shape-error.ts';
import { STORE_MISSING } from './stores.ts';
import type { Environment } from './variable.ts';

export interface Reading {
  /** Whether a file that lists no images is refused. */
  readonly needsImages: boolean;
  /** The folder against which a relative file name is resolved; by default that of the process. */
  readonly cwd?: string;
}

/**
 * @param file the name for messages; its folder is where relative paths start
 * @param environment the values of variables such as `${NAME}`
 * @throws {ConfigurationError} with every problem that was found
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
    throw error instanceof ProblemsError ? new ConfigurationError(file, error.problems) : error;
  }
}

/** @returns the path of the configuration's file */
export function pathOf(file: string, { cwd = '' }: Pick<Reading, 'cwd'>): string {
  return resolve(cwd, file);
}

/** @throws {ProblemsError} */
function parse(
  text: string,
  folder: string,
  environment: Environment,
  { needsImages }: Reading,
): Configuration {
  const document = new ConfigurationDocument(text, environment);
  const hasOnDemand = isObject(document.json) && document.json['onDemand'] !== undefined;
  const schema = needsImages && !hasOnDemand ? configurationSchema : imagelessSchema;
  const parsed = schema.safeParse(document.json, { reportInput: true });
  if (!parsed.success) {
    const { issues } = parsed.error;
    document.refuse([
      ...issues.flatMap((issue) => explainIssue(issue, document)),
      ...missingStore(document.json, issues),
    ]);
    throw wholeFile('its shape is not that of a configuration.');
  }
  const input = { ...parsed.data, images: parsed.data.images ?? [] };
  const { configuration, problems } = interpret(folder, input, (path) => document.lineOf(path));
  document.refuse(problems);
  return configuration;
}

/**
 * Says that there is no store beside problems of the shape, so that it does not first come up when these are mended. An
 * unknown key at the top may be a misspelt store, or a part of one.
 */
function missingStore(json: unknown, issues: readonly z.core.$ZodIssue[]): PathProblem[] {
  const hasUnknown = issues.some(({ code, path }) => code === 'unrecognized_keys' && path.length === 0);
  return isObject(json) && !hasUnknown && json['store'] === undefined && json['stores'] === undefined
    ? [STORE_MISSING]
    : [];
}

/** Creates a problem that has no line. */
export function wholeFile(message: string): ProblemsError {
  return new ProblemsError([{ line: undefined, key: '', message }]);
}
