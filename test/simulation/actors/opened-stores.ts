/** Opens the buckets as a command of the program does. */
import type { Environment } from '../../../mirror-job/engine/environment.ts';
import { ReplicaSet } from '../../../mirror-job/engine/replication/replica-set.ts';
import { ReplicatedStore } from '../../../mirror-job/engine/replication/replicated-store.ts';
import { openBucket } from '../../../mirror-job/engine/store/bucket.ts';
import { FencedStore } from '../../../mirror-job/engine/store/fenced-store.ts';
import { ShutdownDeadlineStore } from '../../../mirror-job/engine/store/shutdown-deadline-store.ts';
import { StoreError, type Store } from '../../../mirror-job/engine/store/store.ts';
import type { Actor } from '../scheduler.ts';
import type { World } from '../world.ts';

/** The name of the configuration. */
export const CONFIGURATION = 'default';

export interface Opened {
  readonly environment: Environment;
  readonly replicas: ReplicaSet;
  /** Says that the process writes no more. */
  readonly leave: () => Promise<void>;
}

interface Opening {
  /** Brings the stores in step. */
  readonly align: (environment: Environment, replicas: ReplicaSet) => Promise<void>;
  /** False for pruning, which the fence keeps apart from all others. */
  readonly isFenced: boolean;
}

/** @throws {StoreError} */
export async function openStores(world: World, actor: Actor, { align, isFenced }: Opening): Promise<Opened> {
  const fences: FencedStore[] = [];
  let replicas: ReplicaSet | undefined;
  const opened = await Promise.all(
    world.stores.map(async (store) => {
      const bucket = world.storeFor(actor, store, () => replicas?.lead.bucket.name === store.name);
      const bounded = new ShutdownDeadlineStore(bucket, actor.clock, actor.stop.signal);
      const fence = new FencedStore(bounded, {
        writer: actor.name,
        clock: actor.clock,
        signal: actor.stop.signal,
      });
      if (isFenced) fences.push(fence);
      const own = isFenced ? fence : bounded;
      const newId = world.newId();
      const expected = { name: CONFIGURATION, audience: 'public', singleWriter: false, newId } as const;
      const replica = { bucket, store: own, secret: `the secret of ${bucket.name}` };
      try {
        const { id } = await openBucket(own, expected);
        return { replica: { ...replica, id, isNew: id === newId }, failure: undefined };
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        return { replica: { ...replica, id: undefined, isNew: false }, failure: error };
      }
    }),
  );
  const [first] = opened;
  if (first === undefined) throw new Error('There is no store.');
  const environment = world.environmentFor(actor, first.replica.store);
  replicas = new ReplicaSet(
    opened.map(({ replica }) => replica),
    environment,
  );
  for (const { replica, failure } of opened) if (failure !== undefined) replicas.remove(replica, failure);
  await align(environment, replicas);
  const leave = async (): Promise<void> => {
    await Promise.allSettled(fences.map((one) => one.leave()));
  };
  return { environment: { ...environment, store: storeOf(replicas) }, replicas, leave };
}

function storeOf(replicas: ReplicaSet): Store {
  return replicas.all.length === 1 ? replicas.lead.store : new ReplicatedStore(replicas);
}
