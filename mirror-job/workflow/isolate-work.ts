/**
 * The work of steps, and what they share while they run in one isolate: the registries' clients with their windows, budgets
 * and tokens, and the blobs in flight. If the isolate goes, the next step makes another one, and nothing is lost but requests.
 */
import { parseDigest } from '../../core/digest.ts';
import { OCTET_STREAM } from '../../core/media-type.ts';
import { parseRepository, type Repository } from '../../core/reference.ts';
import type { IndexEntry } from '../../core/repository-index.ts';
import { openImages } from '../assembly/images.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { configuredAccounts } from '../credentials/configured-accounts.ts';
import { BlobCopier } from '../engine/copy/blob-copy.ts';
import { createMemoryBudget } from '../engine/copy/stored-manifest.ts';
import type { Environment } from '../engine/environment.ts';
import type { Image } from '../engine/image.ts';
import { mirrorRepository } from '../engine/run/mirror-repository.ts';
import { shareWork } from '../engine/run/shared-work.ts';
import {
  upstreamsOf,
  type ReportingUpstream,
  type RequestCounts,
  type Source,
  type UpstreamReport,
} from '../engine/source.ts';
import { createRepair } from '../engine/scrub/scrub-repair.ts';
import { Scrub } from '../engine/scrub/scrub.ts';
import { StoreError } from '../engine/store/store.ts';
import { FairShare } from '../engine/support/fair-share.ts';
import { RepositoryState } from '../engine/tags/repository-state.ts';
import { fetchClient } from '../runtime/workers/http-client.ts';
import { workersClock } from '../runtime/workers/clock.ts';
import { consoleLog } from '../runtime/workers/console-log.ts';
import type { JobBindings } from './bindings.ts';
import { DeferredBlobs } from './deferred-blobs.ts';
import type { LargeBlob } from './inputs.ts';
import type { CheckResult, StepResult } from './step-result.ts';
import { readJobConfiguration } from './job-configuration.ts';
import { boundStore } from './bound-store.ts';
import { createWorkersEnvironment } from './workers-environment.ts';

export class IsolateWork {
  readonly #environment: Environment;
  readonly #blobs: DeferredBlobs;
  readonly #copier: BlobCopier;
  readonly #images: readonly Image[];
  readonly #memoryBudget = createMemoryBudget();
  readonly #requests = new RequestLedger();

  private constructor(environment: Environment, images: readonly Image[]) {
    this.#environment = environment;
    this.#images = images;
    // Over the store itself: what other isolates have written meanwhile has to be seen.
    this.#copier = new BlobCopier(environment, new FairShare(environment.limits.blobs));
    this.#blobs = new DeferredBlobs(this.#copier, environment.store);
  }

  /**
   * @param repositories those whose images are opened
   * @throws {ConfigurationError} and {StoreError}
   */
  static async open(
    bindings: JobBindings,
    run: string,
    repositories: readonly string[],
  ): Promise<IsolateWork> {
    const store = boundStore(bindings);
    const { configuration } = await readJobConfiguration(store, bindings);
    const environment = createWorkersEnvironment(store, run, consoleLog);
    const images = await openJobImages(configuration, environment.signal, new Set(repositories));
    return new IsolateWork(environment, images);
  }

  /** Never throws for what goes wrong with an image: that is in the result. */
  async mirror(name: string): Promise<StepResult> {
    const repository = parseRepository(name);
    const images = this.#images.filter((image) => image.repository === repository);
    const work = shareWork(this.#environment, images, {
      blobs: this.#blobs,
      memoryBudget: this.#memoryBudget,
    });
    const result = await mirrorRepository(repository, work);
    const upstreams = this.#requests.take(images.map(({ source }) => source));
    return { result, deferred: this.#blobs.take(repository), upstreams };
  }

  /** Looks whether stored objects are still there, and fetches lost ones again. @param name the configuration's */
  async check(name: string): Promise<CheckResult> {
    const environment = { ...this.#environment, tally: this.#environment.tally.part() };
    const images = Map.groupBy(this.#images, ({ repository }) => repository);
    const repair = createRepair(environment, images, this.#copier);
    const scrub = new Scrub(environment, name, [...images.keys()], repair);
    for (const repository of await scrub.wanted()) {
      scrub.offer(repository, await entriesOf(environment, repository));
    }
    const findings = await scrub.finish();
    const upstreams = this.#requests.take(this.#images.map(({ source }) => source));
    return { findings, copied: environment.tally.copied, upstreams };
  }

  /** Copies a blob into the bucket. @throws {SourceError} and {StoreError} */
  async copy({ digest, size, repository, source: name }: LargeBlob): Promise<void> {
    const image = this.#images.find(({ source }) => source.name === name);
    if (image === undefined) throw new Error(`The configuration has no image of ${name} any more.`);
    const blob = { mediaType: OCTET_STREAM, digest: parseDigest(digest), size };
    const { tally } = this.#environment;
    await this.#copier.ensure(parseRepository(repository), blob, image.source, tally);
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

/** @returns none for an index that cannot be read */
async function entriesOf(environment: Environment, repository: Repository): Promise<readonly IndexEntry[]> {
  try {
    return (await RepositoryState.open(environment, repository)).entries();
  } catch (error) {
    if (error instanceof StoreError) return [];
    throw error;
  }
}

/** Opens the images of some repositories. @throws {ConfigurationError} */
function openJobImages(
  configuration: Configuration,
  signal: AbortSignal,
  repositories: ReadonlySet<string>,
): Promise<Image[]> {
  const images = configuration.images.filter(({ repository }) => repositories.has(repository));
  return openImages(
    { ...configuration, images },
    {
      clock: workersClock,
      log: consoleLog,
      signal,
      audience: configuration.store.audience,
      entries: configuration.images,
      connect: async () => fetchClient,
      accountsOf: async (upstream, configured) => configuredAccounts(upstream, configured ?? []),
      openLayout: (folder) => {
        throw new Error(`A Worker cannot open the layout ${folder}.`);
      },
    },
  );
}
