/**
 * Which notes count when a run begins. A store that is noted as behind is overwritten from another one, so the writer
 * of one store must not be able to say it of the stores before it. docs/decisions/0092-signed-notes.md
 */
import { STORES_KEY } from '../../../core/layout.ts';
import type { Replica, ReplicaSet } from './replica-set.ts';
import { amid } from '../store/store-name.ts';
import type { StoreNote } from './replica-status.ts';
import { UndecidedError } from '../store/store.ts';

/** What each store that answers said when the run began, and what this run has had it say of itself since. */
export type ToldNotes = Map<Replica, readonly StoreNote[]>;

export interface Evidence {
  readonly told: ToldNotes;
  /** The notes that count. */
  readonly notes: readonly StoreNote[];
  /** Stores whose notes are the current ones. Any other store is compared before it counts as in step. */
  readonly current: ReadonlySet<Replica>;
  /** By the name of a store: the latest time of a note about it that the job wrote. ISO 8601, UTC. */
  readonly latest: ReadonlyMap<string, string>;
}

/**
 * A note that a store is behind counts if it is in that store itself or in one that is listed before it, or if that store was
 * never filled. In a store that is listed later, it has to be signed, and must not be older than what the accused store
 * says of itself: an older one was settled when that store was caught up. A store that accuses an earlier one without a
 * signature is taken out. If people then list it first, the note that it was taken out is in a later store, and counts
 * for nothing: it would undo their decision.
 */
export async function weighNotes(
  members: ReplicaSet,
  told: ToldNotes,
  isFilled: (member: Replica) => Promise<boolean>,
): Promise<Evidence> {
  const genuine = await genuineNotes(members, told);
  const outdated = new Set<StoreNote>();
  // It takes a listing to see whether a store was filled, and each later store may accuse it.
  const filled = new Map<Replica, boolean>();
  for (const { holder, note, accused } of accusations(members, told)) {
    if (!members.isLive(accused) || !members.isLive(holder)) continue;
    const own = ownNote(accused, told);
    if (genuine.has(note) && own !== undefined && note.at >= own.at) continue;
    // What was never filled has nothing to lose, and may be filled from any store.
    const hasMirror = filled.get(accused) ?? (await isFilled(accused));
    filled.set(accused, hasMirror);
    if (!hasMirror) continue;
    if (!genuine.has(note) && note.undecided !== true)
      members.takeOut(holder, unsignedError(holder, accused));
    outdated.add(note);
  }
  const notes = [...told].flatMap(([holder, all]) =>
    members.isLive(holder) ? all.filter((note) => !outdated.has(note)) : [],
  );
  const current = members.live.filter((holder) => isCurrent(holder, members, told, genuine));
  return { told, notes, current: new Set(current), latest: latestTimes(genuine) };
}

/** The year from which times are too close to the last one that can be written to go by: the next one has to be later. */
const TOO_LATE = '9999';

/** One store at a time, because whoever has the secret of one store can sign any time, but only about that store. */
function latestTimes(genuine: Iterable<StoreNote>): ReadonlyMap<string, string> {
  const latest = new Map<string, string>();
  for (const { store, at } of genuine) {
    if (at < TOO_LATE && at > (latest.get(store) ?? '')) latest.set(store, at);
  }
  return latest;
}

async function genuineNotes(members: ReplicaSet, told: ToldNotes): Promise<ReadonlySet<StoreNote>> {
  const genuine = new Set<StoreNote>();
  for (const [member, notes] of told) {
    const { holder, signer } = members.keeperOf(member);
    for (const note of notes) if (await signer.isGenuine(note, holder)) genuine.add(note);
  }
  return genuine;
}

interface Accusation {
  readonly holder: Replica;
  readonly note: StoreNote;
  readonly accused: Replica;
}

/** The notes by which a store says of one that is listed before it that it is behind. */
function accusations({ all }: ReplicaSet, told: ToldNotes): Accusation[] {
  return [...told].flatMap(([holder, notes]) =>
    notes.flatMap((note) => {
      const accused = all.slice(0, all.indexOf(holder)).find((member) => isAbout(note, member));
      return note.inStep || accused === undefined ? [] : [{ holder, note, accused }];
    }),
  );
}

function unsignedError(holder: Replica, accused: Replica): UndecidedError {
  const [said, of] = [holder.bucket.name, amid(accused.bucket.name)];
  return new UndecidedError(
    `${said} says that ${of}, which is listed before it, is behind. Nothing shows that this job wrote that, so nothing was copied from it. If ${of} has the right tags, delete ${STORES_KEY} of ${amid(said)}. If ${amid(said)} has them, list it first until both are in step. Also look for who else can write into it: docs/stores.md tells when a signature is missing.`,
  );
}

/** Whether a store says the same of each live store as that store itself, in notes that the job wrote. */
function isCurrent(
  holder: Replica,
  { live, signer }: ReplicaSet,
  told: ToldNotes,
  genuine: ReadonlySet<StoreNote>,
): boolean {
  return live.every((member) => {
    const note = told.get(holder)?.find((one) => isInStepNote(one, member));
    if (note === undefined || note.run !== ownNote(member, told)?.run) return false;
    return genuine.has(note) || !signer.canSign(member.bucket.name);
  });
}

function ownNote(member: Replica, told: ToldNotes): StoreNote | undefined {
  return told.get(member)?.find((note) => isAbout(note, member));
}

/** A store that does not answer does not tell its id. */
export function isAbout(note: StoreNote, { bucket, id }: Replica): boolean {
  return note.store === bucket.name && (note.id === undefined || id === undefined || note.id === id);
}

function isInStepNote(note: StoreNote, { bucket, id }: Replica): boolean {
  return note.inStep && note.store === bucket.name && note.id === id;
}

/** One note that says no outweighs all that say yes, because those stores have not heard of it. */
export function isInStep(member: Replica, notes: readonly StoreNote[]): boolean {
  return notes.some((note) => isInStepNote(note, member)) && !isBehind(member, notes);
}

/** Whether some store says so of this very bucket. */
export function isBehind(member: Replica, notes: readonly StoreNote[]): boolean {
  return notes.some((note) => isAbout(note, member) && !note.inStep);
}
