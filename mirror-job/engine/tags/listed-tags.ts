/** What upstream lists, and lists no more: which tags are looked at, and whether the list is believed. */
import type { Tag } from '../../../core/reference.ts';
import type { TagEntry } from '../../../core/repository-index.ts';
import { countOf } from '../support/count-of.ts';
import { listedBefore, massDisappearance, withoutListed } from '../selection/disappearance.ts';
import { massFinding, shortFinding } from './hold-text.ts';
import { idlePatterns } from '../selection/idle-patterns.ts';
import type { Image } from '../run/image.ts';
import type { Finding, ItemReport, Outcome } from '../report.ts';
import type { RepositoryState } from './repository-state.ts';
import { selectTags, type SelectionResult } from '../selection/selection.ts';

export interface ListingResult {
  readonly selected: SelectionResult;
  /** Tags that are gone since the last run. */
  readonly items: readonly ItemReport[];
  readonly findings: readonly Finding[];
  /** A sentence, when nothing is selected or a pattern matches nothing. */
  readonly doubt: string | undefined;
}

/**
 * A list that is too short, or that most of what it had is gone from, selects nothing: what is named is looked at.
 * @param listed the source's; of no use where the image has no rules
 * @throws {StoreError}
 */
export async function applyListing(
  image: Image,
  state: RepositoryState,
  listed: readonly Tag[],
  now: Date,
): Promise<ListingResult> {
  const { tags: selection, source, repository, digests } = image;
  const { explicit, rules } = selection;
  const selected = selectTags(selection, listed);
  const { chosen, count, isShort } = selected;
  const all = { selected, items: [], findings: [], doubt: undefined };
  if (rules === undefined) return { ...all, doubt: doubtPatterns(image, undefined) };
  const list = `${source.name} lists ${countOf(listed.length, 'tag')}, of which ${count} ${count === 1 ? 'is' : 'are'} selected`;
  if (isShort) return { ...all, findings: [shortFinding(repository, list, rules.minTags)] };
  const there = new Set(listed);
  const known = listedBefore(selection, state.tags);
  const mass = massDisappearance(known, (tag) => there.has(tag), now);
  const outcomes = await noteListed(state, known, there, now.toISOString());
  const items = [...outcomes].map(([reference, outcome]) => ({ repository, reference, outcome }));
  if (mass !== undefined) {
    return {
      ...all,
      selected: withoutListed(selected, explicit, 'most of the tags that were listed before are gone'),
      items,
      findings: [massFinding(repository, source.name, mass, 'list')],
    };
  }
  const nothing = `${list}: nothing is mirrored. "lifeboat plan --all" shows what becomes of each tag.`;
  const isNothing = chosen.length + digests.length === 0;
  return { ...all, items, doubt: isNothing ? nothing : doubtPatterns(image, listed) };
}

/** @param listed undefined when nothing was listed; an empty list raises no doubt */
function doubtPatterns(image: Image, listed: readonly Tag[] | undefined): string | undefined {
  const idle = listed?.length === 0 ? [] : idlePatterns(image, listed);
  if (idle.length === 0) return undefined;
  return `${image.source.name}: no tag matches ${idle.join(', ')}. Check the spelling; "lifeboat plan --all" shows each tag.`;
}

/** As for those that are listed, when each one's own answer is there. @param gone what upstream has no more */
export function checkNamed(
  { source, repository, tags }: Image,
  state: RepositoryState,
  gone: ReadonlySet<string | undefined>,
  now: Date,
): readonly Finding[] {
  const known = state.tags.filter(({ tag }) => tags.explicit.includes(tag));
  const mass = massDisappearance(known, (tag) => !gone.has(tag), now);
  return mass === undefined ? [] : [massFinding(repository, source.name, mass, 'names')];
}

/** Since when upstream lacks a tag is noted once. @throws {StoreError} */
export async function noteGone(state: RepositoryState, entry: TagEntry, now: string): Promise<Outcome> {
  const { digest, gone: since = now } = entry;
  if (entry.gone === undefined) await state.note({ ...entry, gone: since });
  return { result: 'gone', digest, since };
}

/** A tag that is not listed any more is not looked at any more: that it is gone is said once. */
async function noteListed(
  state: RepositoryState,
  known: readonly TagEntry[],
  listed: ReadonlySet<Tag>,
  now: string,
): Promise<Map<Tag, Outcome>> {
  const outcomes = new Map<Tag, Outcome>();
  for (const entry of known) {
    const isGone = !listed.has(entry.tag);
    if (isGone === (entry.gone !== undefined)) continue;
    if (isGone) outcomes.set(entry.tag, await noteGone(state, entry, now));
    else await state.note({ ...entry, gone: undefined });
  }
  return outcomes;
}
