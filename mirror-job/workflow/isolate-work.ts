/**
 * The work of steps, and what they share while they run in one isolate: the registries' clients with their windows, budgets
 * and tokens, and the blobs in flight. If the isolate goes, the next step opens all of it again, and nothing is lost but
 * requests.
 */
import { parseDigest, type Digest } from '../../core/digest.ts';
import { OCTET_STREAM } from '../../core/media-type.ts';
import { formatReference, parseRepository, type Repository, type Tag } from '../../core/reference.ts';
import type { IndexEntry } from '../../core/repository-index.ts';
import { openImages } from '../assembly/images.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { ConfigurationError } from '../configuration/configuration-error.ts';
import { configuredAccounts } from '../credentials/configured-accounts.ts';
import { BlobCopier } from '../engine/copy/blob-copy.ts';
import { createMemoryBudget } from '../engine/copy/stored-manifest.ts';
import type { Environment } from '../engine/environment.ts';
import type { Image } from '../engine/image.ts';
import { mirrorRepository } from '../engine/run/mirror-repository.ts';
import { shareWork } from '../engine/run/shared-work.ts';
import { createRepair } from '../engine/scrub/scrub-repair.ts';
import { Scrub } from '../engine/scrub/scrub.ts';
import {
  SourceError,
  upstreamsOf,
  type ReportingUpstream,
  type RequestCounts,
  type Source,
  type UpstreamReport,
} from '../engine/source.ts';
import { requireIdentity } from '../engine/store/bucket.ts';
import { FencedStore } from '../engine/store/fenced-store.ts';
import { StoreError } from '../engine/store/store.ts';
import { FairShare } from '../engine/support/fair-share.ts';
import { SkippedError } from '../engine/support/skipped-error.ts';
import { RepositoryState } from '../engine/tags/repository-state.ts';
import { addUnlisted } from '../in-use/unlisted-images.ts';
import { isStored } from '../on-demand/demanded-images.ts';
import { onDemandImages } from '../on-demand/on-demand-images.ts';
import { workersClock } from '../runtime/workers/clock.ts';
import { consoleLog } from '../runtime/workers/console-log.ts';
import { fetchClient } from '../runtime/workers/http-client.ts';
import type { JobBindings } from './bindings.ts';
import { boundStore } from './bound-store.ts';
import { DeferredBlobs } from './deferred-blobs.ts';
import type { LargeBlob, WorkScope } from './inputs.ts';
import { CONFIGURATION_FILE, readJobConfiguration } from './job-configuration.ts';
import { joinParts, partOf } from './run-part.ts';
import type { BlobResult, CheckStepResult, RepositoryStepResult } from './step-result.ts';
import { createWorkersEnvironment } from './workers-environment.ts';

/**
 * After this time a step begins nothing new, and another step goes on. So a step stays within its five minutes of the
 * processor, whatever there is to copy.
 */
const STEP_MS = 3 * 60_000;

export class IsolateWork {
  readonly #environment: Environment;
  readonly #blobs: DeferredBlobs;
  readonly #copier: BlobCopier;
  readonly #images: readonly Image[];
  /** The configuration's. */
  readonly #name: string;
  readonly #memoryBudget = createMemoryBudget();
  readonly #tagSlots: FairShare;
  readonly #requests = new RequestLedger();

  private constructor(environment: Environment, images: readonly Image[], name: string) {
    const { limits, store } = environment;
    this.#environment = environment;
    this.#images = images;
    this.#name = name;
    this.#tagSlots = new FairShare(limits.tags);
    // Over the store itself: what other isolates have written meanwhile has to be seen.
    this.#copier = new BlobCopier(environment, new FairShare(limits.blobs));
    this.#blobs = new DeferredBlobs(this.#copier, store);
  }

  /** @throws {ConfigurationError}, {BucketRefusedError} and {StoreError} */
  static async open(bindings: JobBindings, { run, repositories, demanded }: WorkScope): Promise<IsolateWork> {
    const { signal } = new AbortController();
    const store = new FencedStore(boundStore(bindings), { writer: run, clock: workersClock, signal });
    const { configuration } = await readJobConfiguration(store, bindings);
    const { audience } = await requireIdentity(store);
    // The configuration may have changed since the run was planned. Private images must not get into a public bucket.
    if (audience !== configuration.store.audience) {
      const message = `the bucket is for the audience "${audience}". One bucket has one audience: write that one, or use another bucket.`;
      const { line } = configuration.store;
      throw new ConfigurationError(CONFIGURATION_FILE, [{ line, key: 'store.audience', message }]);
    }
    const environment = createWorkersEnvironment(store, run, consoleLog);
    const { configuration: all } = await addUnlisted(store, configuration, new Date());
    const chosen = demanded === undefined ? all.images : onDemandImages(configuration, demanded);
    const wanted = new Set(repositories);
    const images = chosen.filter(({ repository }) => wanted.has(repository));
    return new IsolateWork(
      environment,
      await openJobImages({ ...all, images }, all.images, environment.signal),
      all.name,
    );
  }

  /**
   * Never throws for what goes wrong with an image: that is in the result.
   * @param failures by digest: why the instance of a large blob has failed
   * @param only the references that are mirrored; left out for all of the repository
   */
  async mirror(
    name: string,
    failures: Readonly<Record<string, string>>,
    only?: readonly string[],
  ): Promise<RepositoryStepResult> {
    for (const [digest, failure] of Object.entries(failures)) this.#blobs.fail(digest, failure);
    const repository = parseRepository(name);
    const own = this.#images.filter((image) => image.repository === repository);
    const images = only === undefined ? own : onlyThese(own, only);
    const over = new AbortController();
    const timer = setTimeout(
      () => over.abort(new SkippedError('The step was over before this was done.')),
      STEP_MS,
    );
    this.#blobs.begin(repository, over.signal);
    try {
      const environment = { ...this.#environment, signal: over.signal };
      const work = shareWork(environment, images, {
        blobs: this.#blobs,
        memoryBudget: this.#memoryBudget,
        tagSlots: this.#tagSlots,
        describedFor: this.#name,
      });
      const result = await mirrorRepository(repository, work);
      const upstreams = this.#requests.take(images.map(({ source }) => source));
      return {
        part: partOf(result, upstreams, this.#hasUploads),
        deferred: this.#blobs.take(repository),
        isUnfinished: over.signal.aborted,
      };
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Looks whether stored objects are still there, and fetches lost ones again, but for large blobs, which it returns.
   * @param name the configuration's
   */
  async check(name: string): Promise<CheckStepResult> {
    const environment = { ...this.#environment, tally: this.#environment.tally.part() };
    const images = Map.groupBy(this.#images, ({ repository }) => repository);
    const repair = createRepair(environment, images, this.#blobs);
    const scrub = new Scrub(environment, name, [...images.keys()], repair);
    for (const repository of await scrub.wanted()) {
      scrub.offer(repository, await entriesOf(environment, repository));
    }
    const findings = await scrub.finish();
    const upstreams = this.#requests.take(this.#images.map(({ source }) => source));
    const { copied } = environment.tally;
    const part = joinParts([{ ...joinParts([]), findings, copied, upstreams, hasUploads: this.#hasUploads }]);
    return { part, deferred: [...images.keys()].flatMap((repository) => this.#blobs.take(repository)) };
  }

  /** Copies a large blob into the bucket. @throws {StoreError} */
  async copy({ digest, size, repository, source: name }: LargeBlob): Promise<BlobResult> {
    const image = this.#images.find(({ source }) => source.name === name);
    if (image === undefined) return { failure: `The configuration has no image of ${name} any more.` };
    const blob = { mediaType: OCTET_STREAM, digest: parseDigest(digest), size };
    const { tally } = this.#environment;
    try {
      await this.#copier.ensure(parseRepository(repository), blob, image.source, tally);
    } catch (error) {
      // The client has asked again already, so another attempt of the step would end in the same way.
      if (error instanceof SourceError) return { failure: error.message };
      throw error;
    }
    const upstreams = this.#requests.take([image.source]);
    return { part: { ...joinParts([]), copied: tally.copied, upstreams, hasUploads: true } };
  }

  /** Whether the bucket has what a reference names. @throws {StoreError} */
  async has(reference: string): Promise<boolean> {
    return isStored(this.#environment.store, reference);
  }

  get #hasUploads(): boolean {
    return this.#environment.tally.counts.blobsInParts > 0;
  }
}

/** Reports each request of an upstream's client once, however many steps it serves. */
class RequestLedger {
  readonly #reported = new Map<ReportingUpstream, RequestCounts>();

  take(sources: readonly Source[]): UpstreamReport[] {
    const reports: UpstreamReport[] = [];
    for (const upstream of upstreamsOf(sources)) {
      const { requests, ...rest } = upstream.report();
      const before = this.#reported.get(upstream);
      this.#reported.set(upstream, requests);
      reports.push({ ...rest, requests: before === undefined ? requests : differenceOf(requests, before) });
    }
    return reports;
  }
}

function differenceOf(now: RequestCounts, before: RequestCounts): RequestCounts {
  return {
    heads: now.heads - before.heads,
    manifestGets: now.manifestGets - before.manifestGets,
    blobGets: now.blobGets - before.blobGets,
    lists: now.lists - before.lists,
  };
}

/**
 * Leaves out all tags and digests that are not among some references.
 * @throws {ConfigurationError} for a reference that no image has: the configuration has changed since it was claimed
 */
function onlyThese(images: readonly Image[], references: readonly string[]): readonly Image[] {
  const wanted = new Set(references);
  const left = new Set(references);
  const has = (repository: Repository, tag: Tag | undefined, digest: Digest | undefined): boolean => {
    const reference = formatReference({ repository, tag, digest });
    left.delete(reference);
    return wanted.has(reference);
  };
  const narrowed = images.map((image) => {
    const { repository, tags, digests } = image;
    return Object.assign({}, image, {
      tags: { ...tags, explicit: tags.explicit.filter((tag) => has(repository, tag, undefined)) },
      digests: digests.filter((digest) => has(repository, undefined, digest)),
    });
  });
  if (left.size === 0) return narrowed;
  const message = `it does not allow ${[...left].join(', ')} any more.`;
  throw new ConfigurationError(CONFIGURATION_FILE, [{ line: undefined, key: 'onDemand', message }]);
}

/** @returns none for an index that cannot be read */
async function entriesOf(environment: Environment, repository: Repository): Promise<readonly IndexEntry[]> {
  try {
    return (await RepositoryState.open(environment, repository)).entries();
  } catch (error) {
    if (error instanceof StoreError) return [];
    throw error;
  }
}

/** @param entries all images of the configuration. @throws {ConfigurationError} */
function openJobImages(
  configuration: Configuration,
  entries: Configuration['images'],
  signal: AbortSignal,
): Promise<Image[]> {
  return openImages(configuration, {
    clock: workersClock,
    log: consoleLog,
    signal,
    audience: configuration.store.audience,
    entries,
    connect: async () => fetchClient,
    accountsOf: async (upstream, configured) => configuredAccounts(upstream, configured ?? []),
    openLayout: (folder) => {
      throw new Error(`A Worker cannot open the layout ${folder}.`);
    },
  });
}
