/** Upstream's list of tags: which tags a run looks at, which are gone, and whether the list is trusted. */
import type { Tag } from '../../../core/reference.ts';
import type { TagEntry } from '../../../core/repository-index.ts';
import { countOf } from '../support/count-of.ts';
import { listedBefore, massDisappearance, withoutListed } from '../selection/disappearance.ts';
import { massFinding, shortFinding } from './hold-text.ts';
import { idlePatterns } from '../selection/idle-patterns.ts';
import type { Image } from '../image.ts';
import type { Finding, ItemReport, Outcome } from '../report.ts';
import type { RepositoryState } from './repository-state.ts';
import { selectTags, type SelectionResult } from '../selection/selection.ts';

export interface ListingResult {
  readonly selection: SelectionResult;
  /** The tags that have disappeared since the last run. */
  readonly items: readonly ItemReport[];
  readonly findings: readonly Finding[];
  /** A sentence, if nothing is selected or a pattern matches nothing. */
  readonly warning: string | undefined;
}

/**
 * Selects tags from a list. If the list is too short, or has lost most of its tags, it selects nothing, and only tags
 * that are listed by name are looked at.
 * @param listed the source's list; ignored if the image has no rules
 * @throws {StoreError}
 */
export async function applyListing(
  image: Image,
  state: RepositoryState,
  listed: readonly Tag[],
  now: Date,
): Promise<ListingResult> {
  const { tags, source, repository, digests } = image;
  const { explicit, rules } = tags;
  const selection = selectTags(tags, listed);
  const { selected, count, isShort } = selection;
  const result = { selection, items: [], findings: [], warning: undefined };
  if (rules === undefined) return { ...result, warning: warnOfPatterns(image, undefined) };
  const list = `${source.name} lists ${countOf(listed.length, 'tag')}, of which ${count} ${count === 1 ? 'is' : 'are'} selected`;
  if (isShort) return { ...result, findings: [shortFinding(repository, list, rules.minTags)] };
  const present = new Set(listed);
  const before = listedBefore(tags, state.tags);
  const mass = massDisappearance(before, (tag) => present.has(tag), now);
  const outcomes = await noteListed(state, before, present, now.toISOString());
  const items = [...outcomes].map(([reference, outcome]) => ({ repository, reference, outcome }));
  if (mass !== undefined) {
    return {
      ...result,
      selection: withoutListed(selection, explicit, 'most of the tags that were listed before are gone'),
      items,
      findings: [massFinding(repository, source.name, mass, 'list')],
    };
  }
  const nothing = `${list}: nothing is mirrored. "lifeboat plan --all" shows what becomes of each tag.`;
  const isNothing = selected.length + digests.length === 0;
  return { ...result, items, warning: isNothing ? nothing : warnOfPatterns(image, listed) };
}

/** @param listed undefined if nothing was listed. An empty list gives no warning */
function warnOfPatterns(image: Image, listed: readonly Tag[] | undefined): string | undefined {
  const idle = listed?.length === 0 ? [] : idlePatterns(image, listed);
  if (idle.length === 0) return undefined;
  return `${image.source.name}: no tag matches ${idle.join(', ')}. Check the spelling; "lifeboat plan --all" shows each tag.`;
}

/**
 * Finds a mass disappearance among the tags that are listed by name, once each tag's own answer is there.
 * @param gone the references that upstream does not have any more
 */
export function checkExplicitTags(
  { source, repository, tags }: Image,
  state: RepositoryState,
  gone: ReadonlySet<string | undefined>,
  now: Date,
): readonly Finding[] {
  const before = state.tags.filter(({ tag }) => tags.explicit.includes(tag));
  const mass = massDisappearance(before, (tag) => !gone.has(tag), now);
  return mass === undefined ? [] : [massFinding(repository, source.name, mass, 'names')];
}

/** Notes that upstream lacks a tag; a time that is noted already stays. @throws {StoreError} */
export async function noteGone(state: RepositoryState, entry: TagEntry, now: string): Promise<Outcome> {
  const { digest, gone: since = now } = entry;
  if (entry.gone === undefined) await state.note({ ...entry, gone: since });
  return { result: 'gone', digest, since };
}

/**
 * Notes which tags have disappeared from the list, and which are back.
 * @param before the tags that were mirrored from the list
 * @returns an outcome per tag that has disappeared. It is reported once, because the tag is not looked at any more
 */
async function noteListed(
  state: RepositoryState,
  before: readonly TagEntry[],
  listed: ReadonlySet<Tag>,
  now: string,
): Promise<Map<Tag, Outcome>> {
  const outcomes = new Map<Tag, Outcome>();
  for (const entry of before) {
    const isGone = !listed.has(entry.tag);
    if (isGone === (entry.gone !== undefined)) continue;
    if (isGone) outcomes.set(entry.tag, await noteGone(state, entry, now));
    else await state.note({ ...entry, gone: undefined });
  }
  return outcomes;
}
