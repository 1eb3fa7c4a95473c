/**
 * Moves a tag. This is the last write of an image, it is guarded, and the history is written before it. The history
 * gets a record of the intent first, so that no movement is ever without a record. The record counts once the tag has moved.
 */
import { isEqual } from '../../../core/bytes.ts';
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import type { Digest } from '../../../core/digest.ts';
import { decodeTag, encodeTag, type TagObject } from '../../../core/tag-object.ts';
import { encodeMovement } from '../../../core/history.ts';
import { historyKey, tagKey } from '../../../core/layout.ts';
import { OCI_DESCRIPTOR } from '../../../core/media-type.ts';
import type { Repository, Tag } from '../../../core/reference.ts';
import type { Environment } from '../environment.ts';
import { withObject } from '../store/compare-and-swap.ts';
import { tryDecode } from '../store/decode-object.ts';
import type { StoredManifest } from '../copy/stored-manifest.ts';
import type { Outcome } from '../report.ts';

/**
 * Reads a tag of the bucket. Callers read it before they ask upstream, so that they notice what another run does from then
 * on.
 * @returns undefined if there is no such tag, or if it cannot be read
 * @throws {StoreError}
 */
export async function findTag(
  { store }: Pick<Environment, 'store'>,
  repository: Repository,
  tag: Tag,
): Promise<TagObject | undefined> {
  const key = tagKey(repository, tag);
  const present = await store.get(key);
  if (present === undefined) return undefined;
  const object = tryDecode(() => decodeTag(key, present.bytes));
  return object instanceof BucketObjectInvalidError ? undefined : object;
}

/** The details of a movement, beside the digest that the tag is to name. */
export interface PublishOptions {
  /**
   * The digest that the tag had before upstream was asked; undefined if there was no tag. A copy takes its time, and a
   * slow run must not undo what a later run has published meanwhile.
   */
  readonly expected: Digest | undefined;
  /** A few words for the history. Without them, the history says `first seen` or `upstream moved`. */
  readonly why?: string;
  /** The person who moved the tag by hand, for the history. */
  readonly by?: string | undefined;
  /** Why the tag does not follow upstream from now on; undefined if it follows. */
  readonly hold?: string | undefined;
  /** Whether the tag must have the hold `hold` already: any other hold is a conflict, because it was set meanwhile. */
  readonly keepsHold?: boolean;
  /** Whether `why` is recorded although the tag names the digest already. */
  readonly isRecordedAnyway?: boolean;
  /** Which platforms are stored; undefined for all. */
  readonly platforms?: readonly string[] | undefined;
  /**
   * Work that must be done before the tag is written. The history is written meanwhile. If nothing is written, nobody
   * awaits it here, so the caller awaits it too.
   */
  readonly ready?: Promise<void>;
}

type PublishEnvironment = Pick<Environment, 'store' | 'clock' | 'log' | 'run'>;

/**
 * Points a tag at a manifest that is stored with all it needs. If two entries of a configuration have the same tag, one
 * waits for the other.
 * @returns `conflict` if somebody else has moved the tag meanwhile: nothing was moved, and the caller has to decide again
 *   from what upstream says now
 * @throws {StoreError}
 */
export function publishTag(
  environment: PublishEnvironment,
  repository: Repository,
  tag: Tag,
  target: StoredManifest,
  options: PublishOptions,
): Promise<Outcome | 'conflict'> {
  return withObject(environment.store, tagKey(repository, tag), () =>
    moveTag(environment, repository, tag, target, options),
  );
}

async function moveTag(
  environment: PublishEnvironment,
  repository: Repository,
  tag: Tag,
  target: StoredManifest,
  { expected, why, by, hold, keepsHold = false, isRecordedAnyway = false, platforms, ready }: PublishOptions,
): Promise<Outcome | 'conflict'> {
  const { store, clock, log, run } = environment;
  const key = tagKey(repository, tag);
  const present = await store.get(key);
  const read = present === undefined ? undefined : tryDecode(() => decodeTag(key, present.bytes));
  const from = read instanceof BucketObjectInvalidError ? undefined : read;
  const { digest } = target;
  const isPublished = from?.digest === digest && from.hold === hold && isSameList(from.platforms, platforms);
  if (isPublished && !isRecordedAnyway) {
    return { result: 'unchanged', digest };
  }
  if (from?.digest !== expected || (keepsHold && from?.hold !== hold)) return 'conflict';
  if (read instanceof BucketObjectInvalidError) log.warn(`${read.message} The tag is written anew.`);

  // If the clock was set back, this movement must not look older than the last one, because readers compare the two.
  const at = new Date(Math.max(clock.now().getTime(), from === undefined ? 0 : Date.parse(from.moved) + 1));
  await store.put(
    historyKey(repository, tag, at, run),
    encodeMovement({
      from: from?.digest,
      to: digest,
      at: at.toISOString(),
      run,
      why: why ?? (from === undefined ? 'first seen' : 'upstream moved'),
      by,
    }),
    { contentType: 'application/json' },
  );
  await ready;
  const object: TagObject = {
    mediaType: target.manifest.mediaType,
    digest,
    bytes: target.bytes,
    moved: at.toISOString(),
    run,
    hold,
    platforms,
  };
  const bytes = encodeTag(object);
  const written = await store.put(key, bytes, {
    contentType: OCI_DESCRIPTOR,
    condition: present === undefined ? { ifNoneMatch: '*' } : { ifMatch: present.etag },
  });
  // If an answer got lost, or the store that is read first, the conflict is with this run's own write.
  if (written === 'conflict' && !(await isStored(store, key, bytes))) return 'conflict';
  if (from === undefined) return { result: 'created', digest };
  // Only the hold or the platforms changed.
  if (from.digest === digest) return { result: 'unchanged', digest };
  return { result: 'moved', digest, from: from.digest };
}

/** The tag has the run and the time in it, so nobody else has written the same bytes. */
async function isStored(store: Environment['store'], key: string, bytes: Uint8Array): Promise<boolean> {
  const object = await store.get(key);
  return object !== undefined && isEqual(object.bytes, bytes);
}

function isSameList(one: readonly string[] | undefined, other: readonly string[] | undefined): boolean {
  return one?.join() === other?.join();
}
