/**
 * `state/<name>/repositories/<repository>.json`: the tags and pins of one repository with sizes, platforms and movements, as
 * a page or a feed shows them. It is derived: a run writes it anew if it is missing.
 */
import type { Digest } from './digest.ts';
import { encodeShown, Fields } from './fields.ts';
import type { Repository, Tag } from './reference.ts';

const VERSION = 1;
export const MAX_DESCRIBED_TAGS = 1000;
export const MAX_DESCRIBED_PINS = 200;
/** Of one tag. The sum of the bytes counts all of them. */
export const MAX_DESCRIBED_PLATFORMS = 32;
/** Of one tag. */
export const MAX_DESCRIBED_MOVEMENTS = 5;
/** The size of the largest description, which is the most that the edge reads whole. Of a larger one, the last tags are left out. */
export const MAX_DESCRIPTION_BYTES = 8 * 1024 * 1024;

/** One platform of an image that is stored. */
export interface DescribedPlatform {
  /** `linux/arm/v7`; `unknown` if the manifest does not say, as that of one platform alone does not. */
  readonly platform: string;
  readonly digest: Digest;
  /** Compressed, with the config. */
  readonly bytes: number;
}

/** A manifest that a tag or a pin names. */
export interface DescribedManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  /** Of an artifact, such as a Helm chart; undefined for an image. */
  readonly artifactType?: string;
  /** When this digest was first seen upstream. ISO 8601, UTC. */
  readonly firstSeen: string;
  /** The compressed bytes of the distinct blobs of all stored platforms. */
  readonly bytes: number;
  /** The stored ones, in the order of the index; one for an image without an index; none for other artifacts. */
  readonly platforms: readonly DescribedPlatform[];
  /** The stored ones, sorted, if not all are stored. */
  readonly storedPlatforms?: readonly string[];
  readonly signatures: number;
  readonly sboms: number;
  readonly attestations: number;
  /** When upstream was last asked for signatures and the like; undefined if never. ISO 8601, UTC. */
  readonly referrersChecked?: string;
}

/** A movement that was carried out, or is about to be. */
export interface DescribedMovement {
  /** ISO 8601, UTC. */
  readonly at: string;
  /** Undefined if the tag did not exist. */
  readonly from?: Digest;
  readonly to: Digest;
  readonly run: string;
  readonly why: string;
  /** The person who moved the tag by hand. Anybody who can write to the bucket can write any name. */
  readonly by?: string;
}

export interface DescribedTag extends DescribedManifest {
  readonly tag: Tag;
  /** When the tag moved to its digest. ISO 8601, UTC. */
  readonly moved: string;
  /** The id of the run that moved it. */
  readonly run: string;
  /** Why the tag does not follow upstream; undefined if it follows. */
  readonly hold?: string;
  /** Upstream's digest that waits; undefined if none does. */
  readonly upstream?: { readonly digest: Digest; readonly firstSeen: string };
  /** The time since which upstream lacks the tag; undefined if upstream has it. ISO 8601, UTC. */
  readonly gone?: string;
  /** The newest ones, newest first. */
  readonly movements: readonly DescribedMovement[];
}

export interface RepositoryDescription {
  readonly repository: Repository;
  /** ISO 8601, UTC. */
  readonly written: string;
  /** In the order of versions, the newest first. Tags that no run has described yet are missing. */
  readonly tags: readonly DescribedTag[];
  /** All tags, without those that name referrers of a digest (`sha256-…`). */
  readonly tagCount: number;
  readonly pins: readonly DescribedManifest[];
}

/** @param description its lists are cut to their bounds, and its texts are cleaned */
export function encodeDescription(description: RepositoryDescription): Uint8Array<ArrayBuffer> {
  const { repository, written, tagCount } = description;
  const pins = description.pins.slice(0, MAX_DESCRIBED_PINS).map(boundedManifest);
  for (let count = MAX_DESCRIBED_TAGS; ; count = Math.floor(count / 2)) {
    const tags = description.tags.slice(0, count).map(boundedTag);
    const bytes = encodeShown({ version: VERSION, repository, written, tags, tagCount, pins });
    if (bytes.length <= MAX_DESCRIPTION_BYTES || count === 0) return bytes;
  }
}

function boundedManifest<Manifest extends DescribedManifest>(manifest: Manifest): Manifest {
  const { platforms, storedPlatforms } = manifest;
  return {
    ...manifest,
    platforms: platforms.slice(0, MAX_DESCRIBED_PLATFORMS),
    ...(storedPlatforms !== undefined && {
      storedPlatforms: storedPlatforms.slice(0, MAX_DESCRIBED_PLATFORMS),
    }),
  };
}

function boundedTag(tag: DescribedTag): DescribedTag {
  return { ...boundedManifest(tag), movements: tag.movements.slice(0, MAX_DESCRIBED_MOVEMENTS) };
}

/** @throws {BucketObjectInvalidError} */
export function decodeDescription(key: string, bytes: Uint8Array): RepositoryDescription {
  const fields = Fields.parse(key, bytes, VERSION);
  return {
    repository: fields.repository('repository'),
    written: fields.time('written'),
    tags: fields.list('tags', MAX_DESCRIBED_TAGS, decodeTag),
    tagCount: fields.count('tagCount'),
    pins: fields.list('pins', MAX_DESCRIBED_PINS, decodeManifest),
  };
}

function decodeManifest(fields: Fields): DescribedManifest {
  return {
    digest: fields.digest('digest'),
    mediaType: fields.text('mediaType'),
    ...fields.optional('artifactType', (name) => fields.text(name)),
    firstSeen: fields.time('firstSeen'),
    bytes: fields.count('bytes'),
    platforms: fields.list('platforms', MAX_DESCRIBED_PLATFORMS, (platform) => ({
      platform: platform.text('platform'),
      digest: platform.digest('digest'),
      bytes: platform.count('bytes'),
    })),
    ...fields.optional('storedPlatforms', (name) => fields.texts(name, MAX_DESCRIBED_PLATFORMS)),
    signatures: fields.count('signatures'),
    sboms: fields.count('sboms'),
    attestations: fields.count('attestations'),
    ...fields.optional('referrersChecked', (name) => fields.time(name)),
  };
}

function decodeTag(fields: Fields): DescribedTag {
  return {
    tag: fields.tag('tag'),
    ...decodeManifest(fields),
    moved: fields.time('moved'),
    run: fields.text('run'),
    ...fields.optional('hold', (name) => fields.text(name)),
    ...fields.optional('upstream', (name) => {
      const upstream = fields.object(name);
      return { digest: upstream.digest('digest'), firstSeen: upstream.time('firstSeen') };
    }),
    ...fields.optional('gone', (name) => fields.time(name)),
    movements: fields.list('movements', MAX_DESCRIBED_MOVEMENTS, decodeMovement),
  };
}

function decodeMovement(fields: Fields): DescribedMovement {
  return {
    at: fields.time('at'),
    ...fields.optional('from', (name) => fields.digest(name)),
    to: fields.digest('to'),
    run: fields.text('run'),
    why: fields.text('why'),
    ...fields.optional('by', (name) => fields.text(name)),
  };
}
