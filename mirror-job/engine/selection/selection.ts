/**
 * Which tags of a source are mirrored, and why each other tag is not. Pure.
 *
 * The order: tags that `include` matches ∩ tags in the range ─▶ `exclude` ─▶ newest first ─▶ `latest` ─▶ and always the
 * tags that are listed by name. Tags are excluded before they are counted, so that `latest: 5` gives five wanted tags.
 * Names come last, so that neither a pattern nor a number can take away a tag that somebody has written out.
 *
 * Signature tags, such as `sha256-….sig`, belong to an image by their name. They are selected only if they are listed by
 * name, or if a pattern spells how they begin. Neither `latest` nor `minTags` counts them (docs/decisions/0045).
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

/** A glob, a regular expression, or a text that has to be equal. */
export interface TagPattern {
  /** The pattern as the configuration writes it. */
  readonly text: string;
  readonly matches: (text: string) => boolean;
}

/** Selects tags that are versions, of the kinds that are asked for. */
export interface VersionRule {
  /** A semver range. */
  readonly range: string;
  /** Each suffix is a class of its own, because a program that runs on `-alpine` may not run without it. */
  readonly suffixes: readonly TagPattern[];
  /** Empty for any precision. */
  readonly precisions: readonly Precision[];
}

/** How tags are selected from a source's list. */
export interface TagRules {
  /** Empty for every tag. */
  readonly include: readonly TagPattern[];
  readonly versions: VersionRule | undefined;
  readonly exclude: readonly TagPattern[];
  /** How many tags of each class; undefined for all. */
  readonly latest: number | undefined;
  /** If the rules select fewer tags than this, not counting signature tags, all tags are left as they are. */
  readonly minTags: number;
}

export interface Selection {
  /** Tags that are listed by name. They need no list, and one that upstream lacks is a failure. */
  readonly explicit: readonly Tag[];
  /** Undefined if no list is needed. */
  readonly rules: TagRules | undefined;
}

/** A tag, and the rule that has put it in or out. */
export interface TagChoice {
  readonly tag: Tag;
  /** Part of a sentence. */
  readonly why: string;
}

export interface SelectionResult {
  /** Each tag once: explicit tags first, then the ones that the rules select, versions newest first. */
  readonly selected: readonly TagChoice[];
  /** In the list's order. */
  readonly unselected: readonly TagChoice[];
  /** How many tags the rules select, not counting signature tags. */
  readonly count: number;
  /** Whether `count` is below `minTags`. */
  readonly isShort: boolean;
}

/** @param listed the source's list; ignored without rules */
export function selectTags({ explicit, rules }: Selection, listed: readonly Tag[]): SelectionResult {
  const explicitTags = new Map(explicit.map((tag): [Tag, string] => [tag, 'named']));
  const reasons = new Map<Tag, string>();
  const matching = rules === undefined ? [] : applyRules(rules, [...new Set(listed)], reasons);
  const count = matching.filter(({ tag }) => !isReferrerTag(tag)).length;
  const isShort = rules !== undefined && count < rules.minTags;
  if (isShort) {
    for (const { tag } of matching) reasons.set(tag, `the list is shorter than minTags (${rules.minTags})`);
  }
  const selected = new Map([
    ...explicitTags,
    ...(isShort
      ? []
      : matching.flatMap(({ tag, why }): [Tag, string][] => (explicitTags.has(tag) ? [] : [[tag, why]]))),
  ]);
  const unselected = [...new Set(listed)].flatMap((tag) => {
    const why = reasons.get(tag);
    return selected.has(tag) || why === undefined ? [] : [{ tag, why }];
  });
  return {
    selected: [...selected].map(([tag, why]) => ({ tag, why })),
    unselected,
    count,
    isShort,
  };
}

/** Whether there is a list from which a tag would be selected. The number of newer tags is not considered. */
export function maySelect({ explicit, rules }: Selection, tag: Tag): boolean {
  return explicit.includes(tag) || (rules !== undefined && 'class' in judge(rules, rangeOf(rules), tag));
}

/** @param reasons gets the reason for each tag that is not selected */
function applyRules(rules: TagRules, listed: readonly Tag[], reasons: Map<Tag, string>): TagChoice[] {
  const range = rangeOf(rules);
  const matching: (TagChoice & { readonly class: string })[] = [];
  for (const tag of listed) {
    const verdict = judge(rules, range, tag);
    if ('class' in verdict) matching.push({ tag, ...verdict });
    else reasons.set(tag, verdict.out);
  }
  const { latest, versions } = rules;
  if (latest === undefined && versions === undefined) return matching;
  const sorted = sortNewestFirst(matching);
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

const BELONGS_TO_IMAGE =
  'it belongs to the image whose digest is in its name, and is mirrored with that image';

/**
 * Whether a pattern selects a tag. A signature tag is selected only if the pattern spells how it begins.
 */
export function canInclude({ text, matches }: TagPattern, tag: Tag): boolean {
  return matches(tag) && (!isReferrerTag(tag) || /sha(?:256|512)-/.test(text));
}

type Verdict =
  | {
      readonly why: string;
      /** `latest` counts the tags of each class by themselves. */
      readonly class: string;
    }
  | { readonly out: string };

function judge({ include, versions, exclude }: TagRules, range: Range | undefined, tag: Tag): Verdict {
  const included = include.find((pattern) => canInclude(pattern, tag));
  if (isReferrerTag(tag) && included === undefined) return { out: BELONGS_TO_IMAGE };
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
