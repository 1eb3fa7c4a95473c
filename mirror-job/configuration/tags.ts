/** Interprets `tags` of an image: the tags that are listed by name, and the rules for all others. */
import { minVersion, satisfies, validRange } from 'semver';
import type { Selection, TagPattern, TagRules, VersionRule } from '../engine/selection/selection.ts';
import type { Path } from './path.ts';
import { asMatcher } from './pattern.ts';
import type { Problems } from './problems.ts';
import type { TagsFile } from './schema.ts';

/** The number of precisions that a tag may have. */
const PRECISIONS = 3;

export interface InterpretedTags extends Selection {
  /** Whether the entry is meant to select a tag, even if a problem prevents it. */
  readonly selectsAny: boolean;
  readonly immutable: readonly TagPattern[];
}

export function interpretTags(input: TagsFile | string[], path: Path, problems: Problems): InterpretedTags {
  const isList = Array.isArray(input);
  const tags: TagsFile = isList ? { include: input } : input;
  const include = problems.patterns(tags.include ?? [], isList ? path : [...path, 'include']);
  const exclude = problems.patterns(tags.exclude ?? [], [...path, 'exclude']);
  const immutable = problems.patterns(tags.immutable ?? [], [...path, 'immutable']);
  const patterns = include.filter((pattern) => typeof pattern !== 'string');
  const versions = interpretVersions(tags, path, problems);
  const rules: TagRules = {
    include: patterns,
    versions,
    exclude: exclude.map((pattern) => asMatcher(pattern)),
    latest: tags.latest,
    minTags: tags.minTags ?? 0,
  };
  const hasRules = patterns.length > 0 || versions !== undefined;
  if (!hasRules) refuseIdle(tags, path, problems);
  refuseUnreachable(rules, path, problems);
  return {
    explicit: include.filter((pattern) => typeof pattern === 'string'),
    rules: hasRules ? rules : undefined,
    immutable: immutable.map((pattern) => asMatcher(pattern)),
    // `latest` alone has a problem of its own, which says what to add.
    selectsAny: (tags.include ?? []).length > 0 || versions !== undefined || tags.latest !== undefined,
  };
}

function interpretVersions(tags: TagsFile, path: Path, problems: Problems): VersionRule | undefined {
  if (tags.semver === undefined && tags.suffix === undefined && tags.precision === undefined)
    return undefined;
  const range = tags.semver ?? '*';
  const isRange = validRange(range) !== null;
  if (!isRange) {
    problems.add(
      [...path, 'semver'],
      `"${range}" is not a range of versions, such as >=1.27, ~1.27, ^2 or 1.27 - 1.29 || 2.x.`,
    );
  }
  if (isRange && !range.split('||').some((part) => hasRelease(part))) {
    problems.add(
      [...path, 'semver'],
      `"${range}" is a range that contains no version: the part after a version, as in 1.28.0-alpine, goes under suffix.`,
    );
  }
  return {
    range: isRange ? range : '*',
    suffixes: problems.suffixes(tags.suffix ?? [''], [...path, 'suffix']),
    precisions: tags.precision ?? [],
  };
}

/** Whether a range contains a version without a suffix. This matters because suffixes are cut off before versions are compared. */
function hasRelease(range: string): boolean {
  const least = minVersion(range);
  return least !== null && satisfies(`${least.major}.${least.minor}.${least.patch}`, range);
}

/** Refuses keys that count listed tags if no tag is listed. */
function refuseIdle({ latest, minTags }: TagsFile, path: Path, problems: Problems): void {
  for (const [key, value] of Object.entries({ latest, minTags })) {
    if (value === undefined) continue;
    problems.add(
      [...path, key],
      "it counts the tags that a pattern or a range selects, and this image has neither. Add include: ['*'] or semver: '*'.",
    );
  }
}

function refuseUnreachable({ latest, minTags, versions }: TagRules, path: Path, problems: Problems): void {
  if (latest === undefined) return;
  const maxTags =
    versions === undefined
      ? latest
      : latest * versions.suffixes.length * (versions.precisions.length || PRECISIONS);
  if (minTags > maxTags) {
    problems.add(
      [...path, 'minTags'],
      `latest leaves at most ${maxTags} tags, so no list is ever long enough. Lower minTags, or raise latest.`,
    );
  }
}
