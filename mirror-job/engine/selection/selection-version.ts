/**
 * Tags that are versions. Pure.
 *
 * A version is one to four numbers with dots between them, with or without a `v` before them, and a suffix. The suffix
 * begins at the first hyphen or underscore. It tells the kind of image (`-alpine`), and comes last in the order.
 */
import { Range, SemVer, compare, parse, subset } from 'semver';
import type { Tag } from '../../../core/reference.ts';
import { compareNaturally } from './natural-order.ts';

/** How many numbers a tag has. A tag with fewer than three floats: `1.27` moves from 1.27.3 to 1.27.4. */
export type Precision = 1 | 2 | 3;

export interface Version {
  /** A version of four numbers is in no range, because semver has three. It can be sorted all the same. */
  readonly precision: Precision | 4;
  /** Three numbers; a number that the tag lacks is 0. */
  readonly release: SemVer;
  /** The fourth number, as it is written; 0 when the tag lacks it. */
  readonly build: string;
  /** The text from the first hyphen or underscore on, or empty. */
  readonly suffix: string;
  /** The version with its suffix as the pre-release; undefined if semver does not allow that. */
  readonly full: SemVer | undefined;
}

const VERSION = /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:\.(\d+))?([-_].*)?$/;
/** `20240807`, a build number, digits of a commit: numbers that would be in every range such as >=1.27. */
const NUMBERED_OTHERWISE = /^v?\d{6,}(?:[-_]|$)/;

/** @returns undefined for a tag that is not a version */
export function parseVersion(tag: Tag): Version | undefined {
  const [whole, major, minor, patch, build, suffix = ''] = VERSION.exec(tag) ?? [];
  if (whole === undefined || NUMBERED_OTHERWISE.test(tag)) return undefined;
  // Semver does not allow leading zeros, as in 24.04; they mean nothing.
  const release = parse([major, minor, patch].map((part) => Number(part ?? 0)).join('.'));
  if (release === null) return undefined;
  const precision = build !== undefined ? 4 : patch !== undefined ? 3 : minor !== undefined ? 2 : 1;
  const full = parse(`${release.version}${suffix}`) ?? undefined;
  return { precision, release, build: build ?? '0', suffix, full };
}

/** A version that a range can contain. */
type RangedVersion = Version & { readonly precision: Precision };

export function hasRange(version: Version): version is RangedVersion {
  return version.precision !== 4;
}

/**
 * Whether every version that a tag stands for is in a range. A floating tag stands for all versions that it was and will
 * be moved to: 1.27 stands for each 1.27.x, so it is in >=1.27 and ~1.27, but neither in >=1.27.3 nor in 1.27.3.
 */
export function isWithin(version: RangedVersion, range: Range): boolean {
  return version.precision === 3 ? range.test(version.release) : subset(rangeOf(version), range);
}

/** Whether any version that a tag stands for is in a range. */
export function touches(version: RangedVersion, range: Range): boolean {
  return version.precision === 3 ? range.test(version.release) : range.intersects(rangeOf(version));
}

/** The versions that a floating tag stands for. */
function rangeOf({ precision, release: { major, minor } }: RangedVersion): Range {
  return new Range(precision === 1 ? `${major}.x` : `${major}.${minor}.x`);
}

/** A tag that is parsed once, however often it is compared. */
interface ParsedTag {
  readonly tag: Tag;
  readonly version: Version | undefined;
}

/** Sorts from the newest to the oldest: versions, then all other tags, each by the value of its numbers. */
export function sortNewestFirst<Item extends { readonly tag: Tag }>(items: readonly Item[]): Item[] {
  return items
    .map((item) => ({ item, tag: item.tag, version: parseVersion(item.tag) }))
    .toSorted(newestFirst)
    .map(({ item }) => item);
}

/** A total order: any two different tags compare as different. */
export function newestFirst(
  { tag: one, version: a }: ParsedTag,
  { tag: other, version: b }: ParsedTag,
): number {
  if (a === undefined || b === undefined) {
    if (a !== undefined) return -1;
    return b !== undefined ? 1 : compareNaturally(other, one) || bytewise(one, other);
  }
  return (
    compare(b.release, a.release) ||
    compareNaturally(b.build, a.build) ||
    compareSuffixes(b, a) ||
    shorterFirst(one, other)
  );
}

/** As semver: 1.2.3-rc.2 < 1.2.3-rc.10 < 1.2.3. A suffix that is not a pre-release is smaller than all of them. */
function compareSuffixes(one: Version, other: Version): number {
  const { full: a } = one;
  const { full: b } = other;
  if (a !== undefined && b !== undefined) return comparePreReleases(a.prerelease, b.prerelease);
  if (a === undefined && b === undefined) return compareNaturally(one.suffix, other.suffix);
  return a === undefined ? -1 : 1;
}

/**
 * Compares as semver does, except for numbers within an identifier. Semver compares those letter by letter, but tags
 * have -rc10 after -rc9.
 */
function comparePreReleases(one: SemVer['prerelease'], other: SemVer['prerelease']): number {
  if (one.length === 0 || other.length === 0) return other.length - one.length;
  for (const [index, ours] of one.entries()) {
    const theirs = other[index];
    if (theirs === undefined) return 1;
    // A number is below every text.
    const difference =
      Number(typeof ours === 'string') - Number(typeof theirs === 'string') ||
      compareNaturally(String(ours), String(theirs));
    if (difference !== 0) return difference;
  }
  return one.length - other.length;
}

/** `1.2.3` and `v1.2.3` are one version, so an order of their own decides which one `latest` takes. */
function shorterFirst(one: Tag, other: Tag): number {
  return one.length - other.length || bytewise(one, other);
}

/** The greater tag comes first. Tags are ASCII. */
function bytewise(one: Tag, other: Tag): number {
  return one === other ? 0 : one > other ? -1 : 1;
}
