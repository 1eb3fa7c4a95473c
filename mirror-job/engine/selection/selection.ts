/**
 * Which tags of a source are mirrored, and why each other one is not. Pure.
 *
 * The order: what `include` matches ∩ what is in the range ─▶ `exclude` ─▶ newest first ─▶ `latest` ─▶ and always
 * what is named. Excluded before they are counted, so that five are five of those that are wanted; named last, so
 * that neither a pattern nor a number can take away what somebody has written out.
 *
 * Tags that belong to an image by their name, such as `sha256-….sig`, are selected only where they are named or where
 * a pattern spells how they begin; neither `latest` nor `minTags` counts them (docs/decisions/0045).
 */
import { Range } from 'semver';
import type { Tag } from '../../../core/reference.ts';
import { isReferrerTag } from '../../../core/tag-list.ts';
import {
  hasRange,
  isWithin,
  parseVersion,
  sortNewestFirst,
  touches,
  type Precision,
  type Version,
} from './selection-version.ts';

/** A glob, a regular expression, or a text that has to be the same. */
export interface TagPattern {
  /** As it is written in the configuration. */
  readonly text: string;
  readonly matches: (text: string) => boolean;
}

/** Only tags that are versions, of the kinds that are asked for. */
export interface VersionRule {
  /** A semver range. */
  readonly range: string;
  /** Each is a class of its own: what runs on `-alpine` may not run without it. */
  readonly suffixes: readonly TagPattern[];
  /** Empty: any. */
  readonly precisions: readonly Precision[];
}

/** What is done with a source's list of tags. */
export interface TagRules {
  /** Empty: every tag. */
  readonly include: readonly TagPattern[];
  readonly versions: VersionRule | undefined;
  readonly exclude: readonly TagPattern[];
  /** How many of each class; undefined for all. */
  readonly latest: number | undefined;
  /**
   * The number of tags that the rules select, without those that belong to an image by their name. If it is below
   * `minTags`, all tags are left as they are.
   */
  readonly minTags: number;
}

export interface Selection {
  /** Asked for by name: no listing is needed, and one that upstream lacks is a failure. */
  readonly explicit: readonly Tag[];
  /** Undefined: nothing is listed. */
  readonly rules: TagRules | undefined;
}

/** A tag, and which rule has put it in or out, as a part of a sentence. */
export interface TagChoice {
  readonly tag: Tag;
  readonly why: string;
}

export interface SelectionResult {
  /** Each once: the named ones first, then those that the rules select, newest first where they are versions. */
  readonly chosen: readonly TagChoice[];
  /** In the listing's order. */
  readonly left: readonly TagChoice[];
  /**
   * The number of tags that the rules select, without those that belong to an image by their name. If it is below
   * `minTags`, all tags are left as they are.
   */
  readonly count: number;
  readonly isShort: boolean;
}

/** @param listed the source's list; of no use without rules */
export function selectTags({ explicit, rules }: Selection, listed: readonly Tag[]): SelectionResult {
  const named = new Map(explicit.map((tag): [Tag, string] => [tag, 'named']));
  const reasons = new Map<Tag, string>();
  const kept = rules === undefined ? [] : applyRules(rules, [...new Set(listed)], reasons);
  const count = kept.filter(({ tag }) => !isReferrerTag(tag)).length;
  const isShort = rules !== undefined && count < rules.minTags;
  if (isShort) {
    for (const { tag } of kept) reasons.set(tag, `the list is shorter than minTags (${rules.minTags})`);
  }
  const chosen = new Map([
    ...named,
    ...(isShort ? [] : kept.flatMap(({ tag, why }): [Tag, string][] => (named.has(tag) ? [] : [[tag, why]]))),
  ]);
  const left = [...new Set(listed)].flatMap((tag) => {
    const why = reasons.get(tag);
    return chosen.has(tag) || why === undefined ? [] : [{ tag, why }];
  });
  return {
    chosen: [...chosen].map(([tag, why]) => ({ tag, why })),
    left,
    count,
    isShort,
  };
}

/** Whether the rules select a tag in some list: all but how many newer ones there are. */
export function maySelect({ explicit, rules }: Selection, tag: Tag): boolean {
  return explicit.includes(tag) || (rules !== undefined && 'class' in judge(rules, rangeOf(rules), tag));
}

/** @param reasons filled with why each other tag is out */
function applyRules(rules: TagRules, listed: readonly Tag[], reasons: Map<Tag, string>): TagChoice[] {
  const range = rangeOf(rules);
  const kept: (TagChoice & { readonly class: string })[] = [];
  for (const tag of listed) {
    const verdict = judge(rules, range, tag);
    if ('class' in verdict) kept.push({ tag, ...verdict });
    else reasons.set(tag, verdict.out);
  }
  const { latest, versions } = rules;
  if (latest === undefined && versions === undefined) return kept;
  const sorted = sortNewestFirst(kept);
  if (latest === undefined) return sorted;
  const counts = new Map<string, number>();
  return sorted.filter(({ tag, class: kind }) => {
    if (isReferrerTag(tag)) return true;
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    if (count <= latest) return true;
    reasons.set(tag, `older than the ${latest} newest${versions === undefined ? '' : ' of its kind'}`);
    return false;
  });
}

function rangeOf({ versions }: TagRules): Range | undefined {
  return versions === undefined ? undefined : new Range(versions.range);
}

const BESIDE_ITS_IMAGE =
  'it belongs to the image whose digest is in its name, and is mirrored with that image';

/**
 * Whether a pattern selects a tag. A tag that belongs to an image is selected only when the pattern spells how it
 * begins.
 */
export function canInclude({ text, matches }: TagPattern, tag: Tag): boolean {
  return matches(tag) && (!isReferrerTag(tag) || /sha(?:256|512)-/.test(text));
}

type Verdict =
  | {
      readonly why: string;
      /** `latest` counts within it. */
      readonly class: string;
    }
  | { readonly out: string };

function judge({ include, versions, exclude }: TagRules, range: Range | undefined, tag: Tag): Verdict {
  const included = include.find((pattern) => canInclude(pattern, tag));
  if (isReferrerTag(tag) && included === undefined) return { out: BESIDE_ITS_IMAGE };
  if (included === undefined && include.length > 0) return { out: 'no pattern of include matches it' };
  const verdict =
    versions === undefined || range === undefined
      ? { why: `"${included?.text ?? '*'}" matches it`, class: '' }
      : judgeVersion(versions, range, parseVersion(tag));
  if ('out' in verdict) return verdict;
  const excluded = exclude.find(({ matches }) => matches(tag));
  return excluded === undefined ? verdict : { out: `"${excluded.text}" excludes it` };
}

function judgeVersion(rule: VersionRule, range: Range, version: Version | undefined): Verdict {
  if (version === undefined) return { out: 'it is not a version' };
  if (!hasRange(version)) return { out: 'it has four numbers, but a range compares only three' };
  const { precision, suffix } = version;
  const wanted = rule.suffixes.findIndex(({ matches }) => matches(suffix));
  if (wanted === -1) {
    return { out: suffix === '' ? 'it has no suffix' : `the suffix "${suffix}" is not asked for` };
  }
  if (rule.precisions.length > 0 && !rule.precisions.includes(precision)) {
    return { out: `precision ${precision} is not asked for` };
  }
  if (!isWithin(version, range)) {
    return {
      out: touches(version, range)
        ? `it floats, and not all versions that it stands for are in "${rule.range}"`
        : `it is not in "${rule.range}"`,
    };
  }
  return { why: `it is in "${rule.range}"`, class: `${precision} ${wanted}` };
}
