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
  /** Who moved it by hand, for people: `alice@laptop`. Undefined for a run, and where it is not known. It proves nothing. */
  readonly by?: string | undefined;
}

/** Longer ones are cut. */
const MAX_ACTOR_LENGTH = 100;

/** What would change the terminal, or the order of the letters, that it is shown in: controls, formats, line ends. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A name as it may stand in a record, which is shown on terminals. @returns undefined where nothing is left of it */
export function cleanActor(name: string): string | undefined {
  const clean = Array.from(name.replaceAll(UNPRINTABLE, '').trim()).slice(0, MAX_ACTOR_LENGTH).join('');
  return clean === '' ? undefined : clean;
}

export function encodeMovement(movement: Movement): Uint8Array<ArrayBuffer> {
  const { from = null, to, at, run, why, by } = movement;
  return encodeJson({ from, to, at, run, why, ...(by !== undefined && { by }) });
}

/** @throws {BucketObjectInvalidError} */
export function decodeMovement(key: string, bytes: Uint8Array): Movement {
  const { from, to, at, run, why, by } = parseObjectAt(key, bytes);
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
  // Whoever can write to the bucket has written it; it is nothing that a record could not be read without.
  const actor = typeof by === 'string' ? cleanActor(by) : undefined;
  return { from: from ?? undefined, to, at, run, why, ...(actor !== undefined && { by: actor }) };
}
