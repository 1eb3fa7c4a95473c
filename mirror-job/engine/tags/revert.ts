/** Reverting: a tag moves back, and is held there until somebody approves another place. */
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
  /** Undefined: where it stood before its last movement. */
  readonly to: Digest | undefined;
  /** For the history and the hold; undefined for none. */
  readonly reason: string | undefined;
  /** The person who reverts, for the history; undefined when not known. */
  readonly by: string | undefined;
}

/** How a hold begins that a revert has set. */
const REVERTED = 'reverted by hand';

/** How its record in the history begins. */
const WHY = 'reverted';

/** Records of a tag's history that are looked through for the last movement. */
const MAX_RECORDS = 100;

/**
 * Without `to`, a tag that was reverted already stays where it is: the same command twice is not two steps back. A
 * reason that the tag does not have yet is recorded all the same.
 * @throws {MoveRefusedError} for a missing tag, a digest that is not stored, or no earlier place: nothing was touched
 * @throws {TagContendedError} when runs keep moving the tag
 * @throws {StoreError}
 */
export function revertTag(
  environment: Environment,
  state: RepositoryState,
  { repository, tag, to, reason, by }: Reversion,
): Promise<HandOutcome> {
  return moveByHand(environment, state, { repository, tag }, async (stands) => {
    const name = formatReference({ repository, tag, digest: undefined });
    if (stands === undefined) {
      const image = formatReference({ repository, tag: undefined, digest: undefined });
      throw new MoveRefusedError(
        `${name} is not in the bucket. "lifeboat history ${image}" shows which tags of the image have moved.`,
      );
    }
    const isDone = isReverted(stands) && (to === undefined || to === stands.digest);
    const digest = isDone ? stands.digest : (to ?? (await findFormer(environment, repository, tag, stands)));
    const target = await findManifest(environment, repository, digest);
    if (target === undefined) {
      throw new MoveRefusedError(
        `${name} cannot go back to ${digest}: the bucket does not have this digest, or has only a part of it. "lifeboat history ${name}" shows where the tag stood. If upstream still has the digest, "lifeboat sync ${formatReference({ repository, tag: undefined, digest })}" fetches it.`,
      );
    }
    const said = reason === undefined ? '' : `: ${reason}`;
    // An existing hold keeps its reason, unless another one is given.
    const hold = isDone && reason === undefined ? stands.hold : `${REVERTED}${said}`;
    return { target, why: `${WHY}${said}`, by, hold };
  });
}

function isReverted({ hold }: TagObject): boolean {
  return hold === REVERTED || hold?.startsWith(`${REVERTED}: `) === true;
}

/** @throws {MoveRefusedError} where it has always stood where it stands, as far as the records go */
async function findFormer(
  environment: Environment,
  repository: Repository,
  tag: Tag,
  stands: TagObject,
): Promise<Digest> {
  const former = (await findLastMovement(environment, repository, tag, stands))?.from;
  if (former !== undefined) return former;
  const name = formatReference({ repository, tag, digest: undefined });
  throw new MoveRefusedError(
    `${name} has no earlier digest in its history. Say which digest it is to move to: --to DIGEST.`,
  );
}

/** The movement that brought the tag to where it stands. */
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
 * Whether a tag that is held by a revert stands at this digest, or was taken from it by that revert or by one of
 * those right before: a second one says nothing for what the first one has left.
 * @throws {StoreError}
 */
export async function isSettledByRevert(
  environment: Environment,
  repository: Repository,
  tag: Tag,
  stands: TagObject,
  digest: Digest,
): Promise<boolean> {
  if (!isReverted(stands)) return false;
  if (stands.digest === digest) return true;
  const movements = await readMovements(environment, repository, tag, MAX_RECORDS);
  const moved = movements.filter(({ isCarriedOut, from, to }) => isCarriedOut && from !== to);
  const others = moved.findIndex(({ why }) => why !== WHY && !why.startsWith(`${WHY}: `));
  return moved.slice(0, others === -1 ? moved.length : others).some(({ from }) => from === digest);
}
