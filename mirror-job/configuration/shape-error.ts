/** Explains what is wrong with the file's shape, with one problem per key. */
import type * as z from 'zod/mini';
import { isObject } from '../../core/json.ts';
import type { Path } from './path.ts';
import { DurationInvalidError } from '../../core/duration.ts';
import type { ConfigurationDocument, PathProblem } from './document.ts';
import { adviseOnKey } from './key-advice.ts';
import { configurationSchema } from './schema.ts';

/** Keys whose values are never shown. */
const SECRET: ReadonlySet<unknown> = new Set(['accessKeyId', 'secretAccessKey', 'username', 'password']);

const DURATIONS: ReadonlySet<unknown> = new Set(['every', 'maxDuration', 'minAge', 'timeout']);

const KINDS: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a whole number',
  object: 'a map of keys',
  record: 'a map of keys',
  string: 'a text',
};

export function explainIssue(issue: z.core.$ZodIssue, document: ConfigurationDocument): PathProblem[] {
  const { path, input } = issue;
  switch (issue.code) {
    case 'unrecognized_keys': {
      const colon = colonAfterImage(path, input);
      if (colon !== undefined) return [colon];
      return issue.keys.map((key) => ({
        path: [...path, key],
        message: adviseOnKey(configurationSchema, path, key) ?? issue.message,
      }));
    }
    case 'invalid_type':
      return [{ path, message: wrongKind(issue, document) }];
    case 'invalid_value':
      return [{ path, message: `it must be one of ${issue.values.map(String).join(', ')}.` }];
    case 'invalid_union': {
      if (input === undefined) return [{ path, message: 'it is missing.' }];
      // The alternative that fits best is probably the one that was meant, and its problems say more than "none fits".
      const meant = issue.errors.find(
        (errors) => !errors.some((error) => error.path.length === 0 && isOtherKind(error)),
      );
      if (DURATIONS.has(path.at(-1)) && typeof input === 'number') {
        return [{ path, message: wrongDuration(document.writtenAt(path) ?? '', issue.message) }];
      }
      const colon = meant === undefined ? undefined : colonAfterImage(path, input);
      if (colon !== undefined) return [colon];
      return (
        meant?.flatMap((error) => explainIssue({ ...error, path: [...path, ...error.path] }, document)) ?? [
          { path, message: input === null ? `it is empty: ${issue.message}` : issue.message },
        ]
      );
    }
    default:
      return [{ path, message: issue.message }];
  }
}

/** Explains `- alpine:` and `- alpine: 3.20`, which YAML reads as a map with one key. */
function colonAfterImage(path: Path, input: unknown): PathProblem | undefined {
  if (path.length !== 2 || path[0] !== 'images' || !isObject(input)) return undefined;
  const [key, ...others] = Object.keys(input);
  if (key === undefined || others.length > 0 || isObject(input[key])) return undefined;
  if (key === 'source' || adviseOnKey(configurationSchema, path, key) !== undefined) return undefined;
  return {
    path,
    message:
      'the colon makes a key of the reference, because a space or nothing follows the colon. Write the reference without spaces, as in docker.io/library/alpine:3.20, or as a map with a source.',
  };
}

function isOtherKind({ code }: z.core.$ZodIssue): boolean {
  return code === 'invalid_type' || code === 'invalid_value';
}

/** Advises on a number as the file writes it. In most cases its unit is missing. */
function wrongDuration(written: string, otherwise: string): string {
  const error = new DurationInvalidError(written);
  return error.isUnitless ? `${written} ${error.message}` : otherwise;
}

function wrongKind(
  { path, input, expected }: z.core.$ZodIssueInvalidType,
  document: ConfigurationDocument,
): string {
  const kind = KINDS[expected] ?? expected;
  if (input === undefined) return 'it is missing.';
  if (input === null && path.length === 0) {
    return 'the file is empty. It needs a store and images; the README shows a first configuration.';
  }
  if (input === null) return `it is empty, and must be ${kind}.`;
  if (path.length === 0) {
    return 'it must be a map of keys: a store, images and the like. The README shows a first configuration.';
  }
  if (typeof input === 'string' && kind === KINDS['object']) {
    return `it must be ${kind}, with a colon and a space after each key.`;
  }
  if (typeof input === 'string' && path.length === 1 && input.startsWith('-')) {
    return 'it must be a list, with a space after each "-".';
  }
  if (expected === 'array')
    return 'it must be a list, even for one item: put "- " before the item, or [ ] around it.';
  const written = document.writtenAt(path);
  if (expected !== 'string' || written === undefined) return `it must be ${kind}.`;
  return SECRET.has(path.at(-1))
    ? 'it has to be in quotes: without them YAML does not read it as a text.'
    : `${written} has to be in quotes, or YAML reads it as the ${typeof input} ${JSON.stringify(input)}: write '${written}'.`;
}
