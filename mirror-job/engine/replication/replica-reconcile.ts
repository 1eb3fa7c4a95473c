/**
 * Brings the stores of a run in step. A store that is behind is caught up from one that is in step. If no store is known
 * to be, all of them are joined into one first. docs/decisions/0008-several-stores.md
 *
 * The catch-up source is the store that the others are caught up from.
 */
import { isStateKey, STATE, STORES_KEY } from '../../../core/layout.ts';
import { catchUp, type CaughtUp } from './catch-up.ts';
import type { Rule } from './catch-up-merge.ts';
import { OriginError } from './catch-up-origin.ts';
import type { Environment } from '../environment.ts';
import {
  isAbout,
  isBehind,
  isInStep,
  weighStatuses,
  type Evidence,
  type StatusesByHolder,
} from './status-evidence.ts';
import type { Replica, ReplicaSet } from './replica-set.ts';
import { insideSentence } from '../store/store-name.ts';
import { certifiedAt, decodeStatuses, type ReplicaStatus } from './replica-status.ts';
import { writeStatuses, writeStatusesIfSame } from './status-writer.ts';
import { StoreError, type Store } from '../store/store.ts';

/**
 * Catches up each store that is behind, and removes the stores that stay behind. Never throws for the failure of one
 * store while another one is left.
 * @throws {StoreError} if no store is left
 */
export async function alignStores(environment: Environment, replicas: ReplicaSet): Promise<void> {
  const byHolder = await readAllStatuses(replicas);
  const earlier = [...byHolder.values()].flat();
  for (const replica of replicas.all) {
    const since = earlier.find((status) => isAbout(status, replica) && !status.inStep)?.since;
    if (since !== undefined) replicas.recordBehindSince(replica, since);
  }
  const evidence = await weighStatuses(replicas, byHolder, (replica) => isFilled(replicas, replica));
  while (!(await align(environment, replicas, evidence))) {
    // A store that may be copied from has failed and was removed, so the rest is decided again.
  }
}

/**
 * For a command that writes a little and catches nothing up. Removes each store that is not in step. If none is known to
 * be, it leaves the one that the others will be caught up from.
 * @throws {StoreError} if no store is left, or if a later run would undo what is written now
 */
export async function keepAligned(replicas: ReplicaSet): Promise<void> {
  const byHolder = await readAllStatuses(replicas);
  const evidence = await weighStatuses(replicas, byHolder, (replica) => isFilled(replicas, replica));
  await keepInStep(replicas, evidence);
}

async function keepInStep(replicas: ReplicaSet, evidence: Evidence): Promise<void> {
  const { statuses, current } = evidence;
  const { catchUpSource } = await findCatchUpSource(replicas, statuses);
  const holder = await findAbsentHolder(replicas, catchUpSource, statuses);
  if (!replicas.isLive(catchUpSource)) return keepInStep(replicas, evidence);
  if (holder !== undefined) {
    throw new StoreError(
      `${catchUpSource.bucket.name} was begun anew without another store, whose tags count when it is back. ${replicas.reasonOf(holder)} Wait until that store answers, or take it out of stores if it is lost.`,
    );
  }
  const earlier = replicas.all.slice(0, replicas.all.indexOf(catchUpSource));
  const unknown = earlier.find((replica) => !replicas.isLive(replica) && !replicas.isStatusProvable(replica));
  if (unknown !== undefined) {
    throw new StoreError(
      `${replicas.reasonOf(unknown)} Nothing can be decided in ${insideSentence(catchUpSource.bucket.name)} meanwhile: when ${insideSentence(unknown.bucket.name)} is back, nothing would show that it is behind, because its key is not in the configuration. Wait until that store answers, or set stateKey and run "lifeboat sync" before the next time.`,
    );
  }
  for (const replica of replicas.live) {
    if (replica === catchUpSource || (isInStep(replica, statuses) && current.has(replica))) continue;
    replicas.remove(replica, new StoreError(`${replica.bucket.name} is not in step with the others.`));
  }
  replicas.recordUnlisted(catchUpSource, evidence);
  await replicas.publishStatus();
}

async function readAllStatuses(replicas: ReplicaSet): Promise<StatusesByHolder> {
  const byHolder = new Map<Replica, readonly ReplicaStatus[]>();
  for (const replica of replicas.live) {
    const read = await replicas.attempt(replica, () => readStatuses(replica.store));
    if (read !== undefined) byHolder.set(replica, read.value);
  }
  for (const replica of replicas.all)
    if (isRecordedUndecided(replicas, byHolder, replica)) replicas.keepUndecided(replica);
  return byHolder;
}

/** Whether an earlier store has a status that says so. Statuses in later stores do not count for this. */
function isRecordedUndecided({ all }: ReplicaSet, byHolder: StatusesByHolder, replica: Replica): boolean {
  return all
    .slice(0, all.indexOf(replica))
    .some((holder) =>
      byHolder
        .get(holder)
        ?.some((status) => isAbout(status, replica) && !status.inStep && status.undecided === true),
    );
}

/** @returns false if a store was removed that the decision depends on, and everything has to be decided again */
async function align(environment: Environment, replicas: ReplicaSet, evidence: Evidence): Promise<boolean> {
  const { byHolder, statuses, current } = evidence;
  const { catchUpSource, mayLack } = await findCatchUpSource(replicas, statuses);
  const holder = await findAbsentHolder(replicas, catchUpSource, statuses);
  if (!replicas.isLive(catchUpSource)) return false;
  if (holder !== undefined) replicas.startOver(catchUpSource, holder);
  replicas.recordUnlisted(catchUpSource, evidence);
  await replicas.publishStatus();
  const others = replicas.live.filter((replica) => replica !== catchUpSource);
  if (mayLack) {
    // No store is known to be whole, so the source may lack what any other store has.
    for (const replica of others) {
      if (isBehind(catchUpSource, statuses) || !isBehind(replica, statuses)) {
        await catchUpOne(environment, replicas, replica, catchUpSource, 'newer');
      }
    }
    // One was removed meanwhile, so another store may have to be the source.
    if (replicas.live.length <= others.length) return false;
  }
  const isWhole =
    isInStep(catchUpSource, statuses) || replicas.all.every((replica) => replicas.isLive(replica));
  const behind = others.filter((replica) => !isInStep(replica, statuses) || !current.has(replica));
  if (
    behind.length > 0 &&
    isWhole &&
    !mayLack &&
    !byHolder.get(catchUpSource)?.some((status) => isAbout(status, catchUpSource))
  ) {
    const status = await writeOwnStatus(environment, replicas, catchUpSource, true);
    byHolder.set(catchUpSource, [...(byHolder.get(catchUpSource) ?? []), status]);
  }
  const later = new Set(replicas.all.slice(replicas.all.indexOf(catchUpSource)));
  for (const replica of behind) {
    if (replicas.isLive(replica) && !later.has(replica))
      await writeOwnStatus(environment, replicas, replica, false);
    const copied = await catchUpOne(environment, replicas, catchUpSource, replica, 'from');
    if (copied !== undefined)
      replicas.recordCaughtUp(replica, isKnown(replica, statuses) ? copied : undefined);
  }
  await replicas.publishStatus();
  if (!replicas.isLive(catchUpSource)) return false;
  await certify(environment, replicas, { catchUpSource, isWhole, behind, evidence });
  return true;
}

/**
 * Writes into a store its own status, before another store is written. If that store fails later, statuses in later
 * stores alone would not be believed: a new store that is half filled would pass for a whole mirror, and a mirror that
 * never heard of other stores would count as if it had not been away.
 */
async function writeOwnStatus(
  environment: Environment,
  replicas: ReplicaSet,
  replica: Replica,
  inStep: boolean,
) {
  const { bucket, id } = replica;
  const now = environment.clock.now().toISOString();
  const status: ReplicaStatus = {
    store: bucket.name,
    id,
    inStep,
    since: now,
    at: now,
    run: `${environment.run} ${now}`,
    ...(!inStep && { reason: `${bucket.name}: it is being caught up.` }),
  };
  await replicas.attempt(replica, () => writeStatuses(replicas.statusTargetOf(replica), [status]));
  return status;
}

/** Catches one store up. If that fails, it removes the store that failed, or `to` if `from` still answers. */
async function catchUpOne(
  environment: Environment,
  replicas: ReplicaSet,
  from: Replica,
  to: Replica,
  rule: Rule,
): Promise<CaughtUp | undefined> {
  if (!replicas.isLive(from) || !replicas.isLive(to)) return undefined;
  try {
    return await catchUp(environment, from, to, rule, (repository, change) =>
      replicas.caughtUpTags.add(to.bucket.name, from.bucket.name, repository, change),
    );
  } catch (error) {
    if (environment.signal.aborted) {
      const message = `${to.store.name}: the run was stopped before this store was caught up.`;
      replicas.remove(to, new StoreError(message, { cause: error }));
    } else {
      const isLost = error instanceof OriginError && !(await isWorthKeeping(from, to, rule));
      replicas.remove(isLost ? from : to, error);
    }
    return undefined;
  }
}

/**
 * Whether the source stays although a read of it failed. Without it, the store that is behind would get everything that
 * it lacks from upstream, and miss the holds that it has not heard of. One failed read is no reason for that.
 */
async function isWorthKeeping(from: Replica, to: Replica, rule: Rule): Promise<boolean> {
  if (!(await answers(from))) return false;
  if (rule === 'from') return true;
  if (from.isNew) return false;
  try {
    return !(await holdsMirror(to));
  } catch (error) {
    if (error instanceof StoreError) return true;
    throw error;
  }
}

interface CatchUpSource {
  readonly catchUpSource: Replica;
  /** Whether it may lack what the others have, so that they are joined into it first. */
  readonly mayLack: boolean;
}

/**
 * Chooses the first store that is in step, or that holds a mirror and is not behind. So a store is never overwritten from
 * a later one, unless it is empty or shown to be behind. If there is no such store, all of them are joined into one.
 */
async function findCatchUpSource(
  replicas: ReplicaSet,
  statuses: readonly ReplicaStatus[],
): Promise<CatchUpSource> {
  // A single store is not listed, because there is nothing to compare it with.
  if (replicas.all.length === 1) return { catchUpSource: replicas.lead, mayLack: false };
  for (const replica of replicas.live) {
    if (isBehind(replica, statuses)) continue;
    if (isInStep(replica, statuses) || (await isFilled(replicas, replica)))
      return { catchUpSource: replica, mayLack: false };
  }
  // An empty store has nothing for one that is behind, so one that is behind goes first.
  const behind = replicas.live.find((replica) => isBehind(replica, statuses));
  return { catchUpSource: behind ?? replicas.lead, mayLack: true };
}

/**
 * Finds an absent store that may hold the mirror. A mirror that is filled from upstream without it lacks its holds and
 * reverts, and its tags would pass for the later ones. So the stores that are filled then are behind the absent one.
 */
async function findAbsentHolder(
  replicas: ReplicaSet,
  catchUpSource: Replica,
  statuses: readonly ReplicaStatus[],
): Promise<Replica | undefined> {
  const absent = replicas.all.find((replica) => !replicas.isLive(replica) && !replica.isNew);
  if (absent === undefined || isInStep(catchUpSource, statuses)) return undefined;
  if (isBehind(catchUpSource, statuses)) return absent;
  const holds = await replicas.attempt(catchUpSource, () => holdsMirror(catchUpSource));
  return holds?.value === false ? absent : undefined;
}

/** @returns false also if the store fails, which removes it */
async function isFilled(replicas: ReplicaSet, replica: Replica): Promise<boolean> {
  const holds = await replicas.attempt(replica, () => holdsMirror(replica));
  return holds?.value === true;
}

/** Whether it was ever filled to the end, which its catalogue shows because a run writes that last. */
async function holdsMirror({ store }: Replica): Promise<boolean> {
  const keys = await store.list(STATE, Number.MAX_SAFE_INTEGER);
  return keys.some((key) => isStateKey(key, 'catalog.json'));
}

async function answers({ store }: Replica): Promise<boolean> {
  try {
    await store.get(STORES_KEY);
    return true;
  } catch (error) {
    if (error instanceof StoreError) return false;
    throw error;
  }
}

interface Alignment {
  readonly catchUpSource: Replica;
  readonly isWhole: boolean;
  readonly behind: readonly Replica[];
  readonly evidence: Evidence;
}

/**
 * Writes that the stores are in step: first into the others, and then into the source only if nobody changed its
 * statuses meanwhile. Another run that goes on without one of the stores writes that again when it ends.
 */
async function certify(
  environment: Environment,
  replicas: ReplicaSet,
  { catchUpSource, isWhole, behind, evidence }: Alignment,
): Promise<void> {
  const { byHolder, statuses, current } = evidence;
  const live = replicas.live.filter((replica) => replica === catchUpSource || isWhole);
  // A single store has none to be in step with.
  const isNew =
    replicas.all.length > 1 &&
    isWhole &&
    live.some((replica) => !isInStep(replica, statuses) || !current.has(replica));
  if (!isNew) return;
  const { clock } = environment;
  const now = clock.now();
  const news = live.map(({ bucket, id }): ReplicaStatus => {
    const at = certifiedAt(now, evidence.latest.get(bucket.name));
    return {
      store: bucket.name,
      id,
      inStep: true,
      since: now.toISOString(),
      at,
      run: `${environment.run} ${at}`,
    };
  });
  const others = live.filter((replica) => replica !== catchUpSource);
  for (const replica of others) {
    await replicas.attempt(replica, () => writeStatuses(replicas.statusTargetOf(replica), news));
  }
  await replicas.publishStatus();
  const known = byHolder.get(catchUpSource);
  if (known === undefined || !replicas.isLive(catchUpSource)) return;
  const written = await replicas.attempt(catchUpSource, () =>
    writeStatusesIfSame(replicas.statusTargetOf(catchUpSource), known, news),
  );
  if (written?.value !== 'conflict') return;
  for (const replica of behind) {
    const message = `${replica.store.name}: another run has written without this store while this run caught it up.`;
    replicas.remove(replica, new StoreError(message));
  }
  await replicas.publishStatus();
}

async function readStatuses(store: Store): Promise<readonly ReplicaStatus[]> {
  const object = await store.get(STORES_KEY);
  return object === undefined ? [] : decodeStatuses(object.bytes);
}

function isKnown({ bucket }: Replica, statuses: readonly ReplicaStatus[]): boolean {
  return statuses.some(({ store }) => store === bucket.name);
}
