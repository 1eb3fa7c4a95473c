/** Patterns of tags: a glob, or between slashes a regular expression. What has no pattern characters is a tag. */
import picomatch from 'picomatch';
import { isTag, type Tag } from '../../core/reference.ts';
import type { Selection } from '../engine/selection.ts';

/** A pattern that cannot be used; the message is a sentence. */
export class PatternInvalidError extends Error {
  override readonly name = 'PatternInvalidError';
}

/** A tag that is asked for by name, or what says whether a tag is asked for. */
export type Pattern = Tag | ((tag: string) => boolean);

/** The alphabet of tags and of globs: a glob with anything else in it matches no tag there is. */
const GLOB = /^[\w.\-*?[\]{}()!|+@,^\\]+$/;

/** @throws {PatternInvalidError} */
export function parsePattern(text: string): Pattern {
  if (text.startsWith('/')) return parseExpression(text);
  if (isTag(text)) return text;
  if (!/[*?[\]{}()!|+@]/.test(text) || !GLOB.test(text)) {
    throw new PatternInvalidError(
      `"${text}" is neither a tag (at most 128 letters, digits, "_", "." and "-") nor a pattern ("*" stands for any text; /…/ is a regular expression).`,
    );
  }
  try {
    return picomatch(text, { dot: true, strictBrackets: true });
  } catch (error) {
    throw new PatternInvalidError(`"${text}" has a bracket without its partner.`, { cause: error });
  }
}

function parseExpression(text: string): Pattern {
  const source = text.slice(1, -1);
  if (!text.endsWith('/') || source === '') {
    throw new PatternInvalidError(
      `"${text}" begins like a regular expression and does not end with a slash. One stands between two slashes and has no flags, as in /^v\\d+$/.`,
    );
  }
  try {
    const expression = new RegExp(source, 'u');
    return (tag) => expression.test(tag);
  } catch (error) {
    const reason = error instanceof Error ? error.message.split(`/${source}/u: `).at(-1) : String(error);
    throw new PatternInvalidError(`"${text}" is not a regular expression: ${reason ?? ''}.`, {
      cause: error,
    });
  }
}

/**
 * @param include what to mirror
 * @param exclude what not to, even if a pattern of `include` matches it; a tag that `include` names stays
 */
export function selectionOf(include: readonly Pattern[], exclude: readonly Pattern[]): Selection {
  const isExcluded = (tag: string): boolean =>
    exclude.some((pattern) => (typeof pattern === 'string' ? pattern === tag : pattern(tag)));
  const matchers = include.filter((pattern) => typeof pattern !== 'string');
  return {
    explicit: include.filter((pattern) => typeof pattern === 'string'),
    matches:
      matchers.length === 0
        ? undefined
        : (tag) => matchers.some((matches) => matches(tag)) && !isExcluded(tag),
  };
}
