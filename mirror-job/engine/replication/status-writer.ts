/** Writes statuses into the stores that hold them, each signed and merged with the status that was there. */
import { STORES_KEY } from '../../../core/layout.ts';
import { updateObject } from '../store/compare-and-swap.ts';
import type { Store } from '../store/store.ts';
import { decodeStatuses, encodeStatuses, type ReplicaStatus } from './replica-status.ts';
import type { StatusHolder, StatusSigner } from './status-signer.ts';

/** A store that holds statuses, and what signs them. */
export interface StatusTarget {
  readonly store: Store;
  readonly holder: StatusHolder;
  readonly signer: StatusSigner;
}

/** Longer reasons are cut, so that the statuses of all stores fit into the bytes that are read of the object. */
const MAX_REASON_LENGTH = 1000;

/**
 * Replaces each status by the new one about the same store, and signs it. Three values of the old status stay: the id of
 * a store that is away, the time since when it is away, and a time that is later than the clock's, from a clock that was
 * ahead. They stay only if the job signed the old status, because the new signature covers them.
 */
export async function mergeStatuses(
  known: readonly ReplicaStatus[],
  news: readonly ReplicaStatus[],
  { holder, signer }: Pick<StatusTarget, 'holder' | 'signer'>,
): Promise<ReplicaStatus[]> {
  const merged = new Map(known.map((status) => [status.store, status]));
  for (const status of news) {
    const old = merged.get(status.store);
    const isGenuine = old !== undefined && (await signer.isGenuine(old, holder));
    // A status without a signature proves nothing, so it may keep values of an unsigned one.
    const before = isGenuine || status.undecided === true || !signer.canSign(status.store) ? old : undefined;
    const isSame = before?.inStep === status.inStep && (status.id === undefined || before.id === status.id);
    const isLater = isGenuine && old.at > status.at;
    const next = {
      ...status,
      id: status.id ?? before?.id,
      reason: shorten(status.reason),
      since: isSame ? before.since : status.since,
      at: isLater ? old.at : status.at,
    };
    merged.set(status.store, await signer.sign(next, holder));
  }
  return [...merged.values()];
}

function shorten(reason: string | undefined): string | undefined {
  return reason !== undefined && reason.length > MAX_REASON_LENGTH
    ? `${reason.slice(0, MAX_REASON_LENGTH)}…`
    : reason;
}

/** Writes statuses into one store. @throws {StoreError} */
export function writeStatuses(target: StatusTarget, news: readonly ReplicaStatus[]): Promise<void> {
  return updateObject(target.store, STORES_KEY, 'application/json', async (bytes) =>
    encodeStatuses(await mergeStatuses(bytes === undefined ? [] : decodeStatuses(bytes), news, target)),
  );
}

/**
 * Writes statuses into one store, unless another run has written another status of a store that is in step from now on.
 * @param known the statuses that the store had when this run began
 * @throws {StoreError}
 */
export async function writeStatusesIfSame(
  target: StatusTarget,
  known: readonly ReplicaStatus[],
  news: readonly ReplicaStatus[],
): Promise<'written' | 'conflict'> {
  let result: 'written' | 'conflict' = 'written';
  await updateObject(target.store, STORES_KEY, 'application/json', async (bytes) => {
    const present = bytes === undefined ? [] : decodeStatuses(bytes);
    const isOther = news.some(
      (status) => status.inStep && runOf(present, status.store) !== runOf(known, status.store),
    );
    result = isOther ? 'conflict' : 'written';
    return isOther ? undefined : encodeStatuses(await mergeStatuses(present, news, target));
  });
  return result;
}

function runOf(statuses: readonly ReplicaStatus[], store: string): string | undefined {
  return statuses.find((status) => status.store === store)?.run;
}
