import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import type { Configuration } from './configuration.ts';
import { ConfigurationError } from './configuration-error.ts';
import { ConfigurationDocument, type Path } from './document.ts';
import { interpret } from './interpret.ts';
import { NOT_BUILT_YET, configurationSchema } from './schema.ts';

/**
 * Reads and checks a configuration; touches nothing else.
 * @throws {ConfigurationError} with every problem that was found
 */
export async function loadConfiguration(
  file: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Configuration> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const message =
      error instanceof Error && 'code' in error && error.code === 'ENOENT'
        ? 'there is no such file. Name one with -c FILE; the README shows a first one.'
        : `it cannot be read: ${String(error)}`;
    throw new ConfigurationError(file, [{ line: undefined, key: '', message }]);
  }
  return parseConfiguration(file, text, environment);
}

/** As `loadConfiguration`, of text that is at hand. @throws {ConfigurationError} */
export function parseConfiguration(
  file: string,
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
): Configuration {
  const document = ConfigurationDocument.parse(file, text, environment);
  const parsed = configurationSchema.safeParse(document.toJson());
  if (!parsed.success) {
    document.refuse(parsed.error.issues.flatMap((issue) => explain(issue)));
    throw parsed.error;
  }
  const { configuration, problems } = interpret(file, parsed.data);
  document.refuse(problems);
  return configuration;
}

/** One problem a key, in words for people. */
function explain(issue: z.core.$ZodIssue): { path: Path; message: string }[] {
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        path: [...issue.path, key],
        message: NOT_BUILT_YET.has(key)
          ? 'this key is planned and not built yet; leave it out.'
          : 'there is no such key.',
      }));
    case 'invalid_type':
      return [
        {
          path: issue.path,
          message: issue.input === undefined ? 'it is missing.' : `it must be ${article(issue.expected)}.`,
        },
      ];
    case 'invalid_value':
      return [{ path: issue.path, message: `it must be one of ${issue.values.map(String).join(', ')}.` }];
    case 'invalid_union': {
      // The alternative that got furthest is the one that was meant: its problems say more than "none fits".
      const meant = issue.errors.filter(
        (errors) => !errors.some((error) => error.path.length === 0 && error.code === 'invalid_type'),
      );
      const [best] = meant;
      if (meant.length === 1 && best !== undefined) {
        return best.flatMap((error) => explain({ ...error, path: [...issue.path, ...error.path] }));
      }
      return [{ path: issue.path, message: issue.message }];
    }
    default:
      return [{ path: issue.path, message: issue.message }];
  }
}

function article(type: string): string {
  const names: Record<string, string> = {
    object: 'a map of keys',
    array: 'a list',
    record: 'a map of keys',
    boolean: 'true or false',
  };
  return names[type] ?? `a ${type}`;
}
