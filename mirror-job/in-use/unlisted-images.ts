/** Adds to the images that the configuration lists what each run mirrors without a list: what clusters use, and what was demanded. */
import type { ClusterLine } from '../../core/overview.ts';
import type { Configuration } from '../configuration/configuration.ts';
import type { Finding } from '../engine/report.ts';
import type { Store } from '../engine/store/store.ts';
import { readDemanded } from '../on-demand/demanded-images.ts';
import { withDemanded } from '../on-demand/on-demand-images.ts';
import { inUseImages } from './in-use-images.ts';
import { readInUseLists } from './in-use-lists.ts';

export interface Unlisted {
  readonly configuration: Configuration;
  readonly warnings: readonly string[];
  readonly findings: readonly Finding[];
  /** The clusters whose lists were read. */
  readonly clusters: readonly ClusterLine[];
}

/** @throws {StoreError} */
export async function addUnlisted(
  store: Pick<Store, 'get' | 'list'>,
  configuration: Configuration,
  now: Date,
): Promise<Unlisted> {
  const { lists, findings } = await readInUseLists(store, configuration.inUse, now);
  const images = [...configuration.images, ...inUseImages(configuration, lists)];
  const withUsed = { ...configuration, images };
  const clusters = [...lists].map(([name, list]) => ({
    name,
    observed: list.observed,
    images: list.images.length,
  }));
  if (configuration.onDemand.length === 0) {
    return { configuration: withUsed, warnings: [], findings, clusters };
  }
  const { references, warning } = await readDemanded(store, configuration.name);
  return {
    configuration: withDemanded(withUsed, references),
    warnings: warning === undefined ? [] : [warning],
    findings,
    clusters,
  };
}
