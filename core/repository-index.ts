/**
 * `_index.json`: the job's memory of one repository, as an OCI image index. The tags are the truth, and the index can be
 * rebuilt from them. It exists so that a run that finds nothing new reads one object per repository.
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
  /** When its referrers were last requested from upstream; undefined if never. ISO 8601, UTC. */
  readonly referrersChecked?: string | undefined;
  /** The stored platforms, sorted; undefined for all. */
  readonly platforms?: readonly string[] | undefined;
}

/**
 * The first and the last sighting of a digest under an upstream tag, as positions in the order of all sightings of that
 * tag: a greater number is a later sighting. The numbers are not times, because a clock may be wrong or set back, and the
 * order must not change with it. They begin at the milliseconds of the first sighting, so that they can be compared with
 * the times of an entry that has no numbers yet.
 */
export interface SightingOrder {
  readonly first: number;
  readonly last: number;
}

/** A tag, and the digest that our tag points to. */
export interface TagEntry extends Entry {
  readonly kind: 'tag';
  readonly tag: Tag;
  /** Why the tag does not follow upstream, as on the tag itself; undefined if it follows. */
  readonly hold?: string | undefined;
  /** When the upstream tag last came back to this digest from another; undefined if it never did. ISO 8601, UTC. */
  readonly returned?: string | undefined;
  /** Undefined in an index of an earlier version, where the times give the order. */
  readonly sightings?: SightingOrder | undefined;
  /** The time since which upstream lacks the tag; undefined if upstream has it. ISO 8601, UTC. */
  readonly gone?: string | undefined;
}

/** A manifest that the configuration names by digest. */
export interface PinEntry extends Entry {
  readonly kind: 'pin';
}

/** A stored digest that an upstream tag was seen at, and that our tag does not point to, or no longer. */
export interface CandidateEntry extends Entry {
  readonly kind: 'candidate';
  readonly tag: Tag;
  /** The same as on a tag's entry. */
  readonly returned?: string | undefined;
  /** The same as on a tag's entry. */
  readonly sightings?: SightingOrder | undefined;
  /**
   * The sighting (`returned`, or else `firstSeen`) from which a person moved the tag away; undefined if nobody did. If
   * the upstream tag comes back to the digest later, that is another sighting.
   */
  readonly left?: string | undefined;
}

export type IndexEntry = TagEntry | PinEntry | CandidateEntry;

/** An index has one entry for each key: a tag points to one digest, a digest is pinned once, and is a tag's candidate once. */
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
   * Whether the repository's `_tags.json` has every tag. Lists of versions without this mark lack the tags for referrers, so
   * a list without the mark is rebuilt once.
   */
  readonly listsEveryTag: boolean;
  /**
   * The configurations whose description of the repository has all that the index has, so that it need not be looked at.
   * A writer that changes an entry leaves the mark out.
   */
  readonly describedFor: readonly string[];
  /**
   * Whether it was lost and made anew from the tags, so that it may lack pins, and digests that wait for a decision. Each
   * writer keeps the mark, until they are found in another store, or a person was told which digests they may be.
   */
  readonly mayLackPins: boolean;
}

/** The marks of a whole index, besides its entries. */
export type IndexMarks = Partial<Omit<RepositoryIndex, 'entries'>>;

const EVERY_TAG = 'every';
const PINS = 'pins';

export function encodeRepositoryIndex(
  entries: Iterable<IndexEntry>,
  { listsEveryTag = false, describedFor = [], mayLackPins = false }: IndexMarks = {},
): Uint8Array<ArrayBuffer> {
  const annotations = {
    ...(listsEveryTag && { [ANNOTATION.tagList]: EVERY_TAG }),
    ...(describedFor.length > 0 && {
      [ANNOTATION.described]: [...new Set(describedFor)].toSorted().join(','),
    }),
    ...(mayLackPins && { [ANNOTATION.mayLack]: PINS }),
  };
  const sorted = [...entries].toSorted((a, b) => (entryKey(a) < entryKey(b) ? -1 : 1));
  return encodeJson({
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: sorted.map(toDescriptor),
    ...(Object.keys(annotations).length > 0 && { annotations }),
  });
}

function toDescriptor(entry: IndexEntry): Descriptor {
  return {
    mediaType: entry.mediaType,
    digest: entry.digest,
    size: entry.size,
    annotations: {
      // Only the digest that the tag points to has a ref.name, because other readers of OCI indexes must not pull a candidate.
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
  const marks = isObject(annotations) ? annotations : {};
  const described = marks[ANNOTATION.described];
  return {
    entries: readEntries(key, manifests),
    listsEveryTag: marks[ANNOTATION.tagList] === EVERY_TAG,
    describedFor: typeof described === 'string' ? described.split(',').filter((name) => name !== '') : [],
    mayLackPins: marks[ANNOTATION.mayLack] === PINS,
  };
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

/** @returns undefined for a text that cannot be read; the times give the order then */
function decodeSightings(annotation: string | undefined): SightingOrder | undefined {
  const [, first, last = first] = /^(\d{1,15})(?:,(\d{1,15}))?$/.exec(annotation ?? '') ?? [];
  if (first === undefined || Number(last) < Number(first)) return undefined;
  return { first: Number(first), last: Number(last) };
}
