/** Patterns of tags: a glob, or between slashes a regular expression. What has no pattern characters is a tag. */
import picomatch from 'picomatch';
import { isTag, type Tag } from '../../core/reference.ts';
import type { Selection } from '../engine/selection.ts';

/** A pattern that cannot be used; the message is a sentence. */
export class PatternInvalidError extends Error {
  override readonly name = 'PatternInvalidError';
}

type Matcher = (tag: string) => boolean;

/** @throws {PatternInvalidError} */
export function compilePattern(pattern: string): Tag | Matcher {
  if (pattern.length > 1 && pattern.startsWith('/') && pattern.endsWith('/')) {
    try {
      const expression = new RegExp(pattern.slice(1, -1), 'v');
      return (tag) => expression.test(tag);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new PatternInvalidError(
        `${reason}. Between slashes stands a regular expression, as in /^v\\d+$/.`,
        {
          cause: error,
        },
      );
    }
  }
  if (/[*?[\]{}!()|+@]/.test(pattern)) return picomatch(pattern, { dot: true });
  if (isTag(pattern)) return pattern;
  throw new PatternInvalidError(
    `"${pattern}" is neither a tag (at most 128 letters, digits, "_", "." and "-") nor a pattern ("*" stands for any text; /…/ is a regular expression).`,
  );
}

/**
 * @param include what to mirror; @param exclude what not to, even if a pattern of `include` matches it
 * @throws {PatternInvalidError}
 */
export function compileSelection(include: readonly string[], exclude: readonly string[]): Selection {
  const included = include.map((pattern) => compilePattern(pattern));
  const excluded = exclude.map((pattern) => compilePattern(pattern));
  const isExcluded = (tag: string): boolean =>
    excluded.some((pattern) => (typeof pattern === 'string' ? pattern === tag : pattern(tag)));
  const matchers = included.filter((pattern) => typeof pattern !== 'string');
  return {
    explicit: included.filter((pattern) => typeof pattern === 'string'),
    matches:
      matchers.length === 0
        ? undefined
        : (tag) => matchers.some((matches) => matches(tag)) && !isExcluded(tag),
  };
}
