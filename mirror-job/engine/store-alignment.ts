/**
 * Which of several stores are in step when a run begins, and those that are not: caught up from one that is, or,
 * where nothing is known of any, joined. docs/decisions/0008-several-stores.md
 */
import { changeObject } from './guarded-write.ts';
import { kindOfKey } from '../../core/key-kind.ts';
import { STATE, STORES_KEY } from '../../core/layout.ts';
import { catchUp, type CaughtUp } from './catch-up.ts';
import type { Rule } from './catch-up-merge.ts';
import { OriginError } from './catch-up-origin.ts';
import type { Environment } from './environment.ts';
import type { Member, StoreMembers } from './store-members.ts';
import { decodeNotes, encodeNotes, mergeNotes, writeNotes, type StoreNote } from './store-notes.ts';
import { StoreError, type Store } from './store.ts';

/**
 * Leaves only stores in it that are in step, or else takes them out. Never throws for what goes wrong with one
 * while there is another.
 * @throws {StoreError} when no store is left
 */
export async function alignStores(environment: Environment, members: StoreMembers): Promise<void> {
  const told = await readAllNotes(members);
  const notes = [...told.values()].flat();
  for (const member of members.all) {
    const since = notes.find((note) => isOf(note, member) && !note.inStep)?.since;
    if (since !== undefined) members.noteBehindSince(member, since);
  }
  while (!(await align(environment, members, told, notes))) {
    // A store that may be copied from has failed: there is one less.
  }
}

/**
 * For who writes a little and has no time to catch anything up: leaves only stores that are in step or, where none is
 * known to be, the one that the others will be caught up from.
 * @throws {StoreError} when no store is left, or what is decided now would not count in the end
 */
export async function keepAligned(members: StoreMembers): Promise<void> {
  const notes = [...(await readAllNotes(members)).values()].flat();
  const hub = await findHub(members, notes);
  const holder = await whoMayHoldMore(members, hub, notes);
  if (!members.isLive(hub)) return keepAligned(members);
  if (holder !== undefined) {
    throw new StoreError(
      `${hub.bucket.name} was begun anew without another store, whose tags count when it is back. ${members.reasonOf(holder)} Wait until that store answers, or take it out of stores if it is lost.`,
    );
  }
  for (const member of members.live) {
    if (member === hub || isInStep(member, notes)) continue;
    members.takeOut(member, new StoreError(`${member.bucket.name} is not in step with the others.`));
  }
  await members.tell();
}

async function readAllNotes(members: StoreMembers): Promise<ReadonlyMap<Member, readonly StoreNote[]>> {
  const told = new Map<Member, readonly StoreNote[]>();
  for (const member of members.live) {
    const read = await members.attempt(member, () => readNotes(member.store));
    if (read !== undefined) told.set(member, read.value);
  }
  return told;
}

/** @returns false when a store was taken out by which others may go, and all is to be decided again */
async function align(
  environment: Environment,
  members: StoreMembers,
  told: ReadonlyMap<Member, readonly StoreNote[]>,
  notes: readonly StoreNote[],
): Promise<boolean> {
  const isCertain = (member: Member): boolean => isInStep(member, notes);
  const hub = await findHub(members, notes);
  const holder = await whoMayHoldMore(members, hub, notes);
  if (!members.isLive(hub)) return false;
  if (holder !== undefined) members.beginAnew(hub, holder);
  await members.tell();
  const others = members.live.filter((member) => member !== hub);
  if (!isCertain(hub)) {
    // What any other store has, it may lack: for of nothing is it known to be whole.
    for (const member of others) {
      if (isBehind(hub, notes) || !isBehind(member, notes)) {
        await bring(environment, members, member, hub, 'newer');
      }
    }
    // Without one of them, this may be another store's part, or begin anew.
    if (members.live.length <= others.length) return false;
  }
  const isWhole = isCertain(hub) || members.all.every((member) => members.isLive(member));
  const behind = others.filter((member) => !isCertain(member));
  for (const member of behind) {
    const copied = await bring(environment, members, hub, member, 'from');
    if (copied !== undefined) members.noteCaughtUp(member, isKnown(member, notes) ? copied : undefined);
  }
  await members.tell();
  if (!members.isLive(hub)) return false;
  await certify(environment, members, { hub, isWhole, behind, told, notes });
  return true;
}

/** Whichever of the two fails is taken out; where it still answers, the one that is behind. */
async function bring(
  environment: Environment,
  members: StoreMembers,
  from: Member,
  to: Member,
  rule: Rule,
): Promise<CaughtUp | undefined> {
  if (!members.isLive(from) || !members.isLive(to)) return undefined;
  try {
    return await catchUp(environment, from, to, rule);
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
async function isWorthKeeping(from: Member, to: Member, rule: Rule): Promise<boolean> {
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

/** The one that the others are caught up from: in step, or else a mirror that nobody says is behind, or else the first. */
async function findHub(members: StoreMembers, notes: readonly StoreNote[]): Promise<Member> {
  const certain = members.live.find((member) => isInStep(member, notes));
  const behind = members.live.find((member) => isBehind(member, notes));
  if (certain !== undefined || behind === undefined) return certain ?? members.lead;
  for (const member of members.live) {
    if (isBehind(member, notes)) continue;
    const holds = await members.attempt(member, () => holdsMirror(member));
    if (holds?.value === true) return member;
  }
  // What is empty has nothing for it; and the last one that is left is not taken out.
  return members.isLive(behind) ? behind : members.lead;
}

/**
 * A mirror that is begun anew from upstream has none of the holds and reverts of the one before, and its tags would
 * pass for the later ones. So where one that is away may hold the mirror, what is begun without it is behind that one.
 */
async function whoMayHoldMore(
  members: StoreMembers,
  hub: Member,
  notes: readonly StoreNote[],
): Promise<Member | undefined> {
  const away = members.all.find((member) => !members.isLive(member) && !member.isNew);
  if (away === undefined || isInStep(hub, notes)) return undefined;
  if (isBehind(hub, notes)) return away;
  const holds = await members.attempt(hub, () => holdsMirror(hub));
  return holds?.value === false ? away : undefined;
}

/** Whether it has ever been filled to an end: a catalogue is the last thing that is written. */
async function holdsMirror({ store }: Member): Promise<boolean> {
  const keys = await store.list(STATE, Number.MAX_SAFE_INTEGER);
  return keys.some((key) => kindOfKey(key)?.kind === 'state' && key.endsWith('/catalog.json'));
}

async function answers({ store }: Member): Promise<boolean> {
  try {
    await store.get(STORES_KEY);
    return true;
  } catch (error) {
    if (error instanceof StoreError) return false;
    throw error;
  }
}

interface Alignment {
  readonly hub: Member;
  readonly isWhole: boolean;
  readonly behind: readonly Member[];
  readonly told: ReadonlyMap<Member, readonly StoreNote[]>;
  readonly notes: readonly StoreNote[];
}

/**
 * The others are told first, and the store that all was copied from only if it was told nothing else meanwhile:
 * another run that goes on without one of them says so again when it ends.
 */
async function certify(
  environment: Environment,
  members: StoreMembers,
  { hub, isWhole, behind, told, notes }: Alignment,
): Promise<void> {
  const live = members.live.filter((member) => member === hub || isWhole);
  const removed = notes.filter(
    (note) => note.inStep && !members.all.some(({ bucket }) => bucket.name === note.store),
  );
  // One store alone has nobody to be in step with.
  const isNew = members.all.length > 1 && isWhole && live.some((member) => !isInStep(member, notes));
  if (!isNew && removed.length === 0) return;
  const { clock, run } = environment;
  const since = clock.now().toISOString();
  const news: StoreNote[] = [
    ...(isNew ? live : []).map(({ bucket, id }) => ({ store: bucket.name, id, inStep: true, since, run })),
    ...removed.map(({ store, id }) => ({
      store,
      id,
      inStep: false,
      since,
      run,
      reason: 'A run was made without this store.',
    })),
  ];
  const others = live.filter((member) => member !== hub);
  for (const member of others) await members.attempt(member, () => writeNotes(member.store, news));
  await members.tell();
  const known = told.get(hub);
  if (known === undefined || !members.isLive(hub)) return;
  const written = await members.attempt(hub, () => writeIfSame(hub.store, known, news));
  if (written?.value !== 'conflict') return;
  for (const member of behind) {
    const message = `${member.store.name}: another run has written without this store while this run caught it up.`;
    members.takeOut(member, new StoreError(message));
  }
  await members.tell();
}

async function readNotes(store: Store): Promise<readonly StoreNote[]> {
  const object = await store.get(STORES_KEY);
  return object === undefined ? [] : decodeNotes(object.bytes);
}

/** @returns `conflict` when another run has said something else of one of those that are in step from now on */
async function writeIfSame(
  store: Store,
  notes: readonly StoreNote[],
  news: readonly StoreNote[],
): Promise<'written' | 'conflict'> {
  let result: 'written' | 'conflict' = 'written';
  await changeObject(store, STORES_KEY, 'application/json', (bytes) => {
    const known = bytes === undefined ? [] : decodeNotes(bytes);
    const isOther = news.some((note) => note.inStep && runOf(known, note.store) !== runOf(notes, note.store));
    result = isOther ? 'conflict' : 'written';
    return isOther ? undefined : encodeNotes(mergeNotes(known, news));
  });
  return result;
}

function runOf(notes: readonly StoreNote[], store: string): string | undefined {
  return notes.find((note) => note.store === store)?.run;
}

/** One that says no outweighs all that say yes: they have not heard of it. */
function isInStep({ bucket, id }: Member, notes: readonly StoreNote[]): boolean {
  const own = notes.filter(({ store }) => store === bucket.name);
  return own.some((note) => note.inStep) && own.every((note) => note.inStep && note.id === id);
}

/** Whether some store says so of this very bucket. */
function isBehind(member: Member, notes: readonly StoreNote[]): boolean {
  return notes.some((note) => isOf(note, member) && !note.inStep);
}

/** One that does not answer does not tell its id. */
function isOf(note: StoreNote, { bucket, id }: Member): boolean {
  return note.store === bucket.name && (note.id === undefined || id === undefined || note.id === id);
}

function isKnown({ bucket }: Member, notes: readonly StoreNote[]): boolean {
  return notes.some(({ store }) => store === bucket.name);
}
