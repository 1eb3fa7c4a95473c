/** Checks one bucket against its own promise: what a tag, a pin or a waiting digest needs is there, and right. */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import type { Digest } from '../../../core/digest.ts';
import { decodeIdentity } from '../../../core/identity.ts';
import { blobKey, IDENTITY_KEY, isStateKey } from '../../../core/layout.ts';
import type { Repository } from '../../../core/reference.ts';
import { StoreError, type ComparableStore, type Store } from '../store/store.ts';
import { tryDecode } from '../store/decode-object.ts';
import { createLimit } from '../support/limit.ts';
import { checkCatalogs, type FoundRepository } from './catalog-check.ts';
import { lookAgain } from './catalog-look.ts';
import { CheckedStore, type EtagProof } from './checked-store.ts';
import { DigestTable } from './digest-table.ts';
import { checkDeep, checkKnownDamage, type DeepEnvironment, type DeepResult } from './deep-check.ts';
import { foundProblem, settled, type Problem } from './problem.ts';
import { checkRepository, type RepositoryCheckOptions, type RepositoryVerdict } from './repository-check.ts';
import { UnfinishedSweep } from './unfinished-sweep.ts';
import { listBlobs, listBucket, listRepository, type RepositoryListing } from './bucket-listing.ts';

/** Repositories that are checked at once. Each is in memory with the names of its objects. */
const REPOSITORIES_AT_ONCE = 8;
const READS_AT_ONCE = 32;
/** The problems, failures and strays that a report has; more of them are only counted. */
const MAX_PROBLEMS = 10_000;
const MAX_REASONS = 100;
const MAX_STRAYS = 1000;

export interface VerifyOptions {
  /** The configuration's name. */
  readonly name: string;
  readonly isEtagOf: EtagProof;
  /** The other stores of the mirror, which may have what this one has lost. */
  readonly others?: readonly ComparableStore[];
  /** Blobs that an earlier check has found to have wrong bytes. They are hashed, whether or not the bucket has a note of them. */
  readonly suspects?: readonly Digest[];
  /** Whether every byte is hashed; left out for what lists and small objects tell. */
  readonly deep?: {
    readonly budgetBytes?: number | undefined;
    /** The store that gets the progress; left out to keep none. */
    readonly state?: Pick<Store, 'put'>;
    readonly onBytes: (bytes: number, total: number) => void;
  };
}

export interface Checked {
  /** Objects that were listed, and their bytes. */
  readonly objects: number;
  readonly bytes: number;
  readonly repositories: number;
  readonly tags: number;
  readonly pins: number;
  readonly candidates: number;
  readonly manifests: number;
  readonly lists: number;
}

export interface StoreResult {
  readonly store: string;
  readonly checked: Checked;
  /** At most 10,000. */
  readonly problems: readonly Problem[];
  readonly problemCount: number;
  /** Why something is not known: sentences, at most 100. If there are some, nobody may call the bucket whole. */
  readonly unknown: readonly string[];
  readonly unknownCount: number;
  /** The images of which a part could not be read. */
  readonly unknownImages: readonly string[];
  /** Objects that no tag, pin or waiting digest needs. They are no problem: `prune` is for them. */
  readonly unneeded: {
    readonly blobs: number;
    readonly bytes: number;
    readonly manifests: number;
    readonly links: number;
  };
  readonly deep?: DeepResult;
}

/** Never throws for what is wrong with the store. @throws the signal's reason */
export async function verifyStore(
  environment: DeepEnvironment,
  store: ComparableStore,
  options: VerifyOptions,
): Promise<StoreResult> {
  return new StoreCheck(environment, store, options).run();
}

type CheckDepth = Pick<RepositoryCheckOptions, 'blobs' | 'isEtagOf' | 'isDeep'>;

class StoreCheck {
  readonly #environment: DeepEnvironment;
  readonly #store: ComparableStore;
  readonly #options: VerifyOptions;
  readonly #problems: Problem[] = [];
  readonly #unknown: string[] = [];
  readonly #unknownImages: string[] = [];
  readonly #repositories = new Map<Repository, FoundRepository>();
  readonly #checked = {
    objects: 0,
    bytes: 0,
    repositories: 0,
    tags: 0,
    pins: 0,
    candidates: 0,
    manifests: 0,
    lists: 0,
  };
  readonly #unneeded = { manifests: 0, links: 0 };
  readonly #limit = createLimit(READS_AT_ONCE);
  #problemCount = 0;
  #unknownCount = 0;
  #strays = 0;
  #sweep: UnfinishedSweep | undefined;

  constructor(environment: DeepEnvironment, store: ComparableStore, options: VerifyOptions) {
    this.#environment = environment;
    this.#store = store;
    this.#options = options;
  }

  async run(): Promise<StoreResult> {
    const { signal } = this.#environment;
    let rest: Pick<StoreResult, 'unneeded' | 'deep'> = {
      unneeded: { blobs: 0, bytes: 0, manifests: 0, links: 0 },
    };
    try {
      await this.#checkIdentity();
      this.#sweep = await UnfinishedSweep.read(this.#store, this.#environment.clock);
      rest = await this.#checkAll();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof StoreError)) throw error;
      this.#addUnknown(error.message);
    }
    const { sentence } = this.#sweep ?? {};
    if (sentence !== undefined) this.#addUnknown(`${this.#store.name}: ${sentence}`);
    return {
      store: this.#store.name,
      checked: this.#checked,
      problems: this.#problems,
      problemCount: this.#problemCount,
      unknown: this.#unknown,
      unknownCount: this.#unknownCount,
      unknownImages: this.#unknownImages.toSorted(),
      ...rest,
    };
  }

  /** @throws {StoreError} for a bucket that is not Lifeboat's, because then nothing in it can be judged */
  async #checkIdentity(): Promise<void> {
    const object = await this.#store.get(IDENTITY_KEY);
    const identity = object === undefined ? undefined : tryDecode(() => decodeIdentity(object.bytes));
    if (identity === undefined) {
      throw new StoreError(
        `${this.#store.name} has no ${IDENTITY_KEY}, so it is not Lifeboat's, or nothing was mirrored into it yet.`,
      );
    }
    if (identity instanceof BucketObjectInvalidError) {
      throw new StoreError(`${this.#store.name}: ${identity.message}`);
    }
  }

  async #checkAll(): Promise<Pick<StoreResult, 'unneeded' | 'deep'>> {
    const { deep: deepOptions, isEtagOf } = this.#options;
    const { damaged, deep } = await this.#checkDeep(deepOptions);
    const blobs = new DigestTable();
    const catalogs: string[] = [];
    const watch = {
      onObject: (size: number) => {
        this.#checked.objects += 1;
        this.#checked.bytes += size;
      },
      onStray: (key: string) => this.#addStray(key),
      // There is a description for each repository, which would take memory.
      onState: (key: string) => {
        if (isStateKey(key, 'catalog.json')) catalogs.push(key);
      },
    };
    const how = { blobs, isEtagOf, isDeep: deep !== undefined };
    const running = new Set<Promise<void>>();
    let failure: unknown;
    for await (const listing of listBucket(this.#store, blobs, watch)) {
      this.#environment.signal.throwIfAborted();
      for (const digest of damaged.splice(0)) blobs.damage(digest);
      const task = this.#checkRepository(listing, how)
        .catch((error: unknown) => {
          failure ??= error;
        })
        .finally(() => running.delete(task));
      running.add(task);
      if (running.size >= REPOSITORIES_AT_ONCE) await Promise.race(running);
    }
    await Promise.all(running);
    if (failure !== undefined) throw failure;
    await this.#checkCatalogs(catalogs, how);
    // If there is no repository.
    for (const digest of damaged) blobs.damage(digest);
    for (const digest of blobs.unneededDamage()) {
      const key = blobKey(digest);
      const message = `the blob ${digest} has other bytes than its digest names. No image needs it now, but the next image that does would get it.`;
      this.#addProblem(settled(foundProblem({ kind: 'blob-bytes', key, digest, message })));
    }
    return { unneeded: { ...blobs.unneeded(), ...this.#unneeded }, ...(deep !== undefined && { deep }) };
  }

  /** @returns the blobs with other bytes as well */
  async #checkDeep(
    options: VerifyOptions['deep'],
  ): Promise<{ readonly damaged: Digest[]; readonly deep: DeepResult | undefined }> {
    if (options === undefined) {
      const known = await checkKnownDamage(this.#environment, this.#store, {
        name: this.#options.name,
        suspects: this.#options.suspects ?? [],
        onUnknown: (reason) => this.#addUnknown(reason),
      });
      return { damaged: [...known], deep: undefined };
    }
    const blobs = await listBlobs(this.#store);
    const deep = await checkDeep(this.#environment, this.#store, blobs, {
      ...options,
      name: this.#options.name,
      onUnknown: (reason) => this.#addUnknown(reason),
    });
    return { damaged: blobs.unneededDamage(), deep };
  }

  async #checkRepository(listing: RepositoryListing, how: CheckDepth): Promise<void> {
    const { repository } = listing;
    let failures: string[] = [];
    const check = (of: RepositoryListing): Promise<RepositoryVerdict> =>
      this.#lookAt(of, { ...how, isListed: false }, (reason) => failures.push(reason));
    let result = await check(listing);
    if (result.problems.length > 0) {
      // A run may have been at work since the listing: only what a second look finds too is wrong.
      failures = [];
      result = await check(await listRepository(this.#store, repository));
    }
    for (const reason of failures) this.#addUnknown(reason);
    for (const problem of result.problems) this.#addProblem(problem);
    this.#unknownImages.push(...result.unknownImages.slice(0, MAX_PROBLEMS - this.#unknownImages.length));
    const { tags, pins, candidates, manifests, lists, unneeded } = result;
    this.#repositories.set(repository, { serving: result.serving, since: result.since });
    this.#checked.repositories += 1;
    this.#checked.tags += tags;
    this.#checked.pins += pins;
    this.#checked.candidates += candidates;
    this.#checked.manifests += manifests;
    this.#checked.lists += lists;
    this.#unneeded.manifests += unneeded.manifests;
    this.#unneeded.links += unneeded.links;
  }

  async #lookAt(
    listing: RepositoryListing,
    how: CheckDepth & Pick<RepositoryCheckOptions, 'isListed'>,
    onUnknown: (reason: string) => unknown,
  ): Promise<RepositoryVerdict> {
    const { others = [] } = this.#options;
    const verdict = await checkRepository(this.#open(onUnknown), {
      ...how,
      listing,
      others: others.map(
        (other) => new CheckedStore(other, this.#limit, this.#environment.signal, onUnknown),
      ),
      isCondemned: (key) => {
        const condemned = this.#sweep?.condemned ?? '';
        // If they are not known, the tag counts as lost here, and a repair does not restore it.
        return typeof condemned !== 'string' && condemned.has(key);
      },
    });
    // A sweep takes a repository off the catalogue first.
    return this.#sweep?.has(listing.repository) === true ? { ...verdict, serving: 'unknown' } : verdict;
  }

  /** @param keys those of the catalogues, when the bucket was listed */
  async #checkCatalogs(keys: readonly string[], how: CheckDepth): Promise<void> {
    let failures: string[] = [];
    const onUnknown = (reason: string): unknown => failures.push(reason);
    const checked = this.#open(onUnknown);
    const [store, { name }, repositories] = [this.#store, this.#options, this.#repositories];
    let problems = await checkCatalogs(checked, name, repositories, keys);
    if (problems.length > 0) {
      failures = [];
      const lookAt = (listing: RepositoryListing): Promise<RepositoryVerdict> =>
        this.#lookAt(listing, { ...how, isListed: true }, onUnknown);
      problems = await lookAgain(problems, { store, checked, name, repositories, lookAt });
    }
    for (const reason of failures) this.#addUnknown(reason);
    for (const problem of problems) if (!this.#hasTag(problem)) this.#addProblem(problem);
  }

  #open(onUnknown: (reason: string) => unknown = (reason) => this.#addUnknown(reason)): CheckedStore {
    return new CheckedStore(this.#store, this.#limit, this.#environment.signal, onUnknown);
  }

  /** Whether a tag was found to be lost already, perhaps because somebody else names it, too. */
  #hasTag({ kind, key }: Problem): boolean {
    return kind === 'tag-missing' && this.#problems.some((one) => one.kind === kind && one.key === key);
  }

  #addProblem(problem: Problem): void {
    if (this.#sweep?.explains(problem) === true) return;
    this.#problemCount += 1;
    if (this.#problems.length < MAX_PROBLEMS) this.#problems.push(problem);
  }

  #addStray(key: string): void {
    this.#strays += 1;
    const message =
      'the layout of the bucket has no such key: nothing of Lifeboat writes it, and nothing reads it.';
    const problem = settled(foundProblem({ kind: 'stray', key, message }));
    if (this.#strays <= MAX_STRAYS) this.#addProblem(problem);
    else this.#problemCount += 1;
  }

  #addUnknown(reason: string): void {
    this.#unknownCount += 1;
    if (this.#unknown.length < MAX_REASONS) this.#unknown.push(reason);
  }
}
