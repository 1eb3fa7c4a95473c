/** Opens the bucket of a configuration for commands that work on its present content. */
import type { Configuration } from '../configuration/configuration.ts';
import { checkClock } from '../engine/run/clock-check.ts';
import { nameRun } from '../engine/run/run-name.ts';
import type { Environment } from '../engine/environment.ts';
import type { Log } from '../engine/runtime.ts';
import type { ReplicaSet } from '../engine/replication/replica-set.ts';
import type { ComparableStore, Store } from '../engine/store/store.ts';
import { systemClock } from '../runtime/node/clock.ts';
import { createEnvironment } from './environment.ts';
import { createStoreAgents } from '../runtime/node/agents.ts';
import { readProxies } from '../runtime/node/proxies.ts';
import { openInStep, openReadable, openStores } from './stores.ts';

/**
 * Opens the first store that answers. Nothing is written.
 * @throws {ConfigurationError} for a store that cannot be reached, or holds no bucket of Lifeboat's yet
 */
export function openForReading(
  file: string,
  configuration: Configuration,
  variables: NodeJS.ProcessEnv,
  { signal }: { readonly signal: AbortSignal } = new AbortController(),
): Promise<Store> {
  const agents = createStoreAgents(readProxies(variables));
  return openReadable(file, configuration, agents, { isDry: false, signal });
}

/** The result of a write, and whether clients see it. */
export interface Written<Result> {
  readonly result: Result;
  /** A sentence, if a store that the edge asks before the changed one was left out; undefined if none was. */
  readonly unseen: string | undefined;
}

/** The command that writes. */
export interface Writing {
  readonly log: Log;
  readonly variables: NodeJS.ProcessEnv;
  /** Aborted when the command has to stop. */
  readonly signal: AbortSignal;
}

/**
 * Runs `write` on the bucket, or, if there are several stores, on all that are in step, and gives it the buckets of those. The only other writes are the
 * probe of conditional writes, and the status that says which stores are left out.
 * @throws {ConfigurationError} as for reading, for another audience's bucket, and for one that honours no conditions
 * @throws {WrongClockError}
 * @throws the signal's reason
 * @throws what `write` throws
 */
export async function withWritable<Result>(
  file: string,
  configuration: Configuration,
  { log, variables, signal }: Writing,
  write: (environment: Environment, buckets: readonly ComparableStore[]) => Promise<Result>,
): Promise<Written<Result>> {
  // The bucket is read first, because opening the stores for writing would make an empty bucket one of Lifeboat's.
  const readable = await openForReading(file, configuration, variables, { signal });
  const agents = createStoreAgents(readProxies(variables));
  const opened = await openStores(file, configuration, {
    agents,
    signal,
    writer: { name: nameRun(systemClock.now()), log },
    checkClock: (stores) => checkClock({ clock: systemClock, log }, stores, []),
  });
  const environment = createEnvironment({ store: readable, log, signal });
  try {
    signal.throwIfAborted();
    const { store, replicas } = await openInStep(file, environment, opened);
    try {
      const buckets = replicas.live.map(({ bucket }) => bucket);
      const several = {
        replicas: () => replicas.live.map((replica) => replica.store),
        readOthers: (key: string) => replicas.readOthers(key),
      };
      const inStep = { ...environment, store, ...(replicas.all.length > 1 && several) };
      return { result: await write(inStep, buckets), unseen: unseenBy(replicas) };
    } finally {
      // A run may have caught a store up meanwhile, from a state before this write.
      await replicas.publishStatusAgain().catch((error: unknown) => {
        log.warn(error instanceof Error ? error.message : String(error));
      });
    }
  } finally {
    await opened.leave();
  }
}

function unseenBy({ all, lead }: ReplicaSet): string | undefined {
  const [earlier] = all.slice(0, all.indexOf(lead));
  if (earlier === undefined) return undefined;
  return `${earlier.bucket.name} was left out, although the edge asks it before the store that was changed: while it answers, clients get what it has. "lifeboat sync" catches it up.`;
}
