/** Approving: a tag moves to a digest that the bucket has, and its policy decides again from there. */
import type { Repository, Tag } from '../../../core/reference.ts';
import type { Environment } from '../environment.ts';
import type { StoredManifest } from '../copy/manifest-copy.ts';
import { moveByHand, type HandOutcome } from './move-by-hand.ts';
import { readMovements } from './movement-log.ts';
import type { RepositoryState } from './repository-state.ts';
import { isSettledByRevert } from './revert.ts';

export interface Approval {
  readonly repository: Repository;
  readonly tag: Tag;
  readonly target: StoredManifest;
  /** For the history; undefined for none. */
  readonly reason: string | undefined;
  /** The person who approves, for the history; undefined when not known. */
  readonly by: string | undefined;
  /**
   * Whether it stands in a list that is gone through again and again: such a line neither brings back what was
   * reverted by hand nor ends that hold, or the next change of the list would undo an emergency's decision. Nor does it
   * record a reason for a tag that stands there already, or each merge would add a record per line.
   */
  readonly isListed: boolean;
}

/**
 * Moves the tag at once, and clears its hold. If the tag stands there already, a new reason is recorded all the same.
 * @returns `held` where it was left as it is, because it is listed and was reverted by hand
 * @throws {TagContendedError} where runs keep moving it
 * @throws {StoreError}
 */
export function approveTag(
  environment: Environment,
  state: RepositoryState,
  { repository, tag, target, reason, by, isListed }: Approval,
): Promise<HandOutcome> {
  return moveByHand(environment, state, { repository, tag }, async (stands) => {
    if (isListed && stands !== undefined) {
      if (await isSettledByRevert(environment, repository, tag, stands, target.digest)) return undefined;
    }
    const why = reason === undefined ? 'approved' : `approved: ${reason}`;
    const isThere = stands?.digest === target.digest && stands.hold === undefined;
    const hasNewReason = isThere && reason !== undefined && !isListed;
    const isRecordedAnyway = hasNewReason && !(await isNewestRecord(environment, repository, tag, why));
    return { target, why, by, hold: undefined, isRecordedAnyway };
  });
}

/** The same command twice makes one record. */
async function isNewestRecord(
  environment: Environment,
  repository: Repository,
  tag: Tag,
  why: string,
): Promise<boolean> {
  const [newest] = await readMovements(environment, repository, tag, 1);
  return newest?.isCarriedOut === true && newest.why === why;
}
