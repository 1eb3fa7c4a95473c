/** Opens the stores of a configuration and brings them in step. */
import type { Configuration, StoreConfiguration } from '../configuration/configuration.ts';
import { ConfigurationError } from '../configuration/configuration-error.ts';
import { randomUUID } from 'node:crypto';
import { setImmediate as immediate } from 'node:timers/promises';
import {
  BucketRefusedError,
  beginBucket,
  openBucket,
  requireIdentity,
  tryBucket,
} from '../engine/store/bucket.ts';
import { DryStore } from '../engine/store/dry-store.ts';
import type { Environment } from '../engine/environment.ts';
import type { Timekeeper } from '../engine/support/server-clock.ts';
import { alignStores, keepAligned } from '../engine/replication/replica-reconcile.ts';
import { ReplicaSet, type Replica } from '../engine/replication/replica-set.ts';
import { ReplicatedStore } from '../engine/replication/replicated-store.ts';
import { StoreError, type Store } from '../engine/store/store.ts';
import type { Agents } from '../runtime/node/agents.ts';
import { createS3Connection } from '../runtime/node/s3-connection.ts';
import { S3Store } from '../storage/s3/s3-store.ts';
import { withOpenTimeout } from './open-timeout.ts';
import { connect, Fences, type Opening } from './store-connections.ts';
import { boundedStore, earlyStore } from './store-layers.ts';

/**
 * Throws if the clocks of the stores contradict this machine's. The stores have answered before the check. @throws
 * {WrongClockError}
 */
type ClockCheck = (stores: readonly Timekeeper[]) => Promise<void>;

/** A store, and the error if it could not be opened. */
interface Opened {
  readonly replica: Replica;
  readonly settings: StoreConfiguration;
  readonly failure: StoreError | undefined;
}

export interface OpenedStores {
  /** The first store that answers. */
  readonly lead: Store;
  /** All stores, the primary first. At least one of them answers if `areKnown` is true. */
  readonly all: readonly Opened[];
  /** Signs the statuses that one store holds of another one; undefined to sign them with the stores' own secrets. */
  readonly stateKey: string | undefined;
  /** False if the run had to stop before any store answered. */
  readonly areKnown: boolean;
  /** Called after the last write, so that no sweep of pruning waits for this writer. Never throws. */
  readonly leave: () => Promise<void>;
}

/**
 * Opens every store for a run.
 * @throws {ConfigurationError} if none answers, if one is not this mirror's, or if two are the same bucket
 * @throws {WrongClockError}
 */
export async function openStores(
  file: string,
  configuration: Configuration,
  how: Opening & { readonly checkClock: ClockCheck },
): Promise<OpenedStores> {
  const { name, store, laterStores, stateKey } = configuration;
  const fences = new Fences();
  const leave = () => fences.leave();
  const opened = await Promise.all(
    [store, ...laterStores].map(async (settings) => {
      const replica = fences.over(connect(settings, how), settings, how);
      const newId = randomUUID();
      const open = () => openBucket(replica.store, { ...settings, name, newId });
      const { id, failure } = await opening(file, settings, () =>
        laterStores.length === 0
          ? open()
          : withOpenTimeout(replica.bucket.name, open, () => fences.isWaiting(replica)),
      );
      return { replica: { ...replica, id, isNew: id === newId }, settings, failure };
    }),
  );
  const [primary] = opened;
  const lead = opened.find(({ failure }) => failure === undefined)?.replica.store;
  if (how.signal.aborted && primary !== undefined) {
    return { lead: lead ?? primary.replica.store, all: opened, stateKey, areKnown: false, leave };
  }
  if (lead === undefined) throw unreachable(file, opened);
  for (const [index, { replica, settings }] of opened.entries()) {
    if (replica.id === undefined || opened.findIndex((one) => one.replica.id === replica.id) === index)
      continue;
    const message = `${replica.bucket.name} has the same id in its lifeboat.json as a store that is listed before it: it is the same bucket, or a copy of that bucket. If it is a copy, give it another id in its lifeboat.json.`;
    throw new ConfigurationError(file, [{ line: settings.line, key: settings.key, message }]);
  }
  const answering = opened.filter(({ failure }) => failure === undefined);
  await how.checkClock(answering.map(({ replica }) => replica.bucket));
  return { lead, all: opened, stateKey, areKnown: true, leave };
}

/**
 * Opens the only store of a run, and lets the run read objects while the store is still being opened. Each write waits
 * until the store has shown that it honours conditional writes.
 * @param how.ahead has the keys that the run reads first
 * @param how.onRefused is called with the error of a store that does not, before the writes that wait fail. Then nothing
 *   is written. It is not called once the run has to stop, because such a run goes on to its report without writing
 * @throws {ConfigurationError} if the store does not answer, or is not this mirror's
 * @throws {WrongClockError}
 */
export async function openOneEarly(
  file: string,
  { name, store: settings, stateKey }: Configuration,
  how: Opening & {
    readonly checkClock: ClockCheck;
    readonly ahead: readonly string[];
    readonly onRefused: (refusal: unknown) => void;
  },
): Promise<OpenedStores> {
  const fences = new Fences();
  const { bucket, store } = fences.over(connect(settings, how), settings, how);
  const gate = Promise.withResolvers<void>();
  const early = earlyStore(store, how.ahead, gate.promise);
  const begun: { proof: Promise<void> } = { proof: Promise.resolve() };
  const mayBegin = () => how.checkClock([bucket]);
  const { id, failure } = await opening(file, settings, async () => {
    const newId = randomUUID();
    const { identity, prove } = await beginBucket(store, { ...settings, name, newId, mayBegin });
    await mayBegin();
    // The reads of the run go out first, because nothing waits for the proof yet.
    begun.proof = immediate().then(prove);
    return identity;
  });
  const isStopped = (): boolean => how.signal.aborted;
  const reported = begun.proof.catch((error: unknown) => {
    if (!isStopped()) how.onRefused(refusedBy(file, settings, error));
    throw error;
  });
  gate.resolve(reported);
  // A failed proof ends the run, whether a write waits for it or not.
  gate.promise.catch(() => undefined);
  const replica: Replica = { bucket, store: early, id, isNew: false, secret: undefined };
  const all = [{ replica, settings, failure }];
  if (failure !== undefined && !isStopped()) throw unreachable(file, all);
  return { lead: replica.store, all, stateKey, areKnown: !isStopped(), leave: () => fences.leave() };
}

/**
 * Brings the stores in step, which may take long if one was behind. The report says which stores are behind, and why.
 * @throws {ConfigurationError} if no store is left
 */
export async function alignedEnvironment(
  file: string,
  environment: Environment,
  opened: OpenedStores,
): Promise<{ readonly environment: Environment; readonly replicas: ReplicaSet }> {
  const replicas = await replicaSetOf(file, environment, opened, (all) => alignStores(environment, all));
  const store = storeOf(replicas);
  const isOne = replicas.all.length === 1;
  return {
    environment: {
      ...environment,
      store,
      ...(!isOne && {
        reportStores: () => replicas.report(),
        storeFindings: () => replicas.caughtUpTags.findings(),
        replicas: () => replicas.live.map((replica) => replica.store),
        readOthers: (key: string) => replicas.readOthers(key),
      }),
    },
    replicas,
  };
}

/**
 * Opens the stores that are in step, for a command that writes a little and does not wait until others are caught up.
 * After its writes the command publishes again which stores were left out (`publishStatusAgain`).
 * @throws {ConfigurationError} if no store is left
 */
export async function openInStep(
  file: string,
  environment: Environment,
  opened: OpenedStores,
): Promise<{ readonly store: Store; readonly replicas: ReplicaSet }> {
  const replicas = await replicaSetOf(file, environment, opened, keepAligned);
  return { store: storeOf(replicas), replicas };
}

function storeOf(replicas: ReplicaSet): Store {
  return replicas.all.length === 1 ? replicas.lead.store : new ReplicatedStore(replicas);
}

async function replicaSetOf(
  file: string,
  environment: Environment,
  { all, stateKey }: OpenedStores,
  align: (replicas: ReplicaSet) => Promise<void>,
): Promise<ReplicaSet> {
  const replicas = new ReplicaSet(
    all.map(({ replica }) => replica),
    environment,
    stateKey,
  );
  try {
    for (const { replica, failure } of all) if (failure !== undefined) replicas.remove(replica, failure);
    await align(replicas);
    return replicas;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    const [primary] = all;
    const [line, key] = [primary?.settings.line, primary?.settings.key ?? 'store'];
    throw new ConfigurationError(file, [{ line, key, message: error.message }]);
  }
}

/**
 * Opens the first store that answers, for a command that only reads.
 * @param isDry whether an empty bucket will do, as it does for a dry run
 * @param signal if it is aborted, the store that was tried last is returned although it did not answer
 * @throws {ConfigurationError}
 */
export async function openReadable(
  file: string,
  { name, store, laterStores }: Configuration,
  agents: Agents,
  { isDry, signal }: { readonly isDry: boolean; readonly signal: AbortSignal },
): Promise<S3Store> {
  const tried: Opened[] = [];
  for (const settings of [store, ...laterStores]) {
    const bucket = new S3Store(settings, createS3Connection(agents));
    const bounded = boundedStore(bucket, signal, settings.singleWriter);
    const replica: Replica = { bucket, store: bounded, id: undefined, isNew: false, secret: undefined };
    // Nothing is written, so there is no need to show that the store honours conditional writes.
    const expected = { ...settings, name, newId: randomUUID(), singleWriter: true };
    const open = () => (isDry ? openBucket(new DryStore(bounded), expected) : requireIdentity(bounded));
    const { failure } = await opening(file, settings, () =>
      laterStores.length === 0 ? open() : withOpenTimeout(bucket.name, open),
    );
    if (failure === undefined || signal.aborted) return bucket;
    tried.push({ replica, settings, failure });
  }
  throw unreachable(file, tried);
}

/**
 * Makes the checks of the primary with which a run begins. An empty bucket does not become this mirror's by it.
 * @returns the store's name, and whether it is this mirror's already
 * @throws {ConfigurationError} if a run could not use it
 */
export async function tryStore(
  file: string,
  { name, store: settings }: Configuration,
  how: { readonly agents: Agents; readonly signal: AbortSignal },
): Promise<{ readonly name: string; readonly isOurs: boolean }> {
  const { bucket, store } = connect(settings, how);
  try {
    const expected = { ...settings, name, newId: randomUUID() };
    return {
      name: bucket.name,
      isOurs: await withOpenTimeout(bucket.name, () => tryBucket(store, expected)),
    };
  } catch (error) {
    throw refusedBy(file, settings, error);
  }
}

/** @throws {ConfigurationError} if the bucket answers and is not this mirror's */
async function opening(
  file: string,
  settings: StoreConfiguration,
  open: () => Promise<{ readonly id: string }>,
): Promise<{ readonly id: string | undefined; readonly failure: StoreError | undefined }> {
  try {
    const { id } = await open();
    return { id, failure: undefined };
  } catch (error) {
    if (error instanceof StoreError) return { id: undefined, failure: error };
    throw refusedBy(file, settings, error);
  }
}

/** @returns the error of a bucket or store with its line in the configuration; any other error unchanged */
function refusedBy(file: string, { line, key }: StoreConfiguration, error: unknown): unknown {
  if (!(error instanceof BucketRefusedError) && !(error instanceof StoreError)) return error;
  return new ConfigurationError(file, [{ line, key, message: error.message }]);
}

function unreachable(file: string, opened: readonly Opened[]): ConfigurationError {
  return new ConfigurationError(
    file,
    opened.map(({ settings: { line, key }, failure }) => ({
      line,
      key,
      message: failure?.message ?? 'it does not answer.',
    })),
  );
}
