/**
 * Several stores, each a whole mirror: which of them are written, which is read, and who has been told of one that
 * is not any more. docs/decisions/0008-several-stores.md
 */
import { CaughtUpTags } from './caught-up-tags.ts';
import type { Environment } from '../environment.ts';
import { NoteSigner } from './status-signature.ts';
import { isLargeObject } from '../store/large-object-error.ts';
import type { StoreReport } from '../report.ts';
import { amid } from '../store/store-name.ts';
import { writeNotes, type NoteKeeper, type StoreNote } from './replica-status.ts';
import {
  StoppedError,
  StoreError,
  UndecidedError,
  type ComparableStore,
  type Store,
} from '../store/store.ts';

export interface Replica {
  /** Compared and copied from. */
  readonly bucket: ComparableStore;
  /** Written and read: the same, or the same without conditions. */
  readonly store: Store;
  /** Of the bucket; undefined where it could not be read. */
  readonly id: string | undefined;
  /** Whether this run has made it Lifeboat's: it was empty. False for one that does not answer. */
  readonly isNew: boolean;
  /** The secret of its key, which signs the notes about it; undefined for a key that changes from run to run. */
  readonly secret: string | undefined;
}

interface Out {
  readonly since: string;
  readonly reason: string;
  /** No run catches it up before a person has decided something. */
  readonly isUndecided: boolean;
}

/** What a call has given, or that its store is not asked any more. */
export type Attempt<Value> = { readonly value: Value } | undefined;

export class ReplicaSet {
  readonly all: readonly Replica[];
  readonly signer: NoteSigner;
  /** The tags that this run has changed in a store to catch it up. */
  readonly caughtUpTags = new CaughtUpTags();
  readonly #environment: Pick<Environment, 'clock' | 'log' | 'run'>;
  #live: readonly Replica[];
  readonly #out = new Map<Replica, Out>();
  /** Of those that were behind when the run began: since when. */
  readonly #behindSince = new Map<Replica, string>();
  readonly #caughtUp = new Map<Replica, { readonly objects: number; readonly bytes: number }>();
  /** For which one that is away what is live is begun anew. */
  #anewWithout: Replica | undefined;
  /** Of how many that are out the others were told. */
  #told = 0;
  #telling: Promise<void> | undefined;

  /**
   * @param members the primary first
   * @param stateKey signs the notes instead of the stores' own secrets
   */
  constructor(
    members: readonly Replica[],
    environment: Pick<Environment, 'clock' | 'log' | 'run'>,
    stateKey?: string,
  ) {
    this.all = members;
    this.signer = new NoteSigner(
      (name) => stateKey ?? members.find(({ bucket }) => bucket.name === name)?.secret,
    );
    this.#live = members;
    this.#environment = environment;
  }

  /** Those that are written, the one that is read first. Never empty. */
  get live(): readonly Replica[] {
    return this.#live;
  }

  get lead(): Replica {
    const [lead] = this.#live;
    if (lead === undefined) throw new StoreError('There is no store.');
    return lead;
  }

  isLive(member: Replica): boolean {
    return this.#live.includes(member);
  }

  /** What it takes to write notes into a store. */
  keeperOf({ store, bucket, id }: Replica): NoteKeeper {
    return { store, holder: { name: bucket.name, id }, signer: this.signer };
  }

  /** Whether the notes of the stores after it will be believed when it is back. */
  isVouchedFor(member: Replica): boolean {
    const { all, signer } = this;
    return (
      signer.canSign(member.bucket.name) || !this.#live.some((one) => all.indexOf(one) > all.indexOf(member))
    );
  }

  /**
   * Does it, or takes the store out for the rest of the run.
   * @throws {StoreError} when it is the last one; what is no failure of a store, {StoppedError} for one
   */
  async attempt<Value>(member: Replica, call: () => Promise<Value>): Promise<Attempt<Value>> {
    try {
      return { value: await call() };
    } catch (error) {
      // It would have to be compared next time, because of a signal that came in the middle of a part.
      if (error instanceof StoppedError) throw error;
      this.takeOut(member, error);
      return undefined;
    }
  }

  /** @throws what it is given, where that is no failure of a store, or of the only one that is left */
  takeOut(member: Replica, error: unknown): void {
    if (!(error instanceof StoreError)) throw error;
    if (!this.isLive(member)) return;
    if (this.#live.length === 1) throw error;
    this.#live = this.#live.filter((one) => one !== member);
    const since = this.#behindSince.get(member) ?? this.#environment.clock.now().toISOString();
    const isUndecided = error instanceof UndecidedError;
    this.#out.set(member, { since, reason: error.message, isUndecided });
    this.#environment.log.warn(
      `${error.message} This run goes on without this store${isUndecided ? '.' : `; ${this.#nextOf(member, error)}`}`,
    );
  }

  #nextOf(member: Replica, error: StoreError): string {
    if (this.isVouchedFor(member)) {
      return isLargeObject(error)
        ? 'a run catches it up when that object is deleted or replaced.'
        : 'the next run that reaches it catches it up.';
    }
    return 'when it is back, somebody has to decide which store is right, because its key is not in the configuration and there is no stateKey (docs/stores.md).';
  }

  /** What was noted of one before this run: unless it is caught up, it is behind since then. */
  noteBehindSince(member: Replica, since: string): void {
    this.#behindSince.set(member, since);
    const out = this.#out.get(member);
    if (out !== undefined) this.#out.set(member, { ...out, since });
  }

  /**
   * Has one that is away stay undecided, as a run before this one has noted. A plain note would be signed, and would count
   * against the store once it is listed first.
   */
  keepUndecided(member: Replica): void {
    const out = this.#out.get(member);
    if (out === undefined || out.isUndecided) return;
    const next =
      'An earlier run left it out as undecided, so somebody has to decide which store is right, unless that is done already (docs/stores.md).';
    this.#out.set(member, { ...out, reason: `${out.reason} ${next}`, isUndecided: true });
    this.#environment.log.warn(`${member.bucket.name}: ${next}`);
  }

  /** What is live knows nothing of what `holder`, which is away, may hold: it is that one which is behind from now on. */
  beginAnew(hub: Replica, holder: Replica): void {
    if (this.#anewWithout !== undefined) return;
    this.#anewWithout = holder;
    this.#environment.log.warn(
      `${hub.bucket.name} is not known to hold a whole mirror, so it is filled from upstream, without the holds and the reverts that ${amid(holder.bucket.name)} may have. When that store is back, its holds and reverts count.`,
    );
  }

  /** Why it was taken out. */
  reasonOf(member: Replica): string {
    return this.#out.get(member)?.reason ?? '';
  }

  /**
   * It was behind, and is not any more.
   * @param copied left out for one that is new: that it is filled is no news
   */
  noteCaughtUp(member: Replica, copied?: { readonly objects: number; readonly bytes: number }): void {
    this.#behindSince.delete(member);
    if (copied !== undefined) this.#caughtUp.set(member, copied);
  }

  /**
   * Returns when each live store knows which ones are behind: to be awaited before any of them is given what one
   * that is out lacks. A run that dies later leaves word of it.
   * @throws {StoreError}
   */
  async tell(): Promise<void> {
    if (this.#told === this.#out.size) return;
    this.#telling ??= this.#tell().finally(() => {
      this.#telling = undefined;
    });
    await this.#telling;
  }

  /** Once more, whatever was told: another run may have caught one up meanwhile, from less than there is by now. */
  async tellAgain(): Promise<void> {
    this.#told = 0;
    await this.tell();
  }

  async #tell(): Promise<void> {
    while (this.#told < this.#out.size) {
      const count = this.#out.size;
      const notes = this.#notes();
      for (const member of this.#live) {
        await this.attempt(member, () => writeNotes(this.keeperOf(member), notes));
      }
      this.#told = count;
    }
  }

  #notes(): StoreNote[] {
    const { clock, run } = this.#environment;
    const now = clock.now().toISOString();
    const holder = this.#anewWithout;
    const behind: readonly (readonly [Replica, Pick<Out, 'since' | 'reason'> & Partial<Out>])[] =
      holder === undefined
        ? [...this.#out]
        : this.#live.map((member) => [
            member,
            { since: now, reason: `This store was begun anew without ${amid(holder.bucket.name)}.` },
          ]);
    return behind.map(([{ bucket, id }, { since, reason, isUndecided = false }]) => ({
      store: bucket.name,
      id,
      inStep: false,
      since,
      at: now,
      run: `${run} ${now}`,
      reason,
      undecided: isUndecided ? true : undefined,
    }));
  }

  report(): StoreReport[] {
    return this.all.map((member) => {
      const { name } = member.bucket;
      const copied = this.#caughtUp.get(member);
      const out = this.#out.get(member);
      if (out === undefined) return { name, state: 'in step', ...(copied !== undefined && { copied }) };
      const { since, reason, isUndecided } = out;
      return { name, state: 'behind', since, reason, ...(isUndecided && { undecided: true }) };
    });
  }
}
