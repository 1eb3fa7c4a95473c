/**
 * Several stores, each of them a whole mirror: which ones a run writes, which one it reads, and which ones it has
 * removed because they failed. docs/decisions/0008-several-stores.md
 *
 * The primary is the store that the configuration lists first. The lead is the first live store: the one that is read.
 */
import { CaughtUpTags } from './caught-up-tags.ts';
import type { Environment } from '../environment.ts';
import { StatusSigner } from './status-signer.ts';
import { isLargeObject } from '../store/large-object-error.ts';
import type { StoreReport } from '../report.ts';
import type { OtherObject } from '../run-state.ts';
import { insideSentence } from '../store/store-name.ts';
import { certifiedAt, type ReplicaStatus } from './replica-status.ts';
import { writeStatuses, type StatusTarget } from './status-writer.ts';
import {
  StoppedError,
  StoreError,
  UndecidedError,
  type ComparableStore,
  type Store,
} from '../store/store.ts';

export interface Replica {
  /** For comparing and copying from it. */
  readonly bucket: ComparableStore;
  /** For reading and writing it: the bucket below the layers of assembly/store-layers.ts. */
  readonly store: Store;
  /** The id of the bucket; undefined if it could not be read. */
  readonly id: string | undefined;
  /** Whether it was empty, and this run has made it Lifeboat's. False for a store that does not answer. */
  readonly isNew: boolean;
  /** The secret of its key, which signs the statuses of it; undefined for a key that changes from run to run. */
  readonly secret: string | undefined;
}

/** Why a store is not used for the rest of the run. */
interface Removal {
  /** ISO 8601, UTC. */
  readonly since: string;
  readonly reason: string;
  /** Whether no run catches it up before a person has decided something. */
  readonly isUndecided: boolean;
}

/** The result of a call, or undefined if its store was removed. */
export type Attempt<Value> = { readonly value: Value } | undefined;

export class ReplicaSet {
  readonly all: readonly Replica[];
  readonly signer: StatusSigner;
  /** The tags that this run has changed in a store to catch it up. */
  readonly caughtUpTags = new CaughtUpTags();
  readonly #environment: Pick<Environment, 'clock' | 'log' | 'run'>;
  #live: readonly Replica[];
  readonly #removed = new Map<Replica, Removal>();
  /** When each store fell behind that was behind when the run began. ISO 8601, UTC. */
  readonly #behindSince = new Map<Replica, string>();
  readonly #caughtUp = new Map<Replica, { readonly objects: number; readonly bytes: number }>();
  /** The absent store without whose holds and reverts the live stores are filled from upstream. */
  #startedOverWithout: Replica | undefined;
  /** Statuses of stores that this configuration does not list, and that were in step with these. */
  #unlisted: readonly ReplicaStatus[] = [];
  /** How many absent stores, removed or unlisted, the live ones already know about. */
  #publishedCount = 0;
  #publishing: Promise<void> | undefined;

  /**
   * @param replicas the primary first
   * @param stateKey signs the statuses instead of the stores' own secrets
   */
  constructor(
    replicas: readonly Replica[],
    environment: Pick<Environment, 'clock' | 'log' | 'run'>,
    stateKey?: string,
  ) {
    this.all = replicas;
    this.signer = new StatusSigner(
      (name) => stateKey ?? replicas.find(({ bucket }) => bucket.name === name)?.secret,
    );
    this.#live = replicas;
    this.#environment = environment;
  }

  /** The stores that are written, the lead first. Never empty. */
  get live(): readonly Replica[] {
    return this.#live;
  }

  /** The store that is read. */
  get lead(): Replica {
    const [lead] = this.#live;
    if (lead === undefined) throw new StoreError('There is no store.');
    return lead;
  }

  isLive(replica: Replica): boolean {
    return this.#live.includes(replica);
  }

  /** @returns what it takes to write statuses into a store */
  statusTargetOf({ store, bucket, id }: Replica): StatusTarget {
    return { store, holder: { name: bucket.name, id }, signer: this.signer };
  }

  /** Whether it will be believed that a store is behind when the store is back. */
  isStatusProvable(replica: Replica): boolean {
    const { all, signer } = this;
    return (
      signer.canSign(replica.bucket.name) ||
      !this.#live.some((one) => all.indexOf(one) > all.indexOf(replica))
    );
  }

  /**
   * Makes a call, and removes the store for the rest of the run if the call fails.
   * @throws {StoreError} if it is the last store
   * @throws {StoppedError} and whatever else is no failure of the store
   */
  async attempt<Value>(replica: Replica, call: () => Promise<Value>): Promise<Attempt<Value>> {
    try {
      return { value: await call() };
    } catch (error) {
      // The signal came in the middle of a part. If the store was removed for it, the next run would have to compare it.
      if (error instanceof StoppedError) throw error;
      this.remove(replica, error);
      return undefined;
    }
  }

  /** Reads an object from each later store. One that fails is removed. */
  async readOthers(key: string): Promise<readonly OtherObject[]> {
    const objects: OtherObject[] = [];
    for (const replica of this.#live.slice(1)) {
      const read = await this.attempt(replica, () => replica.store.get(key));
      if (read?.value !== undefined) objects.push({ store: replica.bucket.name, object: read.value });
    }
    return objects;
  }

  /** @throws the error itself, if it is no failure of a store or if this is the last store */
  remove(replica: Replica, error: unknown): void {
    if (!(error instanceof StoreError)) throw error;
    if (!this.isLive(replica)) return;
    if (this.#live.length === 1) throw error;
    this.#live = this.#live.filter((one) => one !== replica);
    const since = this.#behindSince.get(replica) ?? this.#environment.clock.now().toISOString();
    const isUndecided = error instanceof UndecidedError;
    this.#removed.set(replica, { since, reason: error.message, isUndecided });
    this.#environment.log.warn(
      `${error.message} This run goes on without this store${isUndecided ? '.' : `; ${this.#nextOf(replica, error)}`}`,
    );
  }

  #nextOf(replica: Replica, error: StoreError): string {
    if (this.isStatusProvable(replica)) {
      return isLargeObject(error)
        ? 'a run catches it up when that object is deleted or replaced.'
        : 'the next run that reaches it catches it up.';
    }
    return 'when it is back, somebody has to decide which store is right, because its key is not in the configuration and there is no stateKey (docs/stores.md).';
  }

  /** Records what earlier runs say of a store: unless this run catches it up, it is behind since then. */
  recordBehindSince(replica: Replica, since: string): void {
    this.#behindSince.set(replica, since);
    const removal = this.#removed.get(replica);
    if (removal !== undefined) this.#removed.set(replica, { ...removal, since });
  }

  /**
   * Keeps an absent store undecided, as an earlier run has recorded it. A plain status would be signed, and would count
   * against the store once people list it first.
   */
  keepUndecided(replica: Replica): void {
    const removal = this.#removed.get(replica);
    if (removal === undefined || removal.isUndecided) return;
    const next =
      'An earlier run left it out as undecided, so somebody has to decide which store is right, unless that is done already (docs/stores.md).';
    this.#removed.set(replica, { ...removal, reason: `${removal.reason} ${next}`, isUndecided: true });
    this.#environment.log.warn(`${replica.bucket.name}: ${next}`);
  }

  /** Fills the live stores without what `holder`, which is absent, may hold. From now on they are behind that store. */
  startOver(catchUpSource: Replica, holder: Replica): void {
    if (this.#startedOverWithout !== undefined) return;
    this.#startedOverWithout = holder;
    this.#environment.log.warn(
      `${catchUpSource.bucket.name} is not known to hold a whole mirror, so it is filled from upstream, without the holds and the reverts that ${insideSentence(holder.bucket.name)} may have. When that store is back, its holds and reverts count.`,
    );
  }

  /**
   * Puts the stores behind that were in step and that this configuration does not list, because the listed ones are written without
   * them. Only the statuses of one store count, because the writer of another store could name any number of stores.
   * @param catchUpSource the store whose statuses count
   */
  recordUnlisted(
    catchUpSource: Replica,
    {
      byHolder,
      latest,
    }: {
      readonly byHolder: ReadonlyMap<Replica, readonly ReplicaStatus[]>;
      readonly latest: ReadonlyMap<string, string>;
    },
  ): void {
    const { clock, run } = this.#environment;
    const now = clock.now();
    this.#unlisted = (byHolder.get(catchUpSource) ?? [])
      .filter(({ store, inStep }) => inStep && !this.all.some(({ bucket }) => bucket.name === store))
      .map(({ store, id }) => {
        const at = certifiedAt(now, latest.get(store));
        const reason = 'A run was made without this store.';
        return { store, id, inStep: false, since: now.toISOString(), at, run: `${run} ${at}`, reason };
      });
    if (this.#unlisted.length > 0) this.#publishedCount = 0;
  }

  /** Why it was removed. */
  reasonOf(replica: Replica): string {
    return this.#removed.get(replica)?.reason ?? '';
  }

  /**
   * Records that a store was behind and is in step now.
   * @param copied left out for a new store, of which nobody needs to hear that it was filled
   */
  recordCaughtUp(replica: Replica, copied?: { readonly objects: number; readonly bytes: number }): void {
    this.#behindSince.delete(replica);
    if (copied !== undefined) this.#caughtUp.set(replica, copied);
  }

  /**
   * Returns when each live store says which stores are behind. Await it before any live store gets what an absent one
   * lacks, so that the next run knows of it even if this one dies.
   * @throws {StoreError}
   */
  async publishStatus(): Promise<void> {
    if (this.#publishedCount === this.#absentCount) return;
    this.#publishing ??= this.#publish().finally(() => {
      this.#publishing = undefined;
    });
    await this.#publishing;
  }

  /** Publishes everything again, because another run may have caught a store up meanwhile from less than there is now. */
  async publishStatusAgain(): Promise<void> {
    this.#publishedCount = 0;
    await this.publishStatus();
  }

  async #publish(): Promise<void> {
    while (this.#publishedCount < this.#absentCount) {
      const count = this.#absentCount;
      const statuses = [...this.#statuses(), ...this.#unlisted];
      for (const replica of this.#live) {
        await this.attempt(replica, () => writeStatuses(this.statusTargetOf(replica), statuses));
      }
      this.#publishedCount = count;
    }
  }

  get #absentCount(): number {
    return this.#removed.size + this.#unlisted.length;
  }

  #statuses(): ReplicaStatus[] {
    const { clock, run } = this.#environment;
    const now = clock.now().toISOString();
    const holder = this.#startedOverWithout;
    const behind: readonly (readonly [Replica, Pick<Removal, 'since' | 'reason'> & Partial<Removal>])[] =
      holder === undefined
        ? [...this.#removed]
        : this.#live.map((replica) => [
            replica,
            {
              since: now,
              reason: `This store was begun anew without ${insideSentence(holder.bucket.name)}.`,
            },
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
    return this.all.map((replica) => {
      const { name } = replica.bucket;
      const copied = this.#caughtUp.get(replica);
      const removal = this.#removed.get(replica);
      if (removal === undefined) return { name, state: 'in step', ...(copied !== undefined && { copied }) };
      const { since, reason, isUndecided } = removal;
      return { name, state: 'behind', since, reason, ...(isUndecided && { undecided: true }) };
    });
  }
}
