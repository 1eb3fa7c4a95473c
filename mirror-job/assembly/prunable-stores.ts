/** Opens the stores of a configuration for pruning. */
import type { Configuration, StoreConfiguration } from '../configuration/configuration.ts';
import { ConfigurationError } from '../configuration/configuration-error.ts';
import { checkClock } from '../engine/run/clock-check.ts';
import type { Log } from '../engine/runtime.ts';
import { requireIdentity } from '../engine/store/bucket.ts';
import { StoreError, type PrunableStore } from '../engine/store/store.ts';
import { createStoreAgents } from '../runtime/node/agents.ts';
import { systemClock } from '../runtime/node/clock.ts';
import { readProxies } from '../runtime/node/proxies.ts';
import { createS3Connection } from '../runtime/node/s3-connection.ts';
import { S3Store } from '../storage/s3/s3-store.ts';
import { createEnvironment } from './environment.ts';
import { openInStep, openReadable, openStores } from './stores.ts';

export interface PrunableBucket {
  readonly store: PrunableStore;
  /** The id of the bucket. */
  readonly id: string;
}

interface How {
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly variables: NodeJS.ProcessEnv;
}

/**
 * Opens every store without writing into it.
 * @param file the configuration's
 * @returns also the errors of those that do not answer
 * @throws {ConfigurationError} if none answers
 * @throws {BucketRefusedError} for one that holds no bucket of Lifeboat's, and {WrongClockError}
 */
export async function openForPlanning(
  file: string,
  { store, laterStores }: Configuration,
  { log, variables }: Pick<How, 'log' | 'variables'>,
): Promise<{
  readonly opened: readonly PrunableBucket[];
  readonly failures: readonly { readonly store: string; readonly error: StoreError }[];
}> {
  const agents = createStoreAgents(readProxies(variables));
  const stores = [store, ...laterStores].map((settings) => ({
    settings,
    bucket: new S3Store(settings, createS3Connection(agents)),
  }));
  const opened: PrunableBucket[] = [];
  const failures: { store: string; error: StoreError; settings: StoreConfiguration }[] = [];
  for (const { settings, bucket } of stores) {
    try {
      opened.push({ store: bucket, id: (await requireIdentity(bucket)).id });
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      failures.push({ store: bucket.name, error, settings });
    }
  }
  if (opened.length === 0) {
    const problems = failures.map(({ settings: { line, key }, error: { message } }) => ({
      line,
      key,
      message,
    }));
    throw new ConfigurationError(file, problems);
  }
  await checkClock(
    { clock: systemClock, log },
    stores.map(({ bucket }) => bucket),
    [],
  );
  return { opened, failures };
}

/**
 * Opens the stores that are in step, and runs `work` on each of them, in the order of the configuration.
 * @returns the names of those that were left out
 * @throws {ConfigurationError} for a store that honours no conditions, because no sweep could be kept apart from runs
 */
export async function withPrunable(
  file: string,
  configuration: Configuration,
  { log, signal, variables }: How,
  work: (bucket: PrunableBucket) => Promise<void>,
): Promise<readonly string[]> {
  const settings = [configuration.store, ...configuration.laterStores];
  for (const { singleWriter, line, key } of settings) {
    if (!singleWriter) continue;
    const message =
      'it has singleWriter: true, so its provider cannot keep a run and a sweep apart, and nothing is deleted while runs may begin. Stop all runs, make a new plan, and delete its keys with an S3 client, links and blobs a day after the others, as docs/removing.md says.';
    throw new ConfigurationError(file, [{ line, key, message }]);
  }
  // Before anything is written: opening the stores for writing would make an empty bucket one of Lifeboat's.
  const agents = createStoreAgents(readProxies(variables));
  const readable = await openReadable(file, configuration, agents, { isDry: false, signal });
  const opened = await openStores(file, configuration, {
    agents,
    signal,
    checkClock: (stores) => checkClock({ clock: systemClock, log }, stores, []),
  });
  const environment = createEnvironment({ store: readable, log, signal });
  const { replicas } = await openInStep(file, environment, opened);
  try {
    for (const { replica, settings: own } of opened.all) {
      if (!replicas.isLive(replica) || replica.id === undefined) continue;
      await work({ store: new S3Store(own, createS3Connection(agents)), id: replica.id });
    }
  } finally {
    await replicas.publishStatusAgain().catch((error: unknown) => {
      log.warn(error instanceof Error ? error.message : String(error));
    });
  }
  return opened.all.flatMap(({ replica }) => (replicas.isLive(replica) ? [] : [replica.bucket.name]));
}
