/**
 * `_history/<tag>/<time>-<run>.json`: an intent to move a tag, written before the tag itself. It counts if the tag, or the
 * next record's `from`, is its `to`. A run that dies before it moves the tag leaves a record that never counts.
 */
import { BucketObjectInvalidError, isTime, parseObjectAt } from './bucket-object.ts';
import { isDigest, type Digest } from './digest.ts';
import { encodeJson } from './json.ts';
import { withoutUnprintable } from './printable.ts';

export interface Movement {
  /** The tag's digest before; undefined if the tag did not exist. */
  readonly from: Digest | undefined;
  readonly to: Digest;
  /** When the movement was recorded. ISO 8601, UTC. */
  readonly at: string;
  readonly run: string;
  /** A short reason for people: `first seen`, `upstream moved`. */
  readonly why: string;
  /**
   * The person who moved the tag by hand, such as `alice@laptop`; undefined for a run, or if the person is unknown. Anybody
   * who can write to the bucket can write any name.
   */
  readonly by?: string | undefined;
}

/** Longer names of persons are cut, in characters. */
const MAX_ACTOR_LENGTH = 100;

/**
 * Removes unprintable characters from a person's name, because terminals show records.
 * @returns undefined if nothing is left of the name
 */
export function cleanActor(name: string): string | undefined {
  const clean = Array.from(withoutUnprintable(name).trim()).slice(0, MAX_ACTOR_LENGTH).join('');
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
  // The name is cleaned again, because anybody who can write to the bucket may have written it. A bad name does not
  // make the record unreadable.
  const actor = typeof by === 'string' ? cleanActor(by) : undefined;
  return { from: from ?? undefined, to, at, run, why, ...(actor !== undefined && { by: actor }) };
}
