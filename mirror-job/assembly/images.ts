/** Turns the images of the configuration into those that the engine runs, each with the source of its bytes. */
import type { Audience } from '../../core/identity.ts';
import type { Repository, Upstream } from '../../core/reference.ts';
import type { Configuration, ImageConfiguration } from '../configuration/configuration.ts';
import type { Clock, Log } from '../engine/runtime.ts';
import type { Image } from '../engine/image.ts';
import type { Source } from '../engine/source.ts';
import { Registry } from '../sources/registry/registry.ts';
import { NO_BUDGET } from '../sources/registry/pace/budget.ts';
import type { HttpClient } from '../sources/registry/http-client.ts';
import {
  DEFAULT_CONCURRENCY,
  DEFAULT_RETRY,
  DEFAULT_TIMEOUT_MS,
  type CredentialProvider,
  type Password,
  type RegistryOptions,
} from '../sources/registry/registry-options.ts';
import { RegistrySource } from '../sources/registry/registry-source.ts';

/** How sources are opened, which depends on the runtime. */
export interface SourceOpeners {
  /** @param ca a PEM file with further root certificates */
  readonly connect: (ca: string | undefined) => Promise<HttpClient>;
  /** @param configured the credentials of the configuration; undefined if it says nothing */
  readonly accountsOf: (
    upstream: Upstream,
    configured: readonly Password[] | undefined,
  ) => Promise<readonly CredentialProvider[]>;
  readonly openLayout: (folder: string, repository: Repository) => Source;
}

export interface RegistryDependencies extends Pick<SourceOpeners, 'connect' | 'accountsOf'> {
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface ImageDependencies extends RegistryDependencies, SourceOpeners {
  readonly audience: Audience;
  /** Every entry of the configuration, whether this run mirrors it or not. */
  readonly entries: readonly ImageConfiguration[];
}

/**
 * Makes one client per upstream, and one source per repository of it, however many images share them.
 * @throws {ConfigurationError} for a docker config.json that cannot be used
 */
export async function openImages(
  configuration: Configuration,
  dependencies: ImageDependencies,
): Promise<Image[]> {
  const registries = new Map<Upstream, Registry>();
  const sources = new Map<string, Source>();
  const entries = Map.groupBy(dependencies.entries, ({ repository }) => repository);
  const images: Image[] = [];
  for (const image of configuration.images) {
    const isLayout = image.source.kind === 'layout';
    // One layout may hold several repositories, so each image of a layout has a source of its own.
    const key = JSON.stringify([image.source, ...(isLayout ? [image.repository] : [])]);
    let source = sources.get(key);
    if (source === undefined) {
      if (image.source.kind === 'layout') {
        source = dependencies.openLayout(image.source.folder, image.repository);
      } else {
        const { upstream, path } = image.source;
        const registry =
          registries.get(upstream) ?? (await openRegistry(upstream, configuration, dependencies));
        registries.set(upstream, registry);
        source = new RegistrySource(registry, path);
      }
      sources.set(key, source);
    }
    images.push({
      ...image,
      source,
      neighbours: entries.get(image.repository) ?? [],
      mustBePublic: dependencies.audience === 'public' && !image.public,
    });
  }
  return images;
}

/**
 * @param mirror set for a mirror, whose address says whether it speaks plain HTTP
 * @throws {ConfigurationError} for a docker config.json that cannot be used
 */
export async function openRegistry(
  upstream: Upstream,
  configuration: Pick<Configuration, 'upstreams'>,
  dependencies: RegistryDependencies,
  mirror?: Required<Pick<RegistryOptions, 'insecure' | 'mirrorOf'>>,
): Promise<Registry> {
  const { clock, log, signal } = dependencies;
  const options = configuration.upstreams.get(upstream);
  return new Registry(upstream, {
    httpClient: await dependencies.connect(options?.ca),
    clock,
    log,
    signal,
    accounts: await dependencies.accountsOf(upstream, options?.credentials),
    insecure: options?.insecure ?? false,
    timeoutMs: options?.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    retry: DEFAULT_RETRY,
    concurrency: options?.concurrency ?? DEFAULT_CONCURRENCY,
    budget: options?.budget ?? NO_BUDGET,
    ...mirror,
  });
}
