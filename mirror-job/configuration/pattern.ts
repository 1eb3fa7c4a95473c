/**
 * Parses patterns of tags: a glob, or a regular expression between slashes. A text without pattern characters is a tag.
 */
import picomatch from 'picomatch';
import { isTag, type Tag } from '../../core/reference.ts';
import type { TagPattern } from '../engine/selection/selection.ts';

/** A pattern that cannot be used. The message is a sentence. */
export class PatternInvalidError extends Error {
  override readonly name = 'PatternInvalidError';
}

/** A tag that is listed by name, or a pattern that selects tags. */
export type Pattern = Tag | TagPattern;

/** The characters of tags and of globs. A glob with any other character matches no tag. */
const GLOB = /^[\w.\-*?[\]{}()!|+@,^\\]+$/;

/** The characters of paths and of globs. A glob that begins with ! would match all other paths. */
const PATH_GLOB = /^(?!!)[a-z0-9_.\-/*?[\]{}()!|+,^]+$/;

/** @throws {PatternInvalidError} */
export function parsePattern(text: string): Pattern {
  if (text.startsWith('/')) return parseExpression(text);
  if (isTag(text)) return text;
  if (!/[*?[\]{}()!|+@]/.test(text) || !GLOB.test(text)) {
    throw new PatternInvalidError(
      `"${text}" is neither a tag (at most 128 letters, digits, "_", "." and "-") nor a pattern ("*" stands for any text; /…/ is a regular expression).`,
    );
  }
  return parseGlob(text);
}

/**
 * Parses a suffix, which a tag may have after its version: nothing, a text such as `-alpine`, or a pattern of such texts.
 * @throws {PatternInvalidError}
 */
export function parseSuffix(text: string): TagPattern {
  if (text.startsWith('/')) return parseExpression(text);
  if (text !== '' && (!/^[-_]/.test(text) || !GLOB.test(text))) {
    throw new PatternInvalidError(
      `"${text}" is not a suffix. A suffix begins with a hyphen or an underscore, as in '-alpine' or '_amd64*'; '' stands for no suffix.`,
    );
  }
  // picomatch refuses an empty glob.
  return text === '' ? exactly(text) : parseGlob(text);
}

/**
 * Parses a glob of a repository's path: `*` stands for a part of it, `**` for any number of parts.
 * @throws {PatternInvalidError}
 */
export function parsePathPattern(text: string): TagPattern {
  if (!PATH_GLOB.test(text)) {
    throw new PatternInvalidError(
      `"${text.slice(0, 200)}" is not a pattern of paths, such as library/* or prometheus/**. Paths have lower-case letters and digits.`,
    );
  }
  return parseGlob(text);
}

/**
 * Parses a glob of a repository's name, as in docker.io/library/*. Names in the bucket have the port of a registry after an
 * underscore, and people write a colon.
 * @throws {PatternInvalidError}
 */
export function parseRepositoryPattern(text: string): TagPattern {
  return parsePathPattern(text.replace(/^([^/:]*):(\d+)\//, '$1_$2/'));
}

/** Turns a tag into a matcher, for a list in which a tag matches only itself. */
export function asMatcher(pattern: Pattern): TagPattern {
  return typeof pattern === 'string' ? exactly(pattern) : pattern;
}

function exactly(text: string): TagPattern {
  return { text, matches: (other) => other === text };
}

function parseGlob(text: string): TagPattern {
  try {
    return { text, matches: picomatch(text, { dot: true, strictBrackets: true }) };
  } catch (error) {
    throw new PatternInvalidError(`"${text}" has a bracket without its partner.`, { cause: error });
  }
}

function parseExpression(text: string): TagPattern {
  const source = text.slice(1, -1);
  if (!text.endsWith('/') || source === '') {
    throw new PatternInvalidError(
      `"${text}" begins like a regular expression but does not end with a slash. A regular expression stands between two slashes and has no flags, as in /^v\\d+$/.`,
    );
  }
  try {
    const expression = new RegExp(source, 'u');
    return { text, matches: (tag) => expression.test(tag) };
  } catch (error) {
    const reason = error instanceof Error ? error.message.split(`/${source}/u: `).at(-1) : String(error);
    throw new PatternInvalidError(`"${text}" is not a regular expression: ${reason ?? ''}.`, {
      cause: error,
    });
  }
}
