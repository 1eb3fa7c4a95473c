/** Finds patterns that match no tag upstream, mostly because they are misspelt. Pure. */
import type { Tag } from '../../../core/reference.ts';
import { canInclude, type Selection, type TagPattern } from './selection.ts';
import { hasRange, parseVersion } from './selection-version.ts';

/** The patterns of one entry of the configuration. */
export interface PatternsOfImage {
  readonly tags: Selection;
  readonly immutable: readonly TagPattern[];
}

/**
 * @param listed upstream's tags; undefined if nothing was listed, so that only explicit tags count
 * @returns a part of a sentence per pattern: the pattern, and the key that it stands under
 */
export function idlePatterns(
  { tags: { explicit, rules }, immutable }: PatternsOfImage,
  listed: readonly Tag[] | undefined,
): string[] {
  const all = [...explicit, ...(listed ?? [])];
  const matchesAny = (pattern: TagPattern): boolean => all.some((tag) => pattern.matches(tag));
  const ofImmutable = idle('immutable', immutable, matchesAny);
  if (rules === undefined || listed === undefined) return ofImmutable;
  const { include, exclude, versions } = rules;
  // An empty suffix is the default, so nobody needs to have written it.
  const suffixes = (versions?.suffixes ?? []).filter(({ text }) => text !== '');
  const present = suffixes.length === 0 ? new Set<string>() : suffixesOf(listed);
  return [
    ...idle('include', include, (pattern) => listed.some((tag) => canInclude(pattern, tag))),
    ...idle('suffix', suffixes, ({ matches }) => [...present].some((suffix) => matches(suffix))),
    ...idle('exclude', exclude, matchesAny),
    ...ofImmutable,
  ];
}

function idle(
  key: string,
  patterns: readonly TagPattern[],
  matches: (pattern: TagPattern) => boolean,
): string[] {
  return patterns.filter((pattern) => !matches(pattern)).map(({ text }) => `"${text}" (tags.${key})`);
}

function suffixesOf(listed: readonly Tag[]): ReadonlySet<string> {
  return new Set(
    listed.flatMap((tag) => {
      const version = parseVersion(tag);
      return version !== undefined && hasRange(version) ? [version.suffix] : [];
    }),
  );
}
