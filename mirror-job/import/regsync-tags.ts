/**
 * Translates the tags that regsync copies: `tags` and `tagSets`. A tag has to fit one of the sets. A tag fits a set if
 * it is in one of the set's ranges, matches one of `allow`, and matches none of `deny`. A set without ranges, or
 * without `allow`, does not check that part.
 * https://github.com/regclient/regclient/blob/v0.11.7/cmd/regsync/root.go
 */
import { isObject, type JsonObject } from '../../core/json.ts';
import type { Path } from '../configuration/path.ts';
import { asMatcher, parsePattern, PatternInvalidError } from '../configuration/pattern.ts';
import type { Draft, DraftTags } from './draft.ts';
import { expressionOf, patternOf } from './expression.ts';
import { listOf } from './foreign-file.ts';
import { readRange, type RegsyncRange } from './regsync-range.ts';

const KEYS = ['allow', 'deny', 'semverRange'] as const;

function isKey(key: string): boolean {
  return KEYS.some((one) => one === key);
}

/** Makes one entry of lifeboat.yaml per set. A set that cannot be read gets no entry. */
export function tagsOf(draft: Draft, path: Path, entry: JsonObject): (readonly string[] | DraftTags)[] {
  const sets: { set: unknown; at: Path }[] = listOf(entry['tagSets']).map((set, index) => ({
    set,
    at: [...path, 'tagSets', index],
  }));
  // An empty `tags` is not a set. If there is no set at all, every tag is copied.
  if (sets.length === 0 || !isEmpty(entry['tags']))
    sets.unshift({ set: entry['tags'], at: [...path, 'tags'] });
  return sets.flatMap(({ set, at }) => {
    const tags = tagsOfSet(draft, at, set ?? {});
    return tags === undefined ? [] : [tags];
  });
}

function isEmpty(set: unknown): boolean {
  if (set === undefined || set === null) return true;
  return isObject(set) && KEYS.every((key) => isEmptyList(set[key]));
}

function isEmptyList(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}

function tagsOfSet(draft: Draft, at: Path, set: unknown): readonly string[] | DraftTags | undefined {
  if (!isObject(set)) {
    draft.lose(at, 'it is not a map of keys, so what it selects is left out.');
    return undefined;
  }
  for (const key of Object.keys(set)) {
    if (!isKey(key) && !key.startsWith('x-'))
      draft.lose([...at, key], 'Lifeboat knows no such key of regsync.');
  }
  const [allow, deny, written] = KEYS.map((key) => versioned(draft, [...at, key], valueOf(set, key)));
  if (allow === undefined || deny === undefined || written === undefined) return undefined;
  const ranges = rangesOf(draft, [...at, 'semverRange'], written);
  if (ranges === undefined) return undefined;
  const exclude = deny.map((expression) => patternOf(expression, true));
  const include = allow.map((expression) => {
    const pattern = patternOf(expression, true);
    // Lifeboat takes an explicit tag whatever the other keys say, but in regsync the other keys may exclude it.
    const isFree = written.length === 0 && !exclude.some((other) => matches(other, pattern));
    return isFree ? pattern : expressionOf(expression, true);
  });
  if (ranges.length > 0) {
    for (const [index, { below }] of ranges.entries()) {
      const lost = below.find((version) => maySelect(`${version}-`, include, exclude));
      if (lost === undefined) continue;
      draft.lose(
        [...at, 'semverRange', index],
        `regsync counts ${lost}-rc1, ${lost}-alpine and the like as lower than ${lost}, so they are in its range. For Lifeboat a suffix is not a part of the version, so they are not in the range. Add an entry for the tags that you want.`,
      );
    }
    return {
      semver: ranges.map(({ range }) => range).join(' || '),
      // In regsync, a suffix is a part of the version.
      suffix: ['', '-*'],
      ...(include.length > 0 && { include }),
      ...(exclude.length > 0 && { exclude }),
    };
  }
  const all = include.length === 0 ? ['*'] : include;
  return exclude.length === 0 ? all : { include: all, exclude };
}

/** @returns undefined if one of the ranges cannot be expressed, because the other ranges alone would select less */
function rangesOf(
  draft: Draft,
  path: Path,
  written: readonly string[],
): readonly Extract<RegsyncRange, { range: string }>[] | undefined {
  const ranges: Extract<RegsyncRange, { range: string }>[] = [];
  for (const [index, text] of written.entries()) {
    const read = readRange(text);
    if ('reason' in read) {
      draft.lose([...path, index], read.reason);
      return undefined;
    }
    ranges.push(read);
  }
  return ranges;
}

/** Returns a value without empty ranges, because regsync ignores them. */
function valueOf(set: JsonObject, key: (typeof KEYS)[number]): unknown {
  const value = set[key];
  return key === 'semverRange' && Array.isArray(value) ? value.filter((item) => item !== '') : value;
}

/** Whether the patterns may select a version with a common suffix. */
function maySelect(version: string, include: readonly string[], exclude: readonly string[]): boolean {
  const tags = ['rc1', 'alpine'].flatMap((suffix) => [`${version}${suffix}`, `v${version}${suffix}`]);
  return tags.some(
    (tag) =>
      (include.length === 0 || include.some((pattern) => matches(pattern, tag))) &&
      !exclude.some((pattern) => matches(pattern, tag)),
  );
}

function matches(pattern: string, tag: string): boolean {
  try {
    return asMatcher(parsePattern(pattern)).matches(tag);
  } catch (error) {
    // The error is reported when the whole entry is checked.
    if (error instanceof PatternInvalidError) return false;
    throw error;
  }
}

/** Returns the texts of a list, and reports each number in it, because some releases of regsync read 3.20 as "3.2". */
function versioned(draft: Draft, path: Path, value: unknown): readonly string[] | undefined {
  const texts = draft.texts(path, value);
  for (const [index, item] of listOf(value).entries()) {
    if (texts === undefined || typeof item !== 'number' || texts[index] === String(item)) continue;
    draft.lose(
      [...path, index],
      `it is a number, and regsync's releases read numbers differently; it is carried as "${texts[index] ?? ''}". Put it in quotes.`,
    );
  }
  return texts;
}
