/**
 * Moves a tag because a person said so: `approve` and `revert`. Upstream is not asked. The order of writes is the same as
 * in a run, so if a command dies, the same command or the next run completes its work.
 */
import type { Digest } from '../../../core/digest.ts';
import type { Repository, Tag } from '../../../core/reference.ts';
import type { CandidateEntry, TagEntry } from '../../../core/repository-index.ts';
import type { TagObject } from '../../../core/tag-object.ts';
import type { Environment } from '../environment.ts';
import { findDigestRecord } from './digest-record.ts';
import type { StoredManifest } from '../copy/stored-manifest.ts';
import { findTag, publishTag } from './publish.ts';
import type { RepositoryState } from './repository-state.ts';
import { lastArrival } from './tag-policy.ts';

/** A person's decision: the digest that the tag is to name, and the hold on it. */
export interface ManualMove {
  readonly target: StoredManifest;
  /** For the history. */
  readonly why: string;
  /** The person who decided, for the history; undefined when not known. */
  readonly by: string | undefined;
  /** Why the tag does not follow upstream from now on; undefined if its policy decides again. */
  readonly hold: string | undefined;
  /** Whether the history gets `why` although the tag has this digest and this hold already. */
  readonly isRecordedAnyway?: boolean;
}

export type HandOutcome =
  | { readonly result: 'created' | 'released'; readonly digest: Digest }
  /** `recorded`: the history has the reason, although the tag did not move. */
  | { readonly result: 'unchanged'; readonly digest: Digest; readonly recorded?: true }
  | { readonly result: 'held'; readonly digest: Digest; readonly hold: string }
  | { readonly result: 'moved'; readonly digest: Digest; readonly from: Digest };

/** The request cannot be met, and nothing was done. The message says what to do instead. */
export class MoveRefusedError extends Error {
  override readonly name = 'MoveRefusedError';
}

/** Runs kept moving the tag. Nothing was moved by hand, and the same command can be tried again. */
export class TagContendedError extends Error {
  override readonly name = 'TagContendedError';
}

/**
 * @param decide makes the decision from the tag as it is; called again if a run moves the tag meanwhile. It returns
 *   undefined to leave the tag as it is
 * @throws {TagContendedError} if runs moved the tag twice meanwhile
 * @throws whatever `decide` throws
 * @throws {StoreError}
 */
export async function moveByHand(
  environment: Environment,
  state: RepositoryState,
  { repository, tag }: { readonly repository: Repository; readonly tag: Tag },
  decide: (current: TagObject | undefined) => Promise<ManualMove | undefined>,
): Promise<HandOutcome> {
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    const current = await findTag(environment, repository, tag);
    const decision = await decide(current);
    if (decision === undefined) {
      if (current === undefined) throw new MoveRefusedError(`${repository}:${tag} is not in the bucket.`);
      return { result: 'held', digest: current.digest, hold: current.hold ?? '' };
    }
    const outcome = await move(environment, state, repository, tag, current, decision);
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
  current: TagObject | undefined,
  { target, why, by, hold, isRecordedAnyway = false }: ManualMove,
): Promise<HandOutcome | 'conflict'> {
  const { digest } = target;
  const indexed = state.tag(tag);
  const record = await findDigestRecord(environment, state.entries(), repository, tag, target);
  const isThere = current?.digest === digest;
  const platforms = isThere ? current.platforms : record.platforms;
  const { mediaType } = target.manifest;
  const entry: TagEntry = {
    ...record,
    kind: 'tag',
    tag,
    mediaType,
    digest,
    size: target.size,
    platforms,
    hold,
    // The record may be of another tag, and that tag may be gone when this one is not.
    gone: indexed?.gone,
  };
  const hasHold = isThere && current.hold === hold;
  const isDone = hasHold && !isRecordedAnyway;
  // If an earlier command died after it moved the tag, the index lacks the tag, and is completed below.
  if (isDone && indexed?.digest === digest && indexed.hold === hold) return { result: 'unchanged', digest };
  if (!isDone) {
    if (current !== undefined && !isThere) await state.note(leftCandidate(state, tag, current));
    // Also if only the hold changes: with an index that lacks the hold, the next run would move the tag again.
    if (indexed !== undefined || current !== undefined) await state.unlist(tag);
    const expected = current?.digest;
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
  if (current === undefined) return { result: 'created', digest };
  if (!isThere) return { result: 'moved', digest, from: current.digest };
  if (isDone) return { result: 'unchanged', digest };
  if (hasHold) return { result: 'unchanged', digest, recorded: true };
  return hold === undefined ? { result: 'released', digest } : { result: 'held', digest, hold };
}

/** The digest that a tag leaves becomes a candidate, so that it can be approved, and does not count as new. */
function leftCandidate(state: RepositoryState, tag: Tag, current: TagObject): CandidateEntry {
  const { digest, mediaType, bytes, moved, platforms } = current;
  const entry = state.entries().find((one) => one.digest === digest && 'tag' in one && one.tag === tag);
  const observed = { firstSeen: moved, ...entry };
  return {
    ...observed,
    left: lastArrival(observed),
    kind: 'candidate',
    tag,
    mediaType,
    digest,
    size: bytes.length,
    platforms,
  };
}
