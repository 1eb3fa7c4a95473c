/**
 * Tags that are versions. Pure.
 * A tag is one if it is one to three numbers with dots between them, a `v` before them or not, and from the first
 * hyphen on whatever else: the suffix, which says what kind of image it is (`-alpine`) and orders nothing.
 */
import { Range, SemVer, compare, parse, subset } from 'semver';
import type { Tag } from '../../core/reference.ts';

/** How many numbers a tag has. With fewer than three it floats: `1.27` is moved from 1.27.3 to 1.27.4. */
export type Precision = 1 | 2 | 3;

export interface Version {
  readonly precision: Precision;
  /** Three numbers; those that the tag lacks are 0. */
  readonly release: SemVer;
  /** From the first hyphen on, or empty. */
  readonly suffix: string;
  /** With the suffix as the pre-release; undefined where it is none by semver's rules. */
  readonly full: SemVer | undefined;
}

const VERSION = /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(-.*)?$/;
/** `20240807`, a build number, digits of a commit: all beyond each range such as >=1.27. */
const NUMBERED_OTHERWISE = /^v?\d{6,}(?:-|$)/;

/** @returns undefined for a tag that is no version */
export function parseVersion(tag: Tag): Version | undefined {
  const [whole, major, minor, patch, suffix = ''] = VERSION.exec(tag) ?? [];
  if (whole === undefined || NUMBERED_OTHERWISE.test(tag)) return undefined;
  // Leading zeros, as in 24.04, are more than semver allows and mean nothing.
  const release = parse([major, minor, patch].map((part) => Number(part ?? 0)).join('.'));
  if (release === null) return undefined;
  const precision = patch !== undefined ? 3 : minor !== undefined ? 2 : 1;
  return { precision, release, suffix, full: parse(`${release.version}${suffix}`) ?? undefined };
}

/**
 * Whether everything that a version stands for lies in a range. A floating tag stands for all that it was and will
 * be moved to: 1.27 for 1.27.0 and each later 1.27.x, so it is in >=1.27 and ~1.27, and neither in >=1.27.3 nor in 1.27.3.
 */
export function isWithin(version: Version, range: Range): boolean {
  return version.precision === 3 ? range.test(version.release) : subset(rangeOf(version), range);
}

/** Whether anything that a version stands for lies in a range. */
export function touches(version: Version, range: Range): boolean {
  return version.precision === 3 ? range.test(version.release) : range.intersects(rangeOf(version));
}

/** All that a floating version stands for. */
function rangeOf({ precision, release: { major, minor } }: Version): Range {
  return new Range(precision === 1 ? `${major}.x` : `${major}.${minor}.x`);
}

/** A tag, read once however often it is compared. */
interface ReadTag {
  readonly tag: Tag;
  readonly version: Version | undefined;
}

/** From the newest to the oldest: versions, then all other tags from the end of the alphabet. */
export function sortNewestFirst<Item extends { readonly tag: Tag }>(items: readonly Item[]): Item[] {
  return items
    .map((item) => ({ item, tag: item.tag, version: parseVersion(item.tag) }))
    .toSorted(newestFirst)
    .map(({ item }) => item);
}

/** Each two different tags have an order, whatever they are. */
export function newestFirst({ tag: one, version: a }: ReadTag, { tag: other, version: b }: ReadTag): number {
  if (a === undefined || b === undefined) {
    if (a !== undefined) return -1;
    return b !== undefined ? 1 : bytewise(one, other);
  }
  return compare(b.release, a.release) || comparePreReleases(b, a) || shorterFirst(one, other);
}

/** As semver orders 1.2.3-rc.2 < 1.2.3-rc.10 < 1.2.3; a suffix that is no pre-release is below all of them. */
function comparePreReleases({ full: a }: Version, { full: b }: Version): number {
  if (a !== undefined && b !== undefined) return compare(a, b);
  return Number(a !== undefined) - Number(b !== undefined);
}

/** `1.2.3` and `v1.2.3` are one version, and only one of them can be the last that counts. */
function shorterFirst(one: Tag, other: Tag): number {
  return one.length - other.length || bytewise(one, other);
}

/** The greater first, so that the newest of dates comes first: tags have no characters outside of ASCII. */
function bytewise(one: Tag, other: Tag): number {
  return one === other ? 0 : one > other ? -1 : 1;
}
