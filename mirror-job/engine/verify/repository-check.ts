/** Checks one repository: its tags, the closures of its images, and the objects that are derived from them. */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import { hasDigest, type Digest } from '../../../core/digest.ts';
import { repositoryIndexKey, tagKey, tagListKey } from '../../../core/layout.ts';
import { formatReference, type Tag } from '../../../core/reference.ts';
import {
  readRepositoryIndex,
  type IndexEntry,
  type RepositoryIndex,
  type TagEntry,
} from '../../../core/repository-index.ts';
import { decodeTagList } from '../../../core/tag-list.ts';
import { decodeTag, type TagObject } from '../../../core/tag-object.ts';
import { joinPlatforms } from '../selection/platform.ts';
import { tryDecode } from '../store/decode-object.ts';
import type { StoredObject } from '../store/store.ts';
import { CheckedStore, TooLarge, Unknown } from './checked-store.ts';
import {
  ClosureCheck,
  type ClosureCheckOptions,
  type ClosureVerdict,
  type ImageRoot,
} from './closure-check.ts';
import { checkDescriptions } from './description-check.ts';
import { findLostTags, lastDigest, type LostTagOptions, type LostTags } from './lost-tags.ts';
import { foundProblem, settled, type FoundProblem, type Problem } from './problem.ts';

/** Whether a repository has images. `index lost`: it has manifests alone, and no index that says what they are for. */
export type Serving = 'images' | 'nothing' | 'index lost' | 'unknown';

export interface RepositoryVerdict extends Omit<ClosureVerdict, 'problems'> {
  readonly problems: readonly Problem[];
  readonly tags: number;
  readonly pins: number;
  readonly candidates: number;
  readonly serving: Serving;
  /** When the first of its tags and pins came; undefined if it has none. ISO 8601, UTC. */
  readonly since: string | undefined;
}

export type RepositoryCheckOptions = ClosureCheckOptions & LostTagOptions;

/** A tag's object as it was read; undefined if there is none. */
type ReadTag = TagObject | Problem | Unknown | undefined;

/** A sentence names at most this many tags. */
const MAX_SHOWN = 3;

/** Never throws for what is wrong in the bucket: that is a problem, or not known. */
export async function checkRepository(
  store: CheckedStore,
  options: RepositoryCheckOptions,
): Promise<RepositoryVerdict> {
  const { listing } = options;
  const { repository } = listing;
  const [index, list] = await Promise.all([readIndex(store, options), readTagList(store, options)]);
  const entries = index instanceof Unknown || typeof index === 'string' ? [] : index.entries;
  const indexed = new Map(entries.flatMap((entry) => (entry.kind === 'tag' ? [[entry.tag, entry]] : [])));
  const problems: FoundProblem[] = [];
  const tags = new Map<Tag, TagObject>();
  const closure = new ClosureCheck(store, options);
  const unknownImages = new Set<string>();
  const roots = new Map<string, ImageRoot>();
  const addRoot = (root: ImageRoot): void => {
    const known = roots.get(root.digest);
    roots.set(root.digest, {
      ...root,
      platforms: known === undefined ? root.platforms : joinPlatforms(known.platforms, root.platforms),
      tag: known?.tag ?? root.tag,
      images: [...(known?.images ?? []), ...root.images],
      atHand: known?.atHand ?? root.atHand,
    });
  };
  const lost = await findLostTags({ listing, index, list }, options);
  await Promise.all(
    [...new Set([...listing.tags, ...indexed.keys(), ...lost.tags.keys()])].map(async (tag) => {
      const image = formatReference({ repository, tag, digest: undefined });
      const read = await readTag(store, options, tag, { entry: indexed.get(tag), by: lost.tags.get(tag) });
      if (read instanceof Unknown) unknownImages.add(image);
      else if (read !== undefined && 'kind' in read) problems.push(withImage(read, image));
      else if (read !== undefined) {
        tags.set(tag, { ...read, bytes: NO_BYTES });
        const { digest, platforms, bytes, mediaType } = read;
        addRoot({ digest, platforms, tag, images: [image], atHand: { bytes, contentType: mediaType } });
      }
    }),
  );
  for (const entry of entries) {
    // A tag's own object says what it points to.
    if (entry.kind === 'tag' && tags.has(entry.tag)) continue;
    const { digest, platforms } = entry;
    const images = entry.kind === 'pin' ? [formatReference({ repository, tag: undefined, digest })] : [];
    addRoot({ digest, platforms, tag: 'tag' in entry ? entry.tag : undefined, images, atHand: undefined });
  }
  const { problems: below, ...result } = await closure.check([...roots.values()]);
  problems.push(...below);
  if (!(index instanceof Unknown)) problems.push(...checkIndex(options, index, indexed, tags));
  if (!(list instanceof Unknown))
    problems.push(...checkTagList(options, list, new Set([...indexed.keys(), ...lost.tags.keys()])));
  if (!(index instanceof Unknown || typeof index === 'string')) {
    problems.push(...(await checkDescriptions(store, repository, index, tags)));
  }
  return {
    ...result,
    unknownImages: [...unknownImages, ...result.unknownImages],
    problems: problems.map(settled),
    tags: tags.size,
    pins: countOf(entries, 'pin'),
    candidates: countOf(entries, 'candidate'),
    serving: servingOf(options, index, entries, lost),
    since: sinceOf(tags, entries),
  };
}

function sinceOf(tags: ReadonlyMap<Tag, TagObject>, entries: readonly IndexEntry[]): string | undefined {
  const times = [...tags.values()].map(({ moved }) => moved);
  for (const entry of entries) if (entry.kind === 'pin') times.push(entry.firstSeen);
  return times.toSorted()[0];
}

/** A tag that only the index has is missing itself, which is a problem of its own. */
function servingOf(
  { listing: { tags, manifests } }: Pick<ClosureCheckOptions, 'listing'>,
  index: RepositoryIndex | string | Unknown,
  entries: readonly IndexEntry[],
  { isElsewhere }: LostTags,
): Serving {
  if (tags.size > 0 || entries.some(({ kind }) => kind !== 'candidate')) return 'images';
  if (index === 'absent') {
    if (manifests.size > 0 || isElsewhere === true) return 'index lost';
    return isElsewhere === undefined ? 'unknown' : 'nothing';
  }
  return index instanceof Unknown || typeof index === 'string' ? 'unknown' : 'nothing';
}

const NO_BYTES = new Uint8Array(0);

function countOf(entries: readonly IndexEntry[], kind: IndexEntry['kind']): number {
  return entries.filter((entry) => entry.kind === kind).length;
}

function withImage(problem: Problem, image: string): FoundProblem {
  return { ...problem, images: new Set([image]), attachedTo: new Set() };
}

async function readTag(
  store: CheckedStore,
  { listing }: ClosureCheckOptions,
  tag: Tag,
  { entry, by }: { readonly entry: TagEntry | undefined; readonly by: string | undefined },
): Promise<ReadTag> {
  const { repository } = listing;
  const key = tagKey(repository, tag);
  const problem = (
    kind: 'tag-missing' | 'tag-unreadable',
    message: string,
    digest: Digest | undefined = entry?.digest,
  ): Problem =>
    settled(foundProblem({ kind, key, repository, tag, message, ...(digest !== undefined && { digest }) }));
  const object = await store.get(key);
  if (object instanceof Unknown) return object;
  if (object === undefined) {
    // A tag that was listed and is gone by now has been removed meanwhile.
    if (entry === undefined && by === undefined) return undefined;
    if (entry === undefined) {
      const digest = await lastDigest(store, listing, tag);
      const last = digest === undefined ? '' : ` Its last movement was to ${digest}.`;
      return problem('tag-missing', `the tag ${tag} is missing, and ${by}.${last}`, digest);
    }
    return problem(
      'tag-missing',
      `the tag ${tag} is missing, and the repository's index says that it points to ${entry.digest}.`,
    );
  }
  const read = decoded(object, (bytes) => decodeTag(key, bytes));
  if (typeof read === 'string') return problem('tag-unreadable', `the tag ${tag} cannot be read: ${read}`);
  if (await hasDigest(read.bytes, read.digest)) return read;
  return problem(
    'tag-unreadable',
    `the tag ${tag} holds another manifest than its digest ${read.digest} names.`,
  );
}

/** @returns `absent`, or a sentence that says why it cannot be read */
async function readIndex(
  store: CheckedStore,
  { listing }: Pick<ClosureCheckOptions, 'listing'>,
): Promise<RepositoryIndex | string | Unknown> {
  const key = repositoryIndexKey(listing.repository);
  const object = await store.get(key);
  if (object instanceof Unknown) return object;
  return object === undefined ? 'absent' : decoded(object, (bytes) => readRepositoryIndex(key, bytes));
}

async function readTagList(
  store: CheckedStore,
  { listing }: ClosureCheckOptions,
): Promise<readonly Tag[] | string | Unknown> {
  const key = tagListKey(listing.repository);
  const object = await store.get(key);
  if (object instanceof Unknown) return object;
  return object === undefined ? 'absent' : decoded(object, (bytes) => decodeTagList(key, bytes));
}

function decoded<Value>(
  object: StoredObject | TooLarge,
  decode: (bytes: Uint8Array) => Value,
): Value | string {
  if (object instanceof TooLarge) return object.reason;
  const value = tryDecode(() => decode(object.bytes));
  return value instanceof BucketObjectInvalidError ? value.reason : value;
}

function checkIndex(
  { listing }: ClosureCheckOptions,
  index: RepositoryIndex | string,
  indexed: ReadonlyMap<Tag, TagEntry>,
  tags: ReadonlyMap<Tag, TagObject>,
): FoundProblem[] {
  const { repository } = listing;
  const stale = (message: string): FoundProblem[] => [
    foundProblem({ kind: 'index-stale', key: repositoryIndexKey(repository), repository, message }),
  ];
  if (index === 'absent') return tags.size === 0 ? [] : stale("the repository's index is missing.");
  if (typeof index === 'string') {
    return stale(
      `the repository's index cannot be read: ${index} Its pins, and the digests that wait for a decision, are not known.`,
    );
  }
  if (index.mayLackPins) {
    return stale(
      "the repository's index was lost and made anew from the tags. Its pins, and the digests that wait for a decision, are not known.",
    );
  }
  const other = [...tags].filter(([tag, { digest, hold }]) => {
    const entry = indexed.get(tag);
    return entry?.digest !== digest || entry.hold !== hold;
  });
  if (other.length === 0) return [];
  return stale(
    `the repository's index does not say what these tags say: ${shown(other.map(([tag]) => tag))}.`,
  );
}

function checkTagList(
  { listing }: ClosureCheckOptions,
  list: readonly Tag[] | string,
  known: ReadonlySet<Tag>,
): FoundProblem[] {
  const { repository, tags } = listing;
  const stale = (message: string): FoundProblem[] => [
    foundProblem({ kind: 'tag-list-stale', key: tagListKey(repository), repository, message }),
  ];
  if (list === 'absent') return tags.size > 0 ? stale('the list of tags is missing.') : [];
  if (typeof list === 'string') return stale(`the list of tags cannot be read: ${list}`);
  const missing = [...tags].filter((tag) => !list.includes(tag));
  // A tag that others name, too, is missing itself.
  const extra = list.filter((tag) => !tags.has(tag) && !known.has(tag));
  return [
    ...(missing.length > 0 ? stale(`the list of tags lacks ${shown(missing)}.`) : []),
    ...(extra.length > 0 ? stale(`the list of tags has ${shown(extra)}, of which there is no tag.`) : []),
  ];
}

function shown(names: readonly string[]): string {
  const some = names.toSorted().slice(0, MAX_SHOWN).join(', ');
  return names.length > MAX_SHOWN ? `${some} and ${names.length - MAX_SHOWN} more` : some;
}
