/** Approves a digest that the bucket has: the tag moves to it, and its policy decides again from there. */
import type { Repository, Tag } from '../../../core/reference.ts';
import type { Environment } from '../environment.ts';
import type { StoredManifest } from '../copy/stored-manifest.ts';
import { moveByHand, type HandOutcome } from './move-by-hand.ts';
import { readMovements } from './movement-log.ts';
import type { RepositoryState } from './repository-state.ts';
import { isCoveredByRevert } from './revert.ts';

export interface Approval {
  readonly repository: Repository;
  readonly tag: Tag;
  readonly target: StoredManifest;
  /** For the history; undefined for none. */
  readonly reason: string | undefined;
  /** The person who approves, for the history; undefined when not known. */
  readonly by: string | undefined;
  /**
   * Whether the approval comes from a list that is read again and again. Such a line neither brings back a digest that was
   * reverted by hand nor ends that hold, because the next change of the list would undo an emergency's decision. Nor does
   * it record a reason for a tag that has the digest already, because each merge would add a record per line.
   */
  readonly isListed: boolean;
}

/**
 * Moves the tag at once, and clears its hold. If the tag has the digest already, a new reason is recorded all the same.
 * @returns `held` if a list approves what was reverted by hand: the tag is left as it is
 * @throws {TagContendedError} if runs keep moving the tag
 * @throws {StoreError}
 */
export function approveTag(
  environment: Environment,
  state: RepositoryState,
  { repository, tag, target, reason, by, isListed }: Approval,
): Promise<HandOutcome> {
  return moveByHand(environment, state, { repository, tag }, async (current) => {
    if (isListed && current !== undefined) {
      if (await isCoveredByRevert(environment, repository, tag, current, target.digest)) return undefined;
    }
    const why = reason === undefined ? 'approved' : `approved: ${reason}`;
    const isThere = current?.digest === target.digest && current.hold === undefined;
    const hasNewReason = isThere && reason !== undefined && !isListed;
    const isRecordedAnyway = hasNewReason && !(await isNewestRecord(environment, repository, tag, why));
    return { target, why, by, hold: undefined, isRecordedAnyway };
  });
}

/** Whether the history ends with this reason already: the same command twice makes one record. */
async function isNewestRecord(
  environment: Environment,
  repository: Repository,
  tag: Tag,
  why: string,
): Promise<boolean> {
  const [newest] = await readMovements(environment, repository, tag, 1);
  return newest?.isCarriedOut === true && newest.why === why;
}
