/** Reverts a tag: it moves back, and is held there until somebody approves another digest. */
import type { Digest } from '../../../core/digest.ts';
import { formatReference, type Repository, type Tag } from '../../../core/reference.ts';
import type { TagObject } from '../../../core/tag-object.ts';
import type { Environment } from '../environment.ts';
import { findManifest } from '../copy/find-manifest.ts';
import { MoveRefusedError, moveByHand, type HandOutcome } from './move-by-hand.ts';
import { readMovements } from './movement-log.ts';
import type { RepositoryState } from './repository-state.ts';

export interface Reversion {
  readonly repository: Repository;
  readonly tag: Tag;
  /** The digest to move to; undefined for the one before the last movement. */
  readonly to: Digest | undefined;
  /** For the history and the hold; undefined for none. */
  readonly reason: string | undefined;
  /** The person who reverts, for the history; undefined when not known. */
  readonly by: string | undefined;
}

/** The beginning of a hold that a revert has set. */
const REVERTED = 'reverted by hand';

/** The beginning of a revert's record in the history. */
const WHY = 'reverted';

/** How many records of a tag's history are searched for the last movement. */
const MAX_RECORDS = 100;

/**
 * Without `to`, a tag that was reverted already does not move: the same command twice is not two steps back. A reason that
 * the tag does not have yet is recorded all the same.
 * @throws {MoveRefusedError} for a missing tag, a digest that is not stored, or no earlier digest: nothing was touched
 * @throws {TagContendedError} if runs keep moving the tag
 * @throws {StoreError}
 */
export function revertTag(
  environment: Environment,
  state: RepositoryState,
  { repository, tag, to, reason, by }: Reversion,
): Promise<HandOutcome> {
  return moveByHand(environment, state, { repository, tag }, async (current) => {
    const name = formatReference({ repository, tag, digest: undefined });
    if (current === undefined) {
      const image = formatReference({ repository, tag: undefined, digest: undefined });
      throw new MoveRefusedError(
        `${name} is not in the bucket. "lifeboat history ${image}" shows which tags of the image have moved.`,
      );
    }
    const isDone = isReverted(current) && (to === undefined || to === current.digest);
    const digest = isDone
      ? current.digest
      : (to ?? (await findPreviousDigest(environment, repository, tag, current)));
    const target = await findManifest(environment, repository, digest);
    if (target === undefined) {
      throw new MoveRefusedError(
        `${name} cannot go back to ${digest}: the bucket does not have this digest, or has only a part of it. "lifeboat history ${name}" shows where the tag stood. If upstream still has the digest, "lifeboat sync ${formatReference({ repository, tag: undefined, digest })}" fetches it.`,
      );
    }
    const suffix = reason === undefined ? '' : `: ${reason}`;
    // An existing hold keeps its reason, unless there is a new one.
    const hold = isDone && reason === undefined ? current.hold : `${REVERTED}${suffix}`;
    return { target, why: `${WHY}${suffix}`, by, hold };
  });
}

function isReverted({ hold }: TagObject): boolean {
  return hold === REVERTED || hold?.startsWith(`${REVERTED}: `) === true;
}

/** @throws {MoveRefusedError} if the records show no other digest of the tag */
async function findPreviousDigest(
  environment: Environment,
  repository: Repository,
  tag: Tag,
  current: TagObject,
): Promise<Digest> {
  const previous = (await findLastMovement(environment, repository, tag, current))?.from;
  if (previous !== undefined) return previous;
  const name = formatReference({ repository, tag, digest: undefined });
  throw new MoveRefusedError(
    `${name} has no earlier digest in its history. Say which digest it is to move to: --to DIGEST.`,
  );
}

/** Finds the movement that brought the tag to its current digest. */
async function findLastMovement(
  environment: Environment,
  repository: Repository,
  tag: Tag,
  { digest }: TagObject,
): Promise<{ readonly from: Digest | undefined } | undefined> {
  const movements = await readMovements(environment, repository, tag, MAX_RECORDS);
  return movements.find(({ isCarriedOut, from, to }) => isCarriedOut && to === digest && from !== to);
}

/**
 * Whether a revert holds the tag at this digest, or has taken the tag away from it. Reverts right before the last one count
 * too, because a second revert does not bring back what the first one has left.
 * @throws {StoreError}
 */
export async function isCoveredByRevert(
  environment: Environment,
  repository: Repository,
  tag: Tag,
  current: TagObject,
  digest: Digest,
): Promise<boolean> {
  if (!isReverted(current)) return false;
  if (current.digest === digest) return true;
  const movements = await readMovements(environment, repository, tag, MAX_RECORDS);
  const moved = movements.filter(({ isCarriedOut, from, to }) => isCarriedOut && from !== to);
  const others = moved.findIndex(({ why }) => why !== WHY && !why.startsWith(`${WHY}: `));
  return moved.slice(0, others === -1 ? moved.length : others).some(({ from }) => from === digest);
}
