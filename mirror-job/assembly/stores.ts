/** The stores of a configuration: opened, and brought in step. */
import type { Configuration, StoreConfiguration } from '../configuration/configuration.ts';
import { ConfigurationError } from '../configuration/configuration-error.ts';
import { setImmediate as immediate } from 'node:timers/promises';
import { BucketRefusedError, beginBucket, openBucket, requireIdentity } from '../engine/store/bucket.ts';
import { DryStore } from '../engine/store/dry-store.ts';
import type { Environment } from '../engine/environment.ts';
import type { Timekeeper } from '../engine/support/server-clock.ts';
import { alignStores, keepAligned } from '../engine/replication/replica-reconcile.ts';
import { ReplicaSet, type Replica } from '../engine/replication/replica-set.ts';
import { ReplicatedStore } from '../engine/replication/replicated-store.ts';
import { StoreError, type Store } from '../engine/store/store.ts';
import type { Agents } from '../runtime/node/agents.ts';
import { crypto } from '../runtime/node/builtin.ts';
import { S3Store } from '../storage/s3/s3-store.ts';
import { boundedStore, earlyStore } from './store-layers.ts';

/** A few small objects are read and written when a store is opened. Milliseconds. */
const OPENING = 20_000;

/** Throws if the clocks of the stores, which have answered by now, contradict this machine's. @throws {WrongClockError} */
type ClockCheck = (stores: readonly Timekeeper[]) => Promise<void>;

/** A store that answers, or what it said instead. */
interface Opened {
  readonly member: Replica;
  readonly settings: StoreConfiguration;
  readonly failure: StoreError | undefined;
}

export interface OpenedStores {
  readonly primary: Store;
  /** The primary first; at least one answers, where they are known. */
  readonly all: readonly Opened[];
  /** Signs what one store is told about another one; undefined to sign it with the stores' own secrets. */
  readonly stateKey: string | undefined;
  /** False when the run had to stop before. */
  readonly areKnown: boolean;
  /** Whether they may be written; until then each write waits. @throws {ConfigurationError} after which none will be done */
  readonly proof: Promise<void>;
}

/**
 * Opens every store for a run.
 * @throws {ConfigurationError} when none answers, or one is not this mirror's, or two are the same bucket
 * @throws {WrongClockError}
 */
export async function openStores(
  file: string,
  configuration: Configuration,
  how: { readonly agents: Agents; readonly signal: AbortSignal; readonly checkClock: ClockCheck },
): Promise<OpenedStores> {
  const { name, store, laterStores, stateKey } = configuration;
  const opened = await Promise.all(
    [store, ...laterStores].map(async (settings) => {
      const member = connect(settings, how);
      const newId = crypto.randomUUID();
      const open = () => openBucket(member.store, { ...settings, name, newId });
      const { id, failure } = await opening(file, settings, () =>
        laterStores.length === 0 ? open() : inTime(member.bucket.name, open),
      );
      return { member: { ...member, id, isNew: id === newId }, settings, failure };
    }),
  );
  const proof = Promise.resolve();
  const [first] = opened;
  const primary = opened.find(({ failure }) => failure === undefined)?.member.store;
  if (how.signal.aborted && first !== undefined) {
    return { primary: primary ?? first.member.store, all: opened, stateKey, areKnown: false, proof };
  }
  if (primary === undefined) throw unreachable(file, opened);
  for (const [index, { member, settings }] of opened.entries()) {
    if (member.id === undefined || opened.findIndex((one) => one.member.id === member.id) === index) continue;
    const message = `${member.bucket.name} has the same id in its lifeboat.json as a store that is listed before it: it is the same bucket, or a copy of that bucket. If it is a copy, give it another id in its lifeboat.json.`;
    throw new ConfigurationError(file, [{ line: settings.line, key: settings.key, message }]);
  }
  const answering = opened.filter(({ failure }) => failure === undefined);
  await how.checkClock(answering.map(({ member }) => member.bucket));
  return { primary, all: opened, stateKey, areKnown: true, proof };
}

/**
 * Opens a store that is the only one for a run, which may read what it needs while it is still opened.
 * @param how.ahead keys that will be read first
 * @throws {ConfigurationError} when it does not answer, or is not this mirror's
 * @throws {WrongClockError}
 */
export async function openOneEarly(
  file: string,
  { name, store: settings, stateKey }: Configuration,
  how: {
    readonly agents: Agents;
    readonly signal: AbortSignal;
    readonly checkClock: ClockCheck;
    readonly ahead: readonly string[];
  },
): Promise<OpenedStores> {
  const { bucket, store } = connect(settings, how);
  const gate = Promise.withResolvers<void>();
  const early = earlyStore(store, how.ahead, gate.promise);
  const begun: { proof: Promise<void> } = { proof: Promise.resolve() };
  const mayBegin = () => how.checkClock([bucket]);
  const { id, failure } = await opening(file, settings, async () => {
    const newId = crypto.randomUUID();
    const { identity, prove } = await beginBucket(store, { ...settings, name, newId, mayBegin });
    await mayBegin();
    // Whoever reads goes first: nobody waits for the proof yet.
    begun.proof = immediate().then(prove);
    return identity;
  });
  const isStopped = (): boolean => how.signal.aborted;
  const proof = begun.proof.catch(async (error: unknown) => {
    // A run that has to stop says what it has not reached, and may not write.
    if (!isStopped()) throw refusedBy(file, settings, error);
  });
  proof.catch(() => undefined);
  // Where the run is over because of it, nobody waits for what it still tries.
  const writes = begun.proof.catch((error: unknown) => (isStopped() ? Promise.reject(error) : forever()));
  writes.catch(() => undefined);
  gate.resolve(writes);
  gate.promise.catch(() => undefined);
  const member: Replica = { bucket, store: early, id, isNew: false, secret: undefined };
  const all = [{ member, settings, failure }];
  if (failure !== undefined && !isStopped()) throw unreachable(file, all);
  return { primary: member.store, all, stateKey, areKnown: !isStopped(), proof };
}

function forever(): Promise<never> {
  return new Promise(() => undefined);
}

/**
 * Brings the stores in step, which may take long where one was behind. What goes wrong with one of several is in
 * the report.
 * @throws {ConfigurationError} when no store is left
 */
export async function alignedEnvironment(
  file: string,
  environment: Environment,
  opened: OpenedStores,
): Promise<{ readonly environment: Environment; readonly members: ReplicaSet }> {
  const members = await membersOf(file, environment, opened, (all) => alignStores(environment, all));
  const store = storeOf(members);
  const isOne = members.all.length === 1;
  return {
    environment: {
      ...environment,
      store,
      ...(!isOne && {
        reportStores: () => members.report(),
        storeFindings: () => members.caughtUpTags.findings(),
        replicas: () => members.live.map((member) => member.store),
      }),
    },
    members,
  };
}

/**
 * The stores that are in step, for who writes a little: a command waits for none to be caught up. Who has written
 * tells again which ones were left out (`tellAgain`).
 * @throws {ConfigurationError} when no store is left
 */
export async function openInStep(
  file: string,
  environment: Environment,
  opened: OpenedStores,
): Promise<{ readonly store: Store; readonly members: ReplicaSet }> {
  const members = await membersOf(file, environment, opened, keepAligned);
  return { store: storeOf(members), members };
}

function storeOf(members: ReplicaSet): Store {
  return members.all.length === 1 ? members.lead.store : new ReplicatedStore(members);
}

async function membersOf(
  file: string,
  environment: Environment,
  { all, stateKey }: OpenedStores,
  align: (members: ReplicaSet) => Promise<void>,
): Promise<ReplicaSet> {
  const members = new ReplicaSet(
    all.map(({ member }) => member),
    environment,
    stateKey,
  );
  try {
    for (const { member, failure } of all) if (failure !== undefined) members.takeOut(member, failure);
    await align(members);
    return members;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    const [first] = all;
    const [line, key] = [first?.settings.line, first?.settings.key ?? 'store'];
    throw new ConfigurationError(file, [{ line, key, message: error.message }]);
  }
}

/**
 * The first store that answers, for who only reads.
 * @param isDry for a dry run, which an empty bucket will do for
 * @param signal where it is aborted, the first one is returned, whether it answers or not
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
    const bucket = new S3Store(settings, agents);
    const bounded = boundedStore(bucket, signal, settings.singleWriter);
    const member: Replica = { bucket, store: bounded, id: undefined, isNew: false, secret: undefined };
    // What is not written needs no proof that it would be written safely.
    const expected = { ...settings, name, newId: crypto.randomUUID(), singleWriter: true };
    const open = () => (isDry ? openBucket(new DryStore(bounded), expected) : requireIdentity(bounded));
    const { failure } = await opening(file, settings, () =>
      laterStores.length === 0 ? open() : inTime(bucket.name, open),
    );
    if (failure === undefined || signal.aborted) return bucket;
    tried.push({ member, settings, failure });
  }
  throw unreachable(file, tried);
}

function connect(
  settings: StoreConfiguration,
  { agents, signal }: { readonly agents: Agents; readonly signal: AbortSignal },
): Omit<Replica, 'id' | 'isNew'> {
  const bucket = new S3Store(settings, agents);
  const secret = settings.credentials?.secretAccessKey;
  return { bucket, store: boundedStore(bucket, signal, settings.singleWriter), secret };
}

/** @throws {ConfigurationError} for a bucket that answers and is not this mirror's */
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

/** The sentence of a bucket or store that cannot be used, with its line; any other error unchanged. */
function refusedBy(file: string, { line, key }: StoreConfiguration, error: unknown): unknown {
  if (!(error instanceof BucketRefusedError) && !(error instanceof StoreError)) return error;
  return new ConfigurationError(file, [{ line, key, message: error.message }]);
}

/** One of several that is silent must not keep the others for the minutes that a single one would be waited for. */
async function inTime<Value>(name: string, open: () => Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new StoreError(
      `${name}: it has not answered within ${OPENING / 1000} s. Check its endpoint.`,
    );
    timer = setTimeout(() => reject(error), OPENING);
  });
  try {
    return await Promise.race([open(), late]);
  } finally {
    clearTimeout(timer);
  }
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
