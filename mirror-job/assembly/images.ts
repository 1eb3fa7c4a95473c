/** From the configuration to what the engine runs: each image with the source that its bytes come from. */
import type { Audience } from '../../core/identity.ts';
import type { Upstream } from '../../core/reference.ts';
import { credentialProvidersFor, type CredentialDependencies } from '../credentials/credential-providers.ts';
import type { Configuration, ImageConfiguration } from '../configuration/configuration.ts';
import type { Clock, Log } from '../engine/runtime.ts';
import type { Image } from '../engine/image.ts';
import type { Source } from '../engine/source.ts';
import { LayoutSource } from '../sources/layout/layout-source.ts';
import { Registry } from '../sources/registry/registry.ts';
import { NO_BUDGET } from '../sources/registry/pace/budget.ts';
import {
  DEFAULT_CONCURRENCY,
  DEFAULT_RETRY,
  DEFAULT_TIMEOUT_MS,
} from '../sources/registry/registry-options.ts';
import { RegistrySource } from '../sources/registry/registry-source.ts';
import { connect } from '../runtime/node/connection.ts';
import type { Proxies } from '../runtime/node/proxies.ts';

export interface Surroundings extends CredentialDependencies {
  readonly clock: Clock;
  readonly log: Log;
  readonly proxies: Proxies;
  readonly audience: Audience;
  /** Every entry of the configuration, chosen or not. */
  readonly entries: readonly ImageConfiguration[];
}

/**
 * One client an upstream, one source a repository of it, however many images share them.
 * @throws {ConfigurationError} for a docker config.json that cannot be used
 */
export async function openImages(configuration: Configuration, surroundings: Surroundings): Promise<Image[]> {
  const registries = new Map<Upstream, Registry>();
  const sources = new Map<string, Source>();
  const entries = Map.groupBy(surroundings.entries, ({ repository }) => repository);
  const images: Image[] = [];
  for (const image of configuration.images) {
    const isLayout = image.source.kind === 'layout';
    // One layout may hold several repositories, of which each image takes its own.
    const key = JSON.stringify([image.source, ...(isLayout ? [image.repository] : [])]);
    let source = sources.get(key);
    if (source === undefined) {
      if (image.source.kind === 'layout') {
        source = new LayoutSource(image.source.folder, image.repository, surroundings.signal);
      } else {
        const { upstream, path } = image.source;
        const registry =
          registries.get(upstream) ?? (await openRegistry(upstream, configuration, surroundings));
        registries.set(upstream, registry);
        source = new RegistrySource(registry, path);
      }
      sources.set(key, source);
    }
    images.push({
      ...image,
      source,
      neighbours: entries.get(image.repository) ?? [],
      mustBePublic: surroundings.audience === 'public' && !image.public,
    });
  }
  return images;
}

async function openRegistry(
  upstream: Upstream,
  configuration: Configuration,
  surroundings: Surroundings,
): Promise<Registry> {
  const { clock, log, signal, proxies } = surroundings;
  const options = configuration.upstreams.get(upstream);
  return new Registry(upstream, {
    httpClient: await connect(options?.ca, proxies),
    clock,
    log,
    signal,
    accounts: await credentialProvidersFor(upstream, options?.credentials, surroundings),
    insecure: options?.insecure ?? false,
    timeoutMs: options?.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    retry: DEFAULT_RETRY,
    concurrency: options?.concurrency ?? DEFAULT_CONCURRENCY,
    budget: options?.budget ?? NO_BUDGET,
  });
}
