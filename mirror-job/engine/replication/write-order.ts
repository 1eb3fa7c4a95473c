/** The order in which one write reaches several stores. docs/decisions/0008-several-stores.md */
import type { Replica, ReplicaSet } from './replica-set.ts';

/**
 * Writes to the later stores, then tells all of them which ones have failed, and only then writes to the lead.
 * @param write called once for each live store
 * @throws {StoreError} when the last store fails too
 */
export async function writeInOrder(
  replicas: ReplicaSet,
  write: (replica: Replica, isLead: boolean) => Promise<unknown>,
): Promise<void> {
  await replicas.publishStatus();
  const [lead, ...later] = replicas.live;
  // All are awaited even if one throws, because the caller may overwrite the bytes when this returns.
  const written = await Promise.allSettled(
    later.map((replica) => replicas.attempt(replica, () => write(replica, false))),
  );
  for (const one of written) if (one.status === 'rejected') throw one.reason;
  await replicas.publishStatus();
  if (lead === undefined || !replicas.isLive(lead)) return;
  await replicas.attempt(lead, () => write(lead, true));
  await replicas.publishStatus();
}
