/**
 * `_index.json`: the job's memory of one repository, an OCI image index. Tags are the truth and this can be
 * rebuilt from them; it exists so that a run which finds nothing new reads one object a repository.
 */
import {
  ANNOTATION,
  BucketObjectInvalidError,
  REF_NAME,
  decodePlatforms,
  isTime,
  parseObjectAt,
} from './bucket-object.ts';
import { DescriptorInvalidError, parseDescriptor, type Descriptor } from './descriptor.ts';
import type { Digest } from './digest.ts';
import { encodeJson, isObject } from './json.ts';
import { OCI_INDEX } from './media-type.ts';
import { isTag, type Tag } from './reference.ts';

interface Entry {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  /** When this digest was first seen upstream. ISO 8601, UTC. */
  readonly firstSeen: string;
  /** When upstream was last asked for its referrers; undefined if never. ISO 8601, UTC. */
  readonly referrersChecked?: string | undefined;
  /** Which platforms are stored, sorted; undefined for all. */
  readonly platforms?: readonly string[] | undefined;
}

/**
 * When upstream's tag came to a digest first and last, as places in the order of all sightings of that tag: a greater
 * number is a later sighting. The numbers are no times, because a clock may be wrong or set back, and the order must
 * not change with it. They begin at the milliseconds of the first sighting, so that they can be compared with the times
 * of an entry that has no numbers yet.
 */
export interface SightingOrder {
  readonly first: number;
  readonly last: number;
}

/** Where a tag stands. */
export interface TagEntry extends Entry {
  readonly kind: 'tag';
  readonly tag: Tag;
  /** Why it does not follow upstream; undefined where it does. As on the tag itself. */
  readonly hold?: string | undefined;
  /** When upstream last came back to this digest after another; undefined if it never did. ISO 8601, UTC. */
  readonly returned?: string | undefined;
  /** Undefined in an index of an earlier version: then the times give the order. */
  readonly sightings?: SightingOrder | undefined;
  /** Since when upstream lacks the tag; undefined where it has it. ISO 8601, UTC. */
  readonly gone?: string | undefined;
}

/** A manifest that the configuration names by digest. */
export interface PinEntry extends Entry {
  readonly kind: 'pin';
}

/** A digest that upstream's tag was seen at, stored, and not (or no longer) where our tag points. */
export interface CandidateEntry extends Entry {
  readonly kind: 'candidate';
  readonly tag: Tag;
  /** As on a tag's entry. */
  readonly returned?: string | undefined;
  /** As on a tag's entry. */
  readonly sightings?: SightingOrder | undefined;
  /**
   * The sighting (`returned`, or else `firstSeen`) from which somebody has moved the tag away by hand; undefined if
   * nobody has. If upstream comes back to the digest later, that is another sighting.
   */
  readonly left?: string | undefined;
}

export type IndexEntry = TagEntry | PinEntry | CandidateEntry;

/** One entry of this key exists: a tag stands in one place, a digest is pinned once, seen once under a tag. */
export function entryKey(entry: IndexEntry): string {
  switch (entry.kind) {
    case 'tag':
      return `tag ${entry.tag}`;
    case 'pin':
      return `pin ${entry.digest}`;
    case 'candidate':
      return `candidate ${entry.tag} ${entry.digest}`;
  }
}

/** The whole content of the index object. */
export interface RepositoryIndex {
  readonly entries: IndexEntry[];
  /**
   * Whether `_tags.json` beside it has every tag. A list from before this mark lacks the tags for referrers, so a list
   * without the mark is made anew once.
   */
  readonly listsEveryTag: boolean;
}

const EVERY_TAG = 'every';

export function encodeRepositoryIndex(
  entries: Iterable<IndexEntry>,
  { listsEveryTag = false }: Partial<Pick<RepositoryIndex, 'listsEveryTag'>> = {},
): Uint8Array<ArrayBuffer> {
  const sorted = [...entries].toSorted((a, b) => (entryKey(a) < entryKey(b) ? -1 : 1));
  return encodeJson({
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: sorted.map(toDescriptor),
    ...(listsEveryTag && { annotations: { [ANNOTATION.tagList]: EVERY_TAG } }),
  });
}

function toDescriptor(entry: IndexEntry): Descriptor {
  return {
    mediaType: entry.mediaType,
    digest: entry.digest,
    size: entry.size,
    annotations: {
      // Only where the tag stands is it a ref.name: other readers of OCI indexes must not pull a candidate.
      ...(entry.kind === 'tag' && { [REF_NAME]: entry.tag }),
      ...(entry.kind === 'tag' && entry.hold !== undefined && { [ANNOTATION.hold]: entry.hold }),
      ...(entry.kind === 'candidate' && { [ANNOTATION.tag]: entry.tag }),
      [ANNOTATION.kind]: entry.kind,
      [ANNOTATION.firstSeen]: entry.firstSeen,
      ...(entry.kind !== 'pin' && entry.returned !== undefined && { [ANNOTATION.returned]: entry.returned }),
      ...(entry.kind !== 'pin' &&
        entry.sightings !== undefined && { [ANNOTATION.sightings]: encodeSightings(entry.sightings) }),
      ...(entry.kind === 'candidate' && entry.left !== undefined && { [ANNOTATION.left]: entry.left }),
      ...(entry.kind === 'tag' && entry.gone !== undefined && { [ANNOTATION.gone]: entry.gone }),
      ...(entry.referrersChecked !== undefined && { [ANNOTATION.referrersChecked]: entry.referrersChecked }),
      ...(entry.platforms !== undefined && { [ANNOTATION.platforms]: entry.platforms.join(',') }),
    },
  };
}

/** @throws {BucketObjectInvalidError} */
export function decodeRepositoryIndex(key: string, bytes: Uint8Array): IndexEntry[] {
  return readRepositoryIndex(key, bytes).entries;
}

/** @throws {BucketObjectInvalidError} */
export function readRepositoryIndex(key: string, bytes: Uint8Array): RepositoryIndex {
  const { manifests, annotations } = parseObjectAt(key, bytes);
  const listsEveryTag = isObject(annotations) && annotations[ANNOTATION.tagList] === EVERY_TAG;
  return { entries: readEntries(key, manifests), listsEveryTag };
}

function readEntries(key: string, manifests: unknown): IndexEntry[] {
  if (!Array.isArray(manifests)) throw new BucketObjectInvalidError(key, 'it is not an image index.');
  return manifests.map((value, index) => {
    try {
      return fromDescriptor(key, parseDescriptor(value, `manifests[${index}]`));
    } catch (error) {
      if (error instanceof DescriptorInvalidError) {
        throw new BucketObjectInvalidError(key, error.message, error);
      }
      throw error;
    }
  });
}

function fromDescriptor(key: string, descriptor: Descriptor): IndexEntry {
  const { mediaType, digest, size, annotations = {} } = descriptor;
  const kind = annotations[ANNOTATION.kind];
  const firstSeen = annotations[ANNOTATION.firstSeen];
  const timeAt = (name: string): string | undefined => {
    const time = annotations[name];
    return isTime(time) ? time : undefined;
  };
  if (!isTime(firstSeen)) throw new BucketObjectInvalidError(key, `${digest} has no first-seen time.`);
  const entry = {
    mediaType,
    digest,
    size,
    firstSeen,
    referrersChecked: timeAt(ANNOTATION.referrersChecked),
    platforms: decodePlatforms(annotations[ANNOTATION.platforms]),
  };
  if (kind === 'pin') return { kind, ...entry };
  const tag = annotations[kind === 'tag' ? REF_NAME : ANNOTATION.tag];
  if ((kind !== 'tag' && kind !== 'candidate') || tag === undefined || !isTag(tag)) {
    throw new BucketObjectInvalidError(key, `${digest} is neither a tag, a pin nor a candidate.`);
  }
  const returned = timeAt(ANNOTATION.returned);
  const seen = { ...entry, returned, sightings: decodeSightings(annotations[ANNOTATION.sightings]) };
  return kind === 'tag'
    ? { kind, tag, ...seen, hold: annotations[ANNOTATION.hold], gone: timeAt(ANNOTATION.gone) }
    : { kind, tag, ...seen, left: timeAt(ANNOTATION.left) };
}

function encodeSightings({ first, last }: SightingOrder): string {
  return first === last ? String(first) : `${first},${last}`;
}

/** @returns undefined for what cannot be read: then the times give the order */
function decodeSightings(annotation: string | undefined): SightingOrder | undefined {
  const [, first, last = first] = /^(\d{1,15})(?:,(\d{1,15}))?$/.exec(annotation ?? '') ?? [];
  if (first === undefined || Number(last) < Number(first)) return undefined;
  return { first: Number(first), last: Number(last) };
}
