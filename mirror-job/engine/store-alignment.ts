/**
 * Which of several stores are in step when a run begins, and those that are not: caught up from one that is, or,
 * where nothing is known of any, joined. docs/decisions/0008-several-stores.md
 */
import { changeObject } from './guarded-write.ts';
import { STORES_KEY } from '../../core/layout.ts';
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
  while (!(await align(environment, members, told, notes))) {
    // The store that all was copied from has failed: there is one less, and another one to copy from.
  }
}

/**
 * For who writes a little and has no time to catch anything up: leaves only stores that are in step or, where none is
 * known to be, the first one.
 * @throws {StoreError} when no store is left
 */
export async function keepAligned(members: StoreMembers): Promise<void> {
  const notes = [...(await readAllNotes(members)).values()].flat();
  const hub = members.live.find((member) => isInStep(member, notes)) ?? members.lead;
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

/** @returns false when the store that the others go by was taken out, and all is to be decided again */
async function align(
  environment: Environment,
  members: StoreMembers,
  told: ReadonlyMap<Member, readonly StoreNote[]>,
  notes: readonly StoreNote[],
): Promise<boolean> {
  const isCertain = (member: Member): boolean => isInStep(member, notes);
  const hub = members.live.find(isCertain) ?? members.lead;
  const others = members.live.filter((member) => member !== hub);
  if (!isCertain(hub)) {
    // What any other store has, it may lack: for of nothing is it known to be whole.
    for (const member of others) await bring(environment, members, member, hub, 'newer');
  }
  const isWhole = isCertain(hub) || members.all.every((member) => members.isLive(member));
  const behind = others.filter((member) => !isCertain(member));
  for (const member of behind) {
    const copied = await bring(environment, members, hub, member, 'from');
    if (copied !== undefined && isKnown(member, notes)) members.noteCaughtUp(member, copied);
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
      const message = `${to.store.name}: the run was stopped before it was caught up.`;
      members.takeOut(to, new StoreError(message, { cause: error }));
    } else {
      // What is behind would have to ask upstream for all that it lacks: not for one read that has failed.
      const isLost = error instanceof OriginError && (rule === 'newer' || !(await answers(from)));
      members.takeOut(isLost ? from : to, error);
    }
    return undefined;
  }
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
      reason: 'It was not among the stores of a run.',
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
    const message = `${member.store.name}: another run has written without it while it was caught up.`;
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

function isKnown({ bucket }: Member, notes: readonly StoreNote[]): boolean {
  return notes.some(({ store }) => store === bucket.name);
}
