/**
 * Rewrites the objects that are derived from repositories: the catalogue, the overview and the description. No run may look at
 * the repository any more, so nobody else would. One that cannot be read is left to the next run.
 */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import { decodeCatalog, encodeCatalog } from '../../../core/catalog.ts';
import { descriptionKey, repositoryIndexKey, stateKey } from '../../../core/layout.ts';
import {
  decodeOverview,
  encodeOverview,
  mergeOverview,
  withoutRepository,
  type Overview,
} from '../../../core/overview.ts';
import type { Repository } from '../../../core/reference.ts';
import {
  decodeDescription,
  encodeDescription,
  type RepositoryDescription,
} from '../../../core/repository-description.ts';
import { readRepositoryIndex, type IndexEntry } from '../../../core/repository-index.ts';
import { isReferrerTag } from '../../../core/tag-list.ts';
import { overviewOf } from '../description/overview-line.ts';
import { updateObject } from '../store/compare-and-swap.ts';
import { tryDecode } from '../store/decode-object.ts';
import type { PrunableStore } from '../store/store.ts';
import { entriesLeft, goesWith, type DoomedNames } from './doomed-names.ts';

export interface DerivedContext {
  readonly store: PrunableStore;
  /** The configuration's name. */
  readonly name: string;
}

/**
 * Takes a repository of which nothing stays off the catalogue and the overview.
 * @returns the keys of what describes it
 * @throws {StoreError}
 */
export async function forgetRepository(
  repository: Repository,
  { store, name }: DerivedContext,
): Promise<string[]> {
  await change(store, stateKey(name, 'catalog.json'), decodeCatalog, (listed) =>
    listed.includes(repository) ? encodeCatalog(listed.filter((one) => one !== repository)) : undefined,
  );
  await change(store, stateKey(name, 'overview.json'), decodeOverview, (overview) => {
    const left = withoutRepository(overview, repository);
    return left === undefined ? undefined : encodeOverview(left);
  });
  return [descriptionKey(name, repository)];
}

/**
 * Takes what goes of a repository off its description and off its line in the overview. Called before its index is written, so
 * that a sweep that was killed in between does it again.
 * @throws {BucketObjectInvalidError} for an index that cannot be read, and {StoreError}
 */
export async function forgetDoomed(doomed: DoomedNames, { store, name }: DerivedContext): Promise<void> {
  const { repository } = doomed;
  const indexKey = repositoryIndexKey(repository);
  const index = await store.get(indexKey);
  if (index === undefined) return;
  const { entries } = readRepositoryIndex(indexKey, index.bytes);
  const left = entriesLeft(doomed, entries);
  if (left.length === entries.length) return;
  let described: RepositoryDescription | undefined;
  await change(store, descriptionKey(name, repository), decodeDescription, (description) => {
    described = descriptionOf(doomed, description, left);
    return encodeDescription(described);
  });
  await change(store, stateKey(name, 'overview.json'), decodeOverview, (overview) =>
    encodeOverview(overviewWith(doomed, overview, left, described)),
  );
}

function descriptionOf(
  doomed: DoomedNames,
  description: RepositoryDescription,
  left: readonly IndexEntry[],
): RepositoryDescription {
  const pinned = new Set(left.flatMap((entry) => (entry.kind === 'pin' ? [entry.digest] : [])));
  return {
    ...description,
    tags: description.tags.filter(({ tag }) => !goesWith(doomed, tag)),
    tagCount: left.filter((entry) => entry.kind === 'tag' && !isReferrerTag(entry.tag)).length,
    pins: description.pins.filter(({ digest }) => pinned.has(digest)),
  };
}

/** A sweep does not look at upstream, so what runs have said of it stays. */
function overviewWith(
  { repository }: DoomedNames,
  overview: Overview,
  left: readonly IndexEntry[],
  described: RepositoryDescription | undefined,
): Overview {
  const before = overview.repositories.find(({ name }) => name === repository);
  if (before === undefined) return overview;
  const { run, ended } = overview;
  const [last] = described?.tags.toSorted((one, other) => (one.moved > other.moved ? -1 : 1)) ?? [];
  const newest = last === undefined ? undefined : { tag: last.tag, moved: last.moved };
  const { line, held } = overviewOf(repository, left, [], { newest, now: ended });
  const { checked: _checked, ...counted } = line;
  const known = overview.held.filter((one) => one.repository === repository);
  return mergeOverview(overview, {
    run,
    ended,
    repositories: [{ ...counted, ...(before.checked !== undefined && { checked: before.checked }) }],
    held: held.map((one) => known.find(({ tag }) => tag === one.tag) ?? one),
  });
}

/** @param to undefined leaves the object as it is */
async function change<Value>(
  store: PrunableStore,
  key: string,
  decode: (key: string, bytes: Uint8Array) => Value,
  to: (value: Value) => Uint8Array<ArrayBuffer> | undefined,
): Promise<void> {
  await updateObject(store, key, 'application/json', (bytes) => {
    const read = bytes === undefined ? undefined : tryDecode(() => decode(key, bytes));
    return read === undefined || read instanceof BucketObjectInvalidError ? undefined : to(read);
  });
}
