/**
 * Moving a tag because somebody said so: `approve` and `revert`. Nothing is asked of upstream. The order of writes is
 * that of a run, so a command that dies anywhere leaves what the same command, or the next run, completes.
 */
import type { Digest } from '../../../core/digest.ts';
import type { Repository, Tag } from '../../../core/reference.ts';
import type { CandidateEntry, TagEntry } from '../../../core/repository-index.ts';
import type { TagObject } from '../../../core/tag-object.ts';
import type { Environment } from '../environment.ts';
import { findDigestRecord } from './digest-record.ts';
import type { StoredManifest } from '../copy/manifest-copy.ts';
import { findTag, publishTag } from './publish.ts';
import type { RepositoryState } from './repository-state.ts';
import { lastArrival } from './tag-policy.ts';

/** Where to, and what is said of the tag from then on. */
export interface ManualMove {
  readonly target: StoredManifest;
  /** For the history. */
  readonly why: string;
  /** The person who decided, for the history; undefined when not known. */
  readonly by: string | undefined;
  /** Why it does not follow upstream from now on; undefined where its policy decides again. */
  readonly hold: string | undefined;
  /** Whether the history gets `why` although the tag stands there already, with the same hold. */
  readonly isRecordedAnyway?: boolean;
}

export type HandOutcome =
  | { readonly result: 'created' | 'released'; readonly digest: Digest }
  /** `recorded`: the history has the reason, although the tag stayed where it is. */
  | { readonly result: 'unchanged'; readonly digest: Digest; readonly recorded?: true }
  | { readonly result: 'held'; readonly digest: Digest; readonly hold: string }
  | { readonly result: 'moved'; readonly digest: Digest; readonly from: Digest };

/** What was asked for cannot be done, and nothing was; the message says what to do instead. */
export class MoveRefusedError extends Error {
  override readonly name = 'MoveRefusedError';
}

/** Runs kept moving the tag: nothing was moved by hand, and the same command can be tried again. */
export class TagContendedError extends Error {
  override readonly name = 'TagContendedError';
}

/**
 * @param decide asked with where the tag stands; once more, and with what it reads then, where somebody else moved it
 *   meanwhile. Undefined: it stays as it is
 * @throws {TagContendedError} where it was moved twice meanwhile, and what `decide` throws
 * @throws {StoreError}
 */
export async function moveByHand(
  environment: Environment,
  state: RepositoryState,
  { repository, tag }: { readonly repository: Repository; readonly tag: Tag },
  decide: (stands: TagObject | undefined) => Promise<ManualMove | undefined>,
): Promise<HandOutcome> {
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    const stands = await findTag(environment, repository, tag);
    const decision = await decide(stands);
    if (decision === undefined) {
      if (stands === undefined) throw new MoveRefusedError(`${repository}:${tag} is not in the bucket.`);
      // Nothing to do but to say so.
      return { result: 'held', digest: stands.digest, hold: stands.hold ?? '' };
    }
    const outcome = await move(environment, state, repository, tag, stands, decision);
    if (outcome !== 'conflict') return outcome;
  }
  throw new TagContendedError(
    'A run moved the tag twice while this command tried to move it. Look at "lifeboat history", and try again.',
  );
}

async function move(
  environment: Environment,
  state: RepositoryState,
  repository: Repository,
  tag: Tag,
  stands: TagObject | undefined,
  { target, why, by, hold, isRecordedAnyway = false }: ManualMove,
): Promise<HandOutcome | 'conflict'> {
  const { digest } = target;
  const known = state.tag(tag);
  const place = await findDigestRecord(environment, state.entries(), repository, tag, target);
  const isThere = stands?.digest === digest;
  const platforms = isThere ? stands.platforms : place.platforms;
  const { mediaType } = target.manifest;
  const entry: TagEntry = {
    ...place,
    kind: 'tag',
    tag,
    mediaType,
    digest,
    size: target.size,
    platforms,
    hold,
    // What is remembered may be of another tag, and that one's absence is not this one's.
    gone: known?.gone,
  };
  const isHeldSo = isThere && stands.hold === hold;
  const isSaid = isHeldSo && !isRecordedAnyway;
  // A command that died after the tag moved has left an index without it: that is made good here too.
  if (isSaid && known?.digest === digest && known.hold === hold) return { result: 'unchanged', digest };
  if (!isSaid) {
    if (stands !== undefined && !isThere) await state.note(leave(state, tag, stands));
    // Also where only the hold changes: an index that knows of no hold lets the next run move what was reverted.
    if (known !== undefined || stands !== undefined) await state.question(tag);
    const expected = stands?.digest;
    const outcome = await publishTag(environment, repository, tag, target, {
      expected,
      why,
      by,
      hold,
      isRecordedAnyway,
      platforms,
    });
    if (outcome === 'conflict') return outcome;
  }
  await state.note(entry);
  await state.flush();
  if (stands === undefined) return { result: 'created', digest };
  if (!isThere) return { result: 'moved', digest, from: stands.digest };
  if (isSaid) return { result: 'unchanged', digest };
  if (isHeldSo) return { result: 'unchanged', digest, recorded: true };
  return hold === undefined ? { result: 'released', digest } : { result: 'held', digest, hold };
}

/** The place that a tag leaves stays known, so that it can be approved, and is not taken for new. */
function leave(state: RepositoryState, tag: Tag, stands: TagObject): CandidateEntry {
  const { digest, mediaType, bytes, moved, platforms } = stands;
  const entry = state.entries().find((one) => one.digest === digest && 'tag' in one && one.tag === tag);
  const place = { firstSeen: moved, ...entry };
  return {
    ...place,
    left: lastArrival(place),
    kind: 'candidate',
    tag,
    mediaType,
    digest,
    size: bytes.length,
    platforms,
  };
}
