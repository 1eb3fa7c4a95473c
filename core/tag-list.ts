/**
 * `_tags.json`: the answer of the specification's tag list, derived from the tags.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags
 */
import { BucketObjectInvalidError, parseObjectAt } from './bucket-object.ts';
import { encodeJson } from './json.ts';
import { algorithmOf, hexOf, type Digest } from './digest.ts';
import { isTag, parseTag, type Repository, type Tag } from './reference.ts';

/**
 * Matches tags that name referrers of an image by the image's digest: `sha256-<hex>`, also with `.sig`, `.att`, `.sbom` or
 * regclient's `.<hash>.meta`. The specification cuts the digest to 64 digits, also for sha512, but cosign does not.
 */
const REFERRER_TAG = /^sha(?:256-[0-9a-f]{64}|512-(?:[0-9a-f]{64}){1,2})(?:\.[\w.-]+)?$/;

export function isReferrerTag(tag: string): boolean {
  return REFERRER_TAG.test(tag);
}

/**
 * The tag under which clients list the referrers of a manifest if the registry has no API for them.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
 */
export function referrersTag(subject: Digest): Tag {
  return parseTag(`${algorithmOf(subject)}-${hexOf(subject).slice(0, 64)}`);
}

/** Sorts the tags bytewise, each once. A tool that copies this mirror loses every tag that is missing here. */
export function encodeTagList(repository: Repository, tags: Iterable<Tag>): Uint8Array<ArrayBuffer> {
  const listed = [...new Set(tags)].toSorted();
  return encodeJson({ name: repository, tags: listed });
}

/** @throws {BucketObjectInvalidError} */
export function decodeTagList(key: string, bytes: Uint8Array): readonly Tag[] {
  const { tags } = parseObjectAt(key, bytes);
  if (!Array.isArray(tags)) throw new BucketObjectInvalidError(key, 'it has no list of tags.');
  return tags.map((tag: unknown) => {
    if (typeof tag !== 'string' || !isTag(tag)) {
      throw new BucketObjectInvalidError(key, 'it lists an entry that is not a tag.');
    }
    return tag;
  });
}
