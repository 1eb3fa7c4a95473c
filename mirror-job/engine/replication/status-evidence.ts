/**
 * Decides which statuses count when a run begins. A store with the status "behind" is overwritten from another one, so
 * whoever can write one store must not be able to give that status to the stores before it.
 * docs/decisions/0092-signed-notes.md
 */
import { STORES_KEY } from '../../../core/layout.ts';
import type { Replica, ReplicaSet } from './replica-set.ts';
import { insideSentence } from '../store/store-name.ts';
import type { ReplicaStatus } from './replica-status.ts';
import { UndecidedError } from '../store/store.ts';

/**
 * By the store that holds them: the statuses that were there when the run began, and those that this run has written of
 * the store itself since.
 */
export type StatusesByHolder = Map<Replica, readonly ReplicaStatus[]>;

export interface Evidence {
  readonly byHolder: StatusesByHolder;
  /** The statuses that count. */
  readonly statuses: readonly ReplicaStatus[];
  /** The stores whose statuses are current. Any other store is compared before it counts as in step. */
  readonly current: ReadonlySet<Replica>;
  /** By the name of a store: the latest time of a status of it that the job wrote. ISO 8601, UTC. */
  readonly latest: ReadonlyMap<string, string>;
}

/**
 * A status "behind" counts if that store itself or an earlier one holds it, or if that store was never filled. In a later
 * store, it has to be signed, and must not be older than the accused store's status of itself, because an older one was
 * settled when that store was caught up. A store that accuses an earlier one without a signature is removed. If people
 * then list it first, the status of its removal is in a later store and does not count, because it would undo their
 * decision.
 */
export async function weighStatuses(
  replicas: ReplicaSet,
  byHolder: StatusesByHolder,
  isFilled: (replica: Replica) => Promise<boolean>,
): Promise<Evidence> {
  const genuine = await genuineStatuses(replicas, byHolder);
  const outdated = new Set<ReplicaStatus>();
  // Remembered, because it takes a listing to see whether a store was filled, and each later store may accuse it.
  const filled = new Map<Replica, boolean>();
  for (const { holder, status, accused } of accusations(replicas, byHolder)) {
    if (!replicas.isLive(accused) || !replicas.isLive(holder)) continue;
    const own = ownStatus(accused, byHolder);
    if (genuine.has(status) && own !== undefined && status.at >= own.at) continue;
    // A store that was never filled has nothing to lose, and may be filled from any other.
    const hasMirror = filled.get(accused) ?? (await isFilled(accused));
    filled.set(accused, hasMirror);
    if (!hasMirror) continue;
    if (!genuine.has(status) && status.undecided !== true)
      replicas.remove(holder, unsignedError(holder, accused));
    outdated.add(status);
  }
  const statuses = [...byHolder].flatMap(([holder, all]) =>
    replicas.isLive(holder) ? all.filter((status) => !outdated.has(status)) : [],
  );
  const current = replicas.live.filter((holder) => isCurrent(holder, replicas, byHolder, genuine));
  return { byHolder, statuses, current: new Set(current), latest: latestTimes(genuine) };
}

/** Times from this year on are ignored: each new time has to be later, and there would soon be none that can be written. */
const TOO_LATE = '9999';

/** Kept per store, because whoever has the secret of one store can sign any time, but only of that store. */
function latestTimes(genuine: Iterable<ReplicaStatus>): ReadonlyMap<string, string> {
  const latest = new Map<string, string>();
  for (const { store, at } of genuine) {
    if (at < TOO_LATE && at > (latest.get(store) ?? '')) latest.set(store, at);
  }
  return latest;
}

async function genuineStatuses(
  replicas: ReplicaSet,
  byHolder: StatusesByHolder,
): Promise<ReadonlySet<ReplicaStatus>> {
  const genuine = new Set<ReplicaStatus>();
  for (const [replica, statuses] of byHolder) {
    const { holder, signer } = replicas.statusTargetOf(replica);
    for (const status of statuses) if (await signer.isGenuine(status, holder)) genuine.add(status);
  }
  return genuine;
}

interface Accusation {
  readonly holder: Replica;
  readonly status: ReplicaStatus;
  readonly accused: Replica;
}

/** The statuses by which a store says of an earlier one that it is behind. */
function accusations({ all }: ReplicaSet, byHolder: StatusesByHolder): Accusation[] {
  return [...byHolder].flatMap(([holder, statuses]) =>
    statuses.flatMap((status) => {
      const accused = all.slice(0, all.indexOf(holder)).find((replica) => isAbout(status, replica));
      return status.inStep || accused === undefined ? [] : [{ holder, status, accused }];
    }),
  );
}

function unsignedError(holder: Replica, accused: Replica): UndecidedError {
  const [accuser, named] = [holder.bucket.name, insideSentence(accused.bucket.name)];
  return new UndecidedError(
    `${accuser} says that ${named}, which is listed before it, is behind. Nothing shows that this job wrote that, so nothing was copied from it. If ${named} has the right tags, delete ${STORES_KEY} of ${insideSentence(accuser)}. If ${insideSentence(accuser)} has them, list it first until both are in step. Also look for who else can write into it: docs/stores.md tells when a signature is missing.`,
  );
}

/** Whether a store has the same status of each live store as that store itself, and the job wrote it. */
function isCurrent(
  holder: Replica,
  { live, signer }: ReplicaSet,
  byHolder: StatusesByHolder,
  genuine: ReadonlySet<ReplicaStatus>,
): boolean {
  return live.every((replica) => {
    const status = byHolder.get(holder)?.find((one) => isInStepStatus(one, replica));
    if (status === undefined || status.run !== ownStatus(replica, byHolder)?.run) return false;
    return genuine.has(status) || !signer.canSign(replica.bucket.name);
  });
}

function ownStatus(replica: Replica, byHolder: StatusesByHolder): ReplicaStatus | undefined {
  return byHolder.get(replica)?.find((status) => isAbout(status, replica));
}

/** The id does not count if it is missing, because a store that does not answer does not tell it. */
export function isAbout(status: ReplicaStatus, { bucket, id }: Replica): boolean {
  return status.store === bucket.name && (status.id === undefined || id === undefined || status.id === id);
}

function isInStepStatus(status: ReplicaStatus, { bucket, id }: Replica): boolean {
  return status.inStep && status.store === bucket.name && status.id === id;
}

/** One status "behind" outweighs any number of "in step", because their stores have not heard of it. */
export function isInStep(replica: Replica, statuses: readonly ReplicaStatus[]): boolean {
  return statuses.some((status) => isInStepStatus(status, replica)) && !isBehind(replica, statuses);
}

/** Whether a status that counts says so of this very bucket. */
export function isBehind(replica: Replica, statuses: readonly ReplicaStatus[]): boolean {
  return statuses.some((status) => isAbout(status, replica) && !status.inStep);
}
