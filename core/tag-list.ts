/**
 * `_tags.json`: the specification's own answer, derived from the tags.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags
 */
import { BucketObjectInvalidError, parseObjectAt } from './bucket-object.ts';
import { encodeJson } from './json.ts';
import { isTag, type Repository, type Tag } from './reference.ts';

/** `sha256-<hex>`, `.sig`, `.att`, `.sbom`: tags that stand for referrers, and that nobody pulls by hand. */
const REFERRER_TAG = /^sha(?:256-[0-9a-f]{64}|512-[0-9a-f]{128})(?:\.\w+)?$/;

export function isReferrerTag(tag: string): boolean {
  return REFERRER_TAG.test(tag);
}

/** Sorted bytewise, each once, without referrer tags. */
export function encodeTagList(repository: Repository, tags: Iterable<Tag>): Uint8Array<ArrayBuffer> {
  const listed = [...new Set(tags)].filter((tag) => !isReferrerTag(tag)).toSorted();
  return encodeJson({ name: repository, tags: listed });
}

/** @throws {BucketObjectInvalidError} */
export function decodeTagList(key: string, bytes: Uint8Array): readonly Tag[] {
  const { tags } = parseObjectAt(key, bytes);
  if (!Array.isArray(tags)) throw new BucketObjectInvalidError(key, 'it has no list of tags.');
  return tags.map((tag: unknown) => {
    if (typeof tag !== 'string' || !isTag(tag)) {
      throw new BucketObjectInvalidError(key, 'it lists what is not a tag.');
    }
    return tag;
  });
}
