/**
 * Which of several stores are in step when a run begins, and those that are not: caught up from one that is, or,
 * where nothing is known of any, joined. docs/decisions/0008-several-stores.md
 */
import { isStateKey, STATE, STORES_KEY } from '../../../core/layout.ts';
import { catchUp, type CaughtUp } from './catch-up.ts';
import type { Rule } from './catch-up-merge.ts';
import { OriginError } from './catch-up-source.ts';
import type { Environment } from '../environment.ts';
import { isAbout, isBehind, isInStep, weighNotes, type Evidence, type ToldNotes } from './status-evidence.ts';
import type { Replica, ReplicaSet } from './replica-set.ts';
import { amid } from '../store/store-name.ts';
import { decodeNotes, writeNotes, writeNotesIfSame, type StoreNote } from './replica-status.ts';
import { StoreError, type Store } from '../store/store.ts';

/**
 * Leaves only stores in it that are in step, or else takes them out. Never throws for what goes wrong with one
 * while there is another.
 * @throws {StoreError} when no store is left
 */
export async function alignStores(environment: Environment, members: ReplicaSet): Promise<void> {
  const told = await readAllNotes(members);
  const said = [...told.values()].flat();
  for (const member of members.all) {
    const since = said.find((note) => isAbout(note, member) && !note.inStep)?.since;
    if (since !== undefined) members.noteBehindSince(member, since);
  }
  const evidence = await weighNotes(members, told, (member) => isFilled(members, member));
  while (!(await align(environment, members, evidence))) {
    // A store that may be copied from has failed: there is one less.
  }
}

/**
 * For who writes a little and has no time to catch anything up: leaves only stores that are in step or, where none is
 * known to be, the one that the others will be caught up from.
 * @throws {StoreError} when no store is left, or what is decided now would not count in the end
 */
export async function keepAligned(members: ReplicaSet): Promise<void> {
  const told = await readAllNotes(members);
  const evidence = await weighNotes(members, told, (member) => isFilled(members, member));
  await keepInStep(members, evidence);
}

async function keepInStep(members: ReplicaSet, evidence: Evidence): Promise<void> {
  const { notes, current } = evidence;
  const { hub } = await findHub(members, notes);
  const holder = await whoMayHoldMore(members, hub, notes);
  if (!members.isLive(hub)) return keepInStep(members, evidence);
  if (holder !== undefined) {
    throw new StoreError(
      `${hub.bucket.name} was begun anew without another store, whose tags count when it is back. ${members.reasonOf(holder)} Wait until that store answers, or take it out of stores if it is lost.`,
    );
  }
  const earlier = members.all.slice(0, members.all.indexOf(hub));
  const unknown = earlier.find((member) => !members.isLive(member) && !members.isVouchedFor(member));
  if (unknown !== undefined) {
    throw new StoreError(
      `${members.reasonOf(unknown)} Nothing can be decided in ${amid(hub.bucket.name)} meanwhile: when ${amid(unknown.bucket.name)} is back, nothing would show that it is behind, because its key is not in the configuration. Wait until that store answers, or set stateKey and run "lifeboat sync" before the next time.`,
    );
  }
  for (const member of members.live) {
    if (member === hub || (isInStep(member, notes) && current.has(member))) continue;
    members.takeOut(member, new StoreError(`${member.bucket.name} is not in step with the others.`));
  }
  await members.tell();
}

async function readAllNotes(members: ReplicaSet): Promise<ToldNotes> {
  const told = new Map<Replica, readonly StoreNote[]>();
  for (const member of members.live) {
    const read = await members.attempt(member, () => readNotes(member.store));
    if (read !== undefined) told.set(member, read.value);
  }
  for (const member of members.all)
    if (isNotedUndecided(members, told, member)) members.keepUndecided(member);
  return told;
}

/** Whether a store that is listed before it says so: no other store's word counts there. */
function isNotedUndecided({ all }: ReplicaSet, told: ToldNotes, member: Replica): boolean {
  return all
    .slice(0, all.indexOf(member))
    .some((holder) =>
      told.get(holder)?.some((note) => isAbout(note, member) && !note.inStep && note.undecided === true),
    );
}

/** @returns false when a store was taken out by which others may go, and all is to be decided again */
async function align(environment: Environment, members: ReplicaSet, evidence: Evidence): Promise<boolean> {
  const { told, notes, current } = evidence;
  const { hub, mayLack } = await findHub(members, notes);
  const holder = await whoMayHoldMore(members, hub, notes);
  if (!members.isLive(hub)) return false;
  if (holder !== undefined) members.beginAnew(hub, holder);
  await members.tell();
  const others = members.live.filter((member) => member !== hub);
  if (mayLack) {
    // What any other store has, it may lack: for of nothing is it known to be whole.
    for (const member of others) {
      if (isBehind(hub, notes) || !isBehind(member, notes)) {
        await bring(environment, members, member, hub, 'newer');
      }
    }
    // Without one of them, this may be another store's part, or begin anew.
    if (members.live.length <= others.length) return false;
  }
  const isWhole = isInStep(hub, notes) || members.all.every((member) => members.isLive(member));
  const behind = others.filter((member) => !isInStep(member, notes) || !current.has(member));
  if (behind.length > 0 && isWhole && !mayLack && !told.get(hub)?.some((note) => isAbout(note, hub))) {
    const note = await noteOwn(environment, members, hub, true);
    told.set(hub, [...(told.get(hub) ?? []), note]);
  }
  const later = new Set(members.all.slice(members.all.indexOf(hub)));
  for (const member of behind) {
    if (members.isLive(member) && !later.has(member)) await noteOwn(environment, members, member, false);
    const copied = await bring(environment, members, hub, member, 'from');
    if (copied !== undefined) members.noteCaughtUp(member, isKnown(member, notes) ? copied : undefined);
  }
  await members.tell();
  if (!members.isLive(hub)) return false;
  await certify(environment, members, { hub, isWhole, behind, evidence });
  return true;
}

/**
 * Has a store say of itself where it stands, before another one is written. Of a store that fails then, the notes in
 * later stores alone would not be believed: a new store that is half filled would pass for a mirror of its own, and a
 * mirror that was never told of other ones would count as if it had not been away.
 */
async function noteOwn(environment: Environment, members: ReplicaSet, member: Replica, inStep: boolean) {
  const { bucket, id } = member;
  const now = environment.clock.now().toISOString();
  const note: StoreNote = {
    store: bucket.name,
    id,
    inStep,
    since: now,
    at: now,
    run: `${environment.run} ${now}`,
    ...(!inStep && { reason: `${bucket.name}: it is being caught up.` }),
  };
  await members.attempt(member, () => writeNotes(members.keeperOf(member), [note]));
  return note;
}

/** Whichever of the two fails is taken out; where it still answers, the one that is behind. */
async function bring(
  environment: Environment,
  members: ReplicaSet,
  from: Replica,
  to: Replica,
  rule: Rule,
): Promise<CaughtUp | undefined> {
  if (!members.isLive(from) || !members.isLive(to)) return undefined;
  try {
    return await catchUp(environment, from, to, rule, (repository, change) =>
      members.caughtUpTags.add(to.bucket.name, from.bucket.name, repository, change),
    );
  } catch (error) {
    if (environment.signal.aborted) {
      const message = `${to.store.name}: the run was stopped before this store was caught up.`;
      members.takeOut(to, new StoreError(message, { cause: error }));
    } else {
      const isLost = error instanceof OriginError && !(await isWorthKeeping(from, to, rule));
      members.takeOut(isLost ? from : to, error);
    }
    return undefined;
  }
}

/**
 * What is behind would have to ask upstream for all that it lacks, and to do without the holds that it has not heard
 * of: not for one read that has failed.
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

interface Hub {
  /** The one that the others are caught up from. */
  readonly hub: Replica;
  /** Whether the others may have what it lacks: they are joined into it first. */
  readonly mayLack: boolean;
}

/**
 * The first store that is in step, or that holds a mirror and is not behind. So a store is never overwritten from a
 * later one, unless it is empty or shown to be behind. If there is no such store, all of them are joined into one.
 */
async function findHub(members: ReplicaSet, notes: readonly StoreNote[]): Promise<Hub> {
  // There is nothing to compare a single store with, so it is not listed.
  if (members.all.length === 1) return { hub: members.lead, mayLack: false };
  for (const member of members.live) {
    if (isBehind(member, notes)) continue;
    if (isInStep(member, notes) || (await isFilled(members, member))) return { hub: member, mayLack: false };
  }
  // What is empty has nothing for one that is behind; and the last one that is left is not taken out.
  const behind = members.live.find((member) => isBehind(member, notes));
  return { hub: behind ?? members.lead, mayLack: true };
}

/**
 * A mirror that is begun anew from upstream has none of the holds and reverts of the one before, and its tags would
 * pass for the later ones. So where one that is away may hold the mirror, what is begun without it is behind that one.
 */
async function whoMayHoldMore(
  members: ReplicaSet,
  hub: Replica,
  notes: readonly StoreNote[],
): Promise<Replica | undefined> {
  const away = members.all.find((member) => !members.isLive(member) && !member.isNew);
  if (away === undefined || isInStep(hub, notes)) return undefined;
  if (isBehind(hub, notes)) return away;
  const holds = await members.attempt(hub, () => holdsMirror(hub));
  return holds?.value === false ? away : undefined;
}

/** False too for a store that fails when it is asked, which is taken out. */
async function isFilled(members: ReplicaSet, member: Replica): Promise<boolean> {
  const holds = await members.attempt(member, () => holdsMirror(member));
  return holds?.value === true;
}

/** Whether it has ever been filled to an end: a catalogue is the last thing that is written. */
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
  readonly hub: Replica;
  readonly isWhole: boolean;
  readonly behind: readonly Replica[];
  readonly evidence: Evidence;
}

/**
 * The others are told first, and the store that all was copied from only if it was told nothing else meanwhile:
 * another run that goes on without one of them says so again when it ends.
 */
async function certify(
  environment: Environment,
  members: ReplicaSet,
  { hub, isWhole, behind, evidence }: Alignment,
): Promise<void> {
  const { told, notes, current } = evidence;
  const live = members.live.filter((member) => member === hub || isWhole);
  // By its own word alone, because the writer of another store could name any number of stores.
  const removed = (told.get(hub) ?? []).filter(
    (note) => note.inStep && !members.all.some(({ bucket }) => bucket.name === note.store),
  );
  // One store alone has nobody to be in step with.
  const isNew =
    members.all.length > 1 &&
    isWhole &&
    live.some((member) => !isInStep(member, notes) || !current.has(member));
  if (!isNew && removed.length === 0) return;
  const { clock } = environment;
  const now = clock.now();
  const certificate = (store: string, id: string | undefined, inStep: boolean): StoreNote => {
    const at = certifiedAt(now, evidence.latest.get(store));
    const reason = inStep ? undefined : 'A run was made without this store.';
    return { store, id, inStep, since: now.toISOString(), at, run: `${environment.run} ${at}`, reason };
  };
  const news = [
    ...(isNew ? live : []).map(({ bucket, id }) => certificate(bucket.name, id, true)),
    ...removed.map(({ store, id }) => certificate(store, id, false)),
  ];
  const others = live.filter((member) => member !== hub);
  for (const member of others) {
    await members.attempt(member, () => writeNotes(members.keeperOf(member), news));
  }
  await members.tell();
  const known = told.get(hub);
  if (known === undefined || !members.isLive(hub)) return;
  const written = await members.attempt(hub, () => writeNotesIfSame(members.keeperOf(hub), known, news));
  if (written?.value !== 'conflict') return;
  for (const member of behind) {
    const message = `${member.store.name}: another run has written without this store while this run caught it up.`;
    members.takeOut(member, new StoreError(message));
  }
  await members.tell();
}

/**
 * Later than each note that it settles, whatever the clocks of earlier runs said.
 * @param latest the latest time of a note about the same store
 */
function certifiedAt(now: Date, latest: string | undefined): string {
  const next = latest === undefined ? 0 : Date.parse(latest) + 1;
  return new Date(Math.max(now.getTime(), next)).toISOString();
}

async function readNotes(store: Store): Promise<readonly StoreNote[]> {
  const object = await store.get(STORES_KEY);
  return object === undefined ? [] : decodeNotes(object.bytes);
}

function isKnown({ bucket }: Replica, notes: readonly StoreNote[]): boolean {
  return notes.some(({ store }) => store === bucket.name);
}
