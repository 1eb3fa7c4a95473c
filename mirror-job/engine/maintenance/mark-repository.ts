/** Finds out what of one repository is needed, and why the rest is not. Nothing is written. */
import { algorithmOf, hexOf, type Digest } from '../../../core/digest.ts';
import {
  blobLinkKey,
  historyKey,
  manifestKey,
  referrersKey,
  repositoryIndexKey,
  tagKey,
  tagListKey,
} from '../../../core/layout.ts';
import type { Tag } from '../../../core/reference.ts';
import { entryKey } from '../../../core/repository-index.ts';
import { isReferrerTag, referrersTag } from '../../../core/tag-list.ts';
import type { ClosureRoot } from '../graph/closure-walk.ts';
import type { Store } from '../store/store.ts';
import { allOrThrow } from '../support/all-or-throw.ts';
import { createLimit } from '../support/limit.ts';
import { entryJudge } from './entry-verdict.ts';
import { optionalRoot, rootOfTag, walkNeeded } from './needed-closure.ts';
import {
  READS_AT_ONCE,
  readFacts,
  readHistory,
  type RepositoryContent,
  type RepositoryFacts,
} from './repository-content.ts';
import type { RepositoryPolicy } from './repository-policy.ts';
import { judgeTags, type StoredTag, type TagVerdict } from './tag-verdict.ts';

/** An object that nothing needs. */
export interface Unneeded {
  readonly key: string;
  /** In bytes. */
  readonly size: number;
  /** Part of a sentence. */
  readonly why: string;
}

export interface RepositoryMark {
  readonly unneeded: readonly Unneeded[];
  /** The blobs that the repository keeps: those that are needed, and those whose links stay. */
  readonly blobs: ReadonlySet<Digest>;
  /** The entries that the index is to lose, by `entryKey`. */
  readonly dropped: ReadonlySet<string>;
  /** Whether the repository has no tag, pin or candidate left. */
  readonly isEmpty: boolean;
  /** The tags that go, and those that would go but for their age. */
  readonly tags: readonly (TagVerdict & { readonly tag: Tag })[];
}

export interface MarkOptions {
  readonly store: Pick<Store, 'name' | 'get'>;
  readonly now: Date;
  /**
   * Whether an object may go if nothing needs it. All that may not go stays with what it needs: a manifest that is there
   * has to be complete, because the job takes it for complete.
   */
  readonly mayGo: (key: string) => boolean;
}

/**
 * @throws {IncompleteImageError}, {BucketObjectInvalidError} and {StoreError}: then nothing may be deleted
 */
export async function markRepository(
  content: RepositoryContent,
  policy: RepositoryPolicy,
  options: MarkOptions,
): Promise<RepositoryMark> {
  const { repository, manifests, movements } = content;
  const { store, now, mayGo } = options;
  const { retention } = policy;
  const isOld = (time: string): boolean => now.getTime() - Date.parse(time) > retention.keepMs;
  const facts = await readFacts(store, content);
  const images = new Set([...manifests.keys()].flatMap(namesOfImage));
  const judged = judgeTags(policy, facts.tags, { now, hasImage: (tag) => images.has(imageNameIn(tag)) });
  const verdicts = new Map(
    [...judged].map(([tag, verdict]): [Tag, TagVerdict] =>
      verdict.stays || mayGo(tagKey(repository, tag))
        ? [tag, verdict]
        : [tag, { stays: true, why: verdict.why }],
    ),
  );
  const staying = facts.tags.filter(({ tag }) => verdicts.get(tag)?.stays === true);
  const roots: ClosureRoot[] = staying.map(rootOfTag);

  const unneeded: Unneeded[] = [];
  const add = (key: string, why: string): void => {
    if (mayGo(key)) unneeded.push({ key, size: content.sizes.get(key) ?? 0, why });
  };
  const present = new Set(content.tags);
  /** Of tags that belong to an image by their name: their digests stay if the image does. */
  const historyOf = new Map<Tag, ReadonlySet<Digest>>();
  const historic = new Set<Digest>();
  const atOnce = createLimit(READS_AT_ONCE);
  const lastMovements = new Map(
    facts.tags.map(({ tag, object: { digest, moved, run } }) => [
      tag,
      { key: historyKey(repository, tag, new Date(moved), run), to: digest, at: moved },
    ]),
  );
  const histories = await allOrThrow(
    [...movements].map(async ([tag, keys]) => {
      const goes = verdicts.get(tag)?.stays === false;
      const isGone = goes || !present.has(tag);
      const current = lastMovements.get(tag);
      const how = { history: retention.history, isOld, isGone, current };
      const { digests, surplus } = await atOnce(() => readHistory(store, keys, how));
      return { tag, keys, goes, isGone, digests, surplus };
    }),
  );
  for (const { tag, keys, goes, isGone, digests, surplus } of histories) {
    if (isGone || verdicts.has(tag)) for (const digest of digests) historic.add(digest);
    else historyOf.set(tag, digests);
    const why = 'a movement that is older than the history that stays';
    for (const key of goes ? keys : surplus) add(key, goes ? 'a movement of a tag that goes' : why);
  }
  const dropped = new Set<string>();
  const stays = entryJudge({ facts, verdicts, policy, historic, isOld });
  for (const entry of facts.entries) {
    const verdict = stays(entry);
    if (verdict === 'goes') dropped.add(entryKey(entry));
    else if (verdict !== 'later') {
      roots.push({ digest: entry.digest, platforms: entry.platforms, isOptional: verdict === 'optional' });
    }
  }
  // Also without the index, which may have been deleted to be made anew.
  for (const digest of [...historic, ...policy.used.digests, ...policy.digests]) {
    if (manifests.has(digest)) roots.push(optionalRoot(digest));
  }
  for (const digest of manifests.keys()) {
    if (!mayGo(manifestKey(repository, digest))) roots.push(optionalRoot(digest));
  }
  for (const one of facts.tags) {
    if (!verdicts.has(one.tag) && !mayGo(tagKey(repository, one.tag))) roots.push(rootOfTag(one));
  }

  const needed: Needed = { manifests: new Set(), blobs: new Set(), tags: new Set() };
  await addClosure(needed, roots, content, { facts, historyOf }, options);
  // An index that was lost and made anew leads to no pin and to no candidate. With its mark, every manifest may be one.
  const isTooOld = (written: Date | undefined): boolean =>
    !facts.mayLackPins && written !== undefined && isOld(written.toISOString());
  const young = [...manifests].flatMap(([digest, written]) =>
    needed.manifests.has(digest) || isTooOld(written) ? [] : [optionalRoot(digest)],
  );
  await addClosure(needed, young, content, { facts, historyOf }, options);
  for (const { tag } of facts.tags) {
    if (verdicts.get(tag)?.stays === false) add(tagKey(repository, tag), verdicts.get(tag)?.why ?? '');
    else if (!verdicts.has(tag) && !needed.tags.has(tag)) {
      add(tagKey(repository, tag), 'it belongs to an image that goes');
      dropped.add(`tag ${tag}`);
      for (const key of movements.get(tag) ?? []) add(key, 'a movement of a tag that goes');
    }
  }
  for (const digest of content.subjects) {
    if (!needed.manifests.has(digest)) add(referrersKey(repository, digest), 'what it refers to goes');
  }
  for (const digest of manifests.keys()) {
    if (!needed.manifests.has(digest)) add(manifestKey(repository, digest), 'nothing leads to it');
  }
  const blobs = new Set(needed.blobs);
  for (const digest of content.links) {
    const key = blobLinkKey(repository, digest);
    if (needed.blobs.has(digest)) continue;
    if (mayGo(key)) add(key, 'no manifest of the repository needs it');
    else blobs.add(digest);
  }
  const left = facts.entries.filter((entry) => !dropped.has(entryKey(entry)));
  const isEmpty = left.length === 0 && staying.length === 0 && needed.manifests.size === 0;
  if (isEmpty) {
    for (const key of [tagListKey(repository), repositoryIndexKey(repository)]) {
      if (content.sizes.has(key)) add(key, 'the repository has nothing left');
    }
  }
  const tags = [...verdicts].flatMap(([tag, verdict]) =>
    verdict.stays && verdict.isClose !== true ? [] : [{ tag, ...verdict }],
  );
  return { unneeded, blobs, dropped, isEmpty, tags };
}

interface Needed {
  readonly manifests: Set<Digest>;
  readonly blobs: Set<Digest>;
  /** The tags that belong to needed images by their names. */
  readonly tags: Set<Tag>;
}

/** Signatures that are tags are images themselves, and may be signed again, so the walk is repeated until it finds no more. */
async function addClosure(
  { manifests, blobs, tags }: Needed,
  roots: readonly ClosureRoot[],
  content: RepositoryContent,
  {
    facts,
    historyOf,
  }: { readonly facts: RepositoryFacts; readonly historyOf: ReadonlyMap<Tag, ReadonlySet<Digest>> },
  { store }: MarkOptions,
): Promise<void> {
  const byName = Map.groupBy(
    facts.tags.filter(({ tag }) => isReferrerTag(tag)),
    ({ tag }) => imageNameIn(tag),
  );
  let next = roots;
  while (next.length > 0) {
    const found: StoredTag[] = [];
    const add = (digest: Digest): void => {
      if (manifests.has(digest)) return;
      manifests.add(digest);
      for (const name of new Set(namesOfImage(digest))) {
        for (const one of byName.get(name) ?? []) {
          if (tags.has(one.tag)) continue;
          tags.add(one.tag);
          found.push(one);
        }
      }
    };
    await walkNeeded(next, content, store, { manifest: add, blob: (digest) => blobs.add(digest) });
    const historic = found.flatMap((one) => [...(historyOf.get(one.tag) ?? [])]);
    next = [...found.map(rootOfTag), ...historic.map((digest) => optionalRoot(digest))];
  }
}

/** The names of an image in the tags that belong to it, which are cut for some tools and whole for others. */
function namesOfImage(digest: Digest): string[] {
  return [referrersTag(digest), `${algorithmOf(digest)}-${hexOf(digest)}`];
}

function imageNameIn(tag: Tag): string {
  return tag.split('.', 1).join();
}
