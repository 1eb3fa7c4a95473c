/** Approving: a tag moves to a digest that the bucket has, and its policy decides again from there. */
import type { Repository, Tag } from '../../core/reference.ts';
import type { Environment } from './environment.ts';
import type { StoredManifest } from './manifest-copy.ts';
import { moveByHand, type HandOutcome } from './move-by-hand.ts';
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
   * reverted by hand nor ends that hold, or the next change of the list would undo an emergency's decision.
   */
  readonly isListed: boolean;
}

/**
 * Moves the tag at once, and clears its hold.
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
    return { target, why: reason === undefined ? 'approved' : `approved: ${reason}`, by, hold: undefined };
  });
}
