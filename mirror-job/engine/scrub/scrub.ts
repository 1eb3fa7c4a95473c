/**
 * The scrub: each run checks whether some of the stored objects are still there, and begins where the last run ended, so
 * that the object whose last check is the oldest comes next. Without it nobody would notice a blob that a store has
 * lost, because a run that finds nothing new reads no blob. docs/decisions/0090-scrub.md
 */
import { isEqual } from '../../../core/bytes.ts';
import { blobKey, blobLinkKey, manifestKey, stateKey } from '../../../core/layout.ts';
import { formatReference, type Repository } from '../../../core/reference.ts';
import type { IndexEntry } from '../../../core/repository-index.ts';
import { countOf } from '../support/count-of.ts';
import type { Environment } from '../environment.ts';
import { LargeObjectError } from '../store/large-object-error.ts';
import { readManifest } from '../graph/read-manifest.ts';
import { createLimit, type Limit } from '../support/limit.ts';
import type { Finding } from '../report.ts';
import { nameOf, objectOf, recordOf, rootsOf, type NamedRoot, type ScrubbedObject } from './scrub-object.ts';
import type { Repair } from './scrub-repair.ts';
import { countRuns, decodeScrub, encodeScrub, MAX_RUNS, NEW_SCRUB, type ScrubState } from './scrub-state.ts';
import { ReadBudget, ScrubWalk } from './scrub-walk.ts';
import { allOrThrow } from '../support/all-or-throw.ts';
import { StoreError } from '../store/store.ts';

/** The blobs that one run checks, each with two requests without a body. These are few beside the requests of a run. */
const MAX_BLOBS = 32;
/** The manifests that one run reads to find blobs. */
const MAX_MANIFESTS = 32;
/** The repositories whose digests one run remembers for it. */
const MAX_REPOSITORIES = 16;
/** The lost objects that are remembered. Each run checks all of them. */
const MAX_LOST = 100;
const CHECKS_AT_ONCE = 16;
/** After so many refused manifests a run ends its walk, because the store is likely to refuse all of them. */
const MAX_REFUSED = 8;

interface Plan {
  readonly stored: Uint8Array | undefined;
  readonly state: ScrubState;
  /** The repositories to walk, in order. */
  readonly next: readonly Repository[];
  /** The repository after these; undefined if they are the last ones. */
  readonly beyond: Repository | undefined;
  /** By repository: those to walk, and those with lost objects. */
  readonly offers: ReadonlyMap<string, Offer>;
}

/** The roots of a repository, which are known when the run begins with it. */
interface Offer {
  readonly repository: Repository;
  readonly roots: Promise<readonly NamedRoot[]>;
  readonly resolve: (roots: readonly NamedRoot[]) => void;
}

export class Scrub {
  readonly #environment: Pick<Environment, 'store' | 'replicas' | 'log' | 'signal'>;
  readonly #key: string;
  readonly #repair: Repair;
  readonly #checks: Limit = createLimit(CHECKS_AT_ONCE);
  readonly #plan: Promise<Plan>;
  readonly #findings: Finding[] = [];
  /** By the name of an object that could not be checked: the error. */
  readonly #refusals = new Map<string, StoreError>();
  readonly #done: Promise<void>;

  /**
   * Begins at once, beside the run.
   * @param name the configuration's
   * @param repositories those of the run. Each has to be offered
   */
  constructor(
    environment: Pick<Environment, 'store' | 'replicas' | 'log' | 'signal'>,
    name: string,
    repositories: readonly Repository[],
    repair: Repair,
  ) {
    this.#environment = environment;
    this.#key = stateKey(name, 'scrub.json');
    this.#repair = repair;
    this.#plan = this.#begin(repositories.toSorted());
    this.#done = this.#plan.then((plan) => this.#run(plan));
    // `finish` reports the failure.
    this.#done.catch(() => undefined);
  }

  /** @returns the repositories of which this run needs an offer, for a caller that opens no others. Never throws */
  async wanted(): Promise<readonly Repository[]> {
    return this.#plan.then(
      ({ offers }) => [...offers.values()].map(({ repository }) => repository),
      () => [],
    );
  }

  /** Called when the run begins with a repository. @param entries of its index; empty if that cannot be read */
  offer(repository: Repository, entries: readonly IndexEntry[]): void {
    this.#plan.then(
      ({ offers }) => offers.get(repository)?.resolve(rootsOf(entries)),
      () => undefined,
    );
  }

  /**
   * Never throws. One warning names the objects that could not be checked, and a later run checks them.
   * @returns the findings, also if the scrub did not come to its end
   */
  async finish(): Promise<readonly Finding[]> {
    const { log, signal } = this.#environment;
    try {
      await this.#done;
    } catch (error) {
      if (!signal.aborted) {
        log.warn(
          `${error instanceof Error ? error.message : String(error)} The next run checks the same stored objects again.`,
        );
      }
    }
    const [first] = this.#refusals.values();
    if (first !== undefined && !signal.aborted) {
      const count = this.#refusals.size;
      log.warn(
        `The check of stored objects could not look at ${count === 1 ? 'one of them' : `${count} of them`}, and goes on with the others: ${first.message} A later run looks again.`,
      );
    }
    return this.#findings;
  }

  /** @returns empty bytes for a record that is too large, so that it is replaced like any other that cannot be read */
  async #read(): Promise<Uint8Array | undefined> {
    try {
      return (await this.#environment.store.get(this.#key))?.bytes;
    } catch (error) {
      if (!(error instanceof LargeObjectError)) throw error;
      return new Uint8Array();
    }
  }

  async #begin(sorted: readonly Repository[]): Promise<Plan> {
    const stored = await this.#read();
    const read = stored === undefined ? NEW_SCRUB : (decodeScrub(stored) ?? NEW_SCRUB);
    const [at = ''] = read.after;
    const isPast = sorted.every((repository) => repository < at);
    const state = isPast ? { ...read, after: [] } : read;
    const rest = isPast ? sorted : sorted.filter((repository) => repository >= at);
    const next = rest.slice(0, MAX_REPOSITORIES);
    const damaged = sorted.filter((one) => state.lost.some(({ repository }) => repository === one));
    return {
      stored,
      state,
      next,
      beyond: rest[MAX_REPOSITORIES],
      offers: new Map([...next, ...damaged].map((repository) => [repository, createOffer(repository)])),
    };
  }

  async #run(plan: Plan): Promise<void> {
    const lostBefore = await this.#findLost(plan);
    const { objects, after } = await this.#sample(plan);
    const keys = new Set(lostBefore.map((object) => nameOf(object)));
    const sampled = objects.filter((object) => !keys.has(nameOf(object)));
    const check = async (object: ScrubbedObject, isKnown: boolean) =>
      (await this.#checks(() => this.#mend(object, isKnown))) ? undefined : object;
    const lost = await allOrThrow([
      ...lostBefore.map((object) => check(object, true)),
      ...sampled.map((object) => check(object, false)),
    ]);
    const records = lost.filter((object) => object !== undefined).map((object) => recordOf(object));
    await this.#save(plan, { ...this.#markOf(plan, after), lost: records.slice(0, MAX_LOST) });
  }

  /**
   * Chooses the object after which the next run goes on. Indexes that share their children can have more paths than any
   * number of runs could walk, so the check of one root is bounded and does not hold up the others for good.
   */
  #markOf({ state }: Plan, after: readonly string[]): Pick<ScrubState, 'after' | 'runs'> {
    const runs = countRuns(state, after);
    if (runs === undefined || runs < MAX_RUNS) return { after, runs };
    const [repository = '', root = ''] = after;
    this.#environment.log.warn(
      `The check of stored objects has taken ${runs} runs for what ${repository}@${root} needs, and goes on with the next image. The rest of this one is not checked in this round, because it leads to too many objects.`,
    );
    return { after: [repository, root], runs: undefined };
  }

  /** @returns the lost objects that are still needed */
  async #findLost({ state, offers }: Plan): Promise<ScrubbedObject[]> {
    const objects: ScrubbedObject[] = [];
    for (const { repository, root, kind, digest, size } of state.lost) {
      const offer = offers.get(repository);
      const named = (await offer?.roots)?.find((one) => one.digest === root);
      if (offer === undefined || named === undefined) continue;
      objects.push({ repository: offer.repository, root: named, kind, digest, size, isForeign: false });
    }
    return objects;
  }

  async #sample(
    plan: Plan,
  ): Promise<{ readonly objects: ScrubbedObject[]; readonly after: readonly string[] }> {
    const { store, signal } = this.#environment;
    const { state, next, beyond, offers } = plan;
    const [at, ...below] = state.after;
    const budget = new ReadBudget(MAX_MANIFESTS);
    const objects = new Map<string, ScrubbedObject>();
    let { after } = state;
    let blobs = 0;
    for (const repository of next) {
      const roots = new Map((await offers.get(repository)?.roots)?.map((root) => [root.digest, root]));
      const walk = new ScrubWalk(store, repository, budget, (error, digest) => {
        this.#refusals.set(nameOf({ repository, kind: 'manifest', digest, size: 0 }), error);
      });
      for await (const step of walk.steps([...roots.values()], repository === at ? below : [])) {
        signal.throwIfAborted();
        const object = objectOf(repository, roots, step);
        const isNew = object !== undefined && !objects.has(nameOf(object));
        // There is more to check, so the next run goes on here and does not find an empty rest.
        if (isNew && object.kind === 'blob' && blobs === MAX_BLOBS)
          return { objects: [...objects.values()], after };
        after = [repository, ...step.path];
        if (isNew) {
          objects.set(nameOf(object), object);
          if (object.kind === 'blob') blobs += 1;
        }
        if (this.#refusals.size >= MAX_REFUSED) return { objects: [...objects.values()], after };
      }
      if (budget.isUsedUp) return { objects: [...objects.values()], after };
    }
    return { objects: [...objects.values()], after: beyond === undefined ? [] : [beyond] };
  }

  /**
   * Checks one object, and fetches it again if it is lost.
   * @param isKnown whether an earlier run found it lost
   * @returns whether it need not be remembered as lost
   */
  async #mend(object: ScrubbedObject, isKnown: boolean): Promise<boolean> {
    const { store, signal } = this.#environment;
    signal.throwIfAborted();
    try {
      if (await this.#isThere(object)) return true;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof StoreError)) throw error;
      this.#refusals.set(nameOf(object), error);
      if (isKnown) {
        this.#report(
          object,
          `${store.name} had lost the ${object.kind} ${object.digest} in an earlier run, and cannot be asked for it now: ${error.message} Pulls of this image may fail; each run tries again.`,
        );
      }
      return !isKnown;
    }
    const what = await this.#describe(object);
    const repaired = await this.#repair(object);
    signal.throwIfAborted();
    const isMended = 'from' in repaired;
    const outcome = isMended
      ? `It was fetched again from ${repaired.from}. Ask the provider of the store why it was lost: other objects may be missing too.`
      : `It could not be fetched again: ${repaired.failure} Pulls of this image may fail until a run can fetch it; each run tries again.`;
    this.#report(object, `${what}. ${outcome}`);
    return isMended;
  }

  #report({ repository, root }: ScrubbedObject, what: string): void {
    const image = formatReference({ repository, tag: root.tag, digest: root.digest });
    this.#findings.push({
      kind: 'object-lost',
      repository,
      ...(root.tag !== undefined && { tag: root.tag }),
      message: `${image}: ${what}`,
    });
  }

  async #isThere({ repository, kind, digest, size, isForeign }: ScrubbedObject): Promise<boolean> {
    const { store } = this.#environment;
    if (kind === 'manifest') {
      const manifest = await readManifest(store, repository, digest);
      return manifest !== 'absent' && manifest !== 'damaged';
    }
    const [stored, link] = await Promise.all([
      store.size(blobKey(digest)),
      store.size(blobLinkKey(repository, digest)),
    ]);
    return link === undefined ? isForeign : stored === size;
  }

  /** @returns a sentence that says which store lacks it or has something else */
  async #describe({ repository, kind, digest, size }: ScrubbedObject): Promise<string> {
    const { store, replicas } = this.#environment;
    const losses: string[] = [];
    for (const replica of replicas?.() ?? [store]) {
      try {
        const key = kind === 'blob' ? blobKey(digest) : manifestKey(repository, digest);
        const stored = await replica.size(key);
        if (stored === undefined) {
          losses.push(`${replica.name} has lost the ${kind} ${digest}`);
        } else if (kind === 'blob' && stored !== size) {
          losses.push(
            `${replica.name} has ${countOf(stored, 'byte')} instead of ${size} of the blob ${digest}`,
          );
        } else if (kind === 'blob' && (await replica.size(blobLinkKey(repository, digest))) === undefined) {
          losses.push(`${replica.name} has lost the link to the blob ${digest}`);
        }
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
      }
    }
    return losses.length === 0 ? `${store.name} has a damaged ${kind} ${digest}` : losses.join(', and ');
  }

  async #save({ stored }: Plan, next: ScrubState): Promise<void> {
    const bytes = encodeScrub(next);
    const before = stored ?? encodeScrub(NEW_SCRUB);
    if (isEqual(before, bytes)) return;
    await this.#environment.store.put(this.#key, bytes, { contentType: 'application/json' });
  }
}

function createOffer(repository: Repository): Offer {
  const { promise, resolve } = Promise.withResolvers<readonly NamedRoot[]>();
  return { repository, roots: promise, resolve };
}
