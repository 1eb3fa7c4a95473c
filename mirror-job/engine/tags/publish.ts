/**
 * Moving a tag: the last of all writes, guarded, with its history before it.
 * A record of an intent comes first, so that no movement is ever without one; it counts only once the tag is there.
 */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import type { Digest } from '../../../core/digest.ts';
import { decodeTag, encodeTag, type TagObject } from '../../../core/tag-object.ts';
import { encodeMovement } from '../../../core/history.ts';
import { historyKey, tagKey } from '../../../core/layout.ts';
import { OCI_DESCRIPTOR } from '../../../core/media-type.ts';
import type { Repository, Tag } from '../../../core/reference.ts';
import { isEqual } from '../replication/catch-up-merge.ts';
import type { Environment } from '../environment.ts';
import { withObject } from '../store/compare-and-swap.ts';
import { tryDecode } from '../store/decode-object.ts';
import type { StoredManifest } from '../copy/manifest-copy.ts';
import type { Outcome } from '../report.ts';

/**
 * Where a tag stands: to be asked before upstream is, so that what another run does from then on shows.
 * @returns undefined when there is no such tag, or none that can be read
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

/** A movement of a tag, beside where to. */
export interface Move {
  /**
   * Where the tag stood before upstream was asked for the target; undefined where there was none. A copy takes its
   * time: a run that was slow must not undo what a later one has published meanwhile.
   */
  readonly expected: Digest | undefined;
  /** For the history, in a few words. Left out: that it was seen first, or that upstream moved it. */
  readonly why?: string;
  /** The person who moved the tag by hand, for the history. */
  readonly by?: string | undefined;
  /** Why it does not follow upstream from now on; left out where it does. */
  readonly hold?: string | undefined;
  /** A hold that the tag has, and whoever decided has not seen, is a conflict: `hold` has to be what it says. */
  readonly keepsHold?: boolean;
  /** Whether `why` is recorded although the tag stands there already, as it should. */
  readonly isRecordedAnyway?: boolean;
  /** Which platforms are stored; left out for all. */
  readonly platforms?: readonly string[] | undefined;
  /**
   * What has to be true before the tag is written, and is under way: the history is written meanwhile. Where nothing is
   * written it is not awaited, so whoever began it awaits it too.
   */
  readonly ready?: Promise<void>;
}

type PublishEnvironment = Pick<Environment, 'store' | 'clock' | 'log' | 'run'>;

/**
 * Points a tag at a manifest that is stored with all it needs. If two entries of a configuration have the same tag, one
 * waits for the other.
 * @returns `conflict` when somebody else moved the tag meanwhile: nothing was moved, and the decision has to be made
 *   again from what upstream says now
 * @throws {StoreError}
 */
export function publishTag(
  environment: PublishEnvironment,
  repository: Repository,
  tag: Tag,
  target: StoredManifest,
  move: Move,
): Promise<Outcome | 'conflict'> {
  return withObject(environment.store, tagKey(repository, tag), () =>
    moveTag(environment, repository, tag, target, move),
  );
}

async function moveTag(
  environment: PublishEnvironment,
  repository: Repository,
  tag: Tag,
  target: StoredManifest,
  { expected, why, by, hold, keepsHold = false, isRecordedAnyway = false, platforms, ready }: Move,
): Promise<Outcome | 'conflict'> {
  const { store, clock, log, run } = environment;
  const key = tagKey(repository, tag);
  const present = await store.get(key);
  const read = present === undefined ? undefined : tryDecode(() => decodeTag(key, present.bytes));
  const from = read instanceof BucketObjectInvalidError ? undefined : read;
  const { digest } = target;
  const isThere = from?.digest === digest && from.hold === hold && isSame(from.platforms, platforms);
  if (isThere && !isRecordedAnyway) {
    return { result: 'unchanged', digest };
  }
  if (from?.digest !== expected || (keepsHold && from?.hold !== hold)) return 'conflict';
  if (read instanceof BucketObjectInvalidError) log.warn(`${read.message} The tag is written anew.`);

  // A clock that was set back must not make this movement look older than the last: who reads compares the two.
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
  // Where an answer got lost, or the store that is read first, its own movement is what stands in the way.
  if (written === 'conflict' && !(await holds(store, key, bytes))) return 'conflict';
  if (from === undefined) return { result: 'created', digest };
  // What is said of the tag changed, and not what it names.
  if (from.digest === digest) return { result: 'unchanged', digest };
  return { result: 'moved', digest, from: from.digest };
}

/** The run and the time are in it: nobody else has written the same. */
async function holds(store: Environment['store'], key: string, bytes: Uint8Array): Promise<boolean> {
  const object = await store.get(key);
  return object !== undefined && isEqual(object.bytes, bytes);
}

function isSame(one: readonly string[] | undefined, other: readonly string[] | undefined): boolean {
  return one?.join() === other?.join();
}
