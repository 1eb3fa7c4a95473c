/**
 * `_history/<tag>/<time>-<run>.json`: an intent to move a tag, written before the tag itself. It counts once
 * the tag, or the next record's `from`, is its `to`; a run that died in between leaves one that never counts.
 */
import { BucketObjectInvalidError, isTime, parseObjectAt } from './bucket-object.ts';
import { isDigest, type Digest } from './digest.ts';
import { encodeJson } from './json.ts';

export interface Movement {
  /** Where the tag stood; undefined when it did not exist. */
  readonly from: Digest | undefined;
  readonly to: Digest;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly run: string;
  /** A short reason for people: `first seen`, `upstream moved`. */
  readonly why: string;
}

export function encodeMovement(movement: Movement): Uint8Array<ArrayBuffer> {
  const { from = null, to, at, run, why } = movement;
  return encodeJson({ from, to, at, run, why });
}

/** @throws {BucketObjectInvalidError} */
export function decodeMovement(key: string, bytes: Uint8Array): Movement {
  const { from, to, at, run, why } = parseObjectAt(key, bytes);
  if (
    typeof to !== 'string' ||
    !isDigest(to) ||
    (from !== null && (typeof from !== 'string' || !isDigest(from))) ||
    !isTime(at) ||
    typeof run !== 'string' ||
    typeof why !== 'string'
  ) {
    throw new BucketObjectInvalidError(key, 'it is not a record of a movement.');
  }
  return { from: from ?? undefined, to, at, run, why };
}
