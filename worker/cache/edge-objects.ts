/** Everything that the edge answers from: a cache for each kind of object, and the stores behind them. */
import type { BlobLink } from '../../core/blob-link.ts';
import type { JsonObject } from '../../core/json.ts';
import { stateKey } from '../../core/layout.ts';
import type { DrillSummary } from '../../core/last-drill.ts';
import type { LastRun } from '../../core/last-run.ts';
import type { Overview } from '../../core/overview.ts';
import type { RepositoryDescription } from '../../core/repository-description.ts';
import type { RunSummary } from '../../core/run-history.ts';
import type { Configuration } from '../configuration/configuration.ts';
import type { StoreConfiguration } from '../configuration/store-configuration.ts';
import type { EdgeRuntime } from '../isolate/edge-runtime.ts';
import { ReadBudget } from '../isolate/read-budget.ts';
import { FailoverStores } from '../store/failover-stores.ts';
import { R2Store } from '../store/r2.ts';
import { S3Store } from '../store/s3.ts';
import type { IdentityCache } from '../store/store-health.ts';
import { EdgeCache } from './edge-cache.ts';
import type { EncodedList } from './encoded-list.ts';
import {
  BLOB_LINK,
  CATALOG,
  MANIFEST,
  REFERRERS,
  TAG,
  TAG_LIST,
  type ManifestContent,
  type ObjectKind,
  type ReferrersContent,
  type TagContent,
} from './object-kind.ts';
import { CONFIG, DESCRIPTION, LAST_DRILL, LAST_RUN, OVERVIEW, RUNS, type Sized } from './page-object-kind.ts';
import { ReadThroughCache } from './read-through-cache.ts';

export interface EdgeObjects {
  readonly stores: FailoverStores;
  readonly manifests: ReadThroughCache<ManifestContent>;
  readonly tags: ReadThroughCache<TagContent>;
  readonly links: ReadThroughCache<BlobLink>;
  readonly tagLists: ReadThroughCache<EncodedList>;
  readonly referrers: ReadThroughCache<ReferrersContent>;
  readonly catalogs: ReadThroughCache<EncodedList>;
  readonly runs: ReadThroughCache<Sized<readonly RunSummary[]>>;
  readonly lastRuns: ReadThroughCache<Sized<LastRun>>;
  readonly lastDrills: ReadThroughCache<Sized<DrillSummary>>;
  readonly overviews: ReadThroughCache<Sized<Overview>>;
  readonly descriptions: ReadThroughCache<Sized<RepositoryDescription>>;
  readonly configs: ReadThroughCache<Sized<JsonObject>>;
  readonly onBackgroundFailure: EdgeRuntime['onBackgroundFailure'];
}

const MIB = 1024 * 1024;
/** How long the edge takes for granted that an object named by a digest still exists. A deletion waits longer. */
const IMMUTABLE_FRESH_MS = 24 * 60 * 60 * 1000;

/** A part of the data centre's cache that belongs to no bucket: no bucket's id has a slash after it is encoded. */
const IDENTITIES = 'identities/';

export function openEdgeObjects(configuration: Configuration, runtime: EdgeRuntime): EdgeObjects {
  const { now, startTimer, limits, onBackgroundFailure } = runtime;
  const edgeCache = new EdgeCache(runtime.cache);
  const stores: FailoverStores = new FailoverStores({
    stores: configuration.stores.map((store, index) => openStore(index + 1, store, runtime)),
    audience: configuration.audience,
    freshMs: configuration.storeFreshMs,
    catalogKeys: configuration.catalogs.map((name) => stateKey(name, 'catalog.json')),
    ...limits,
    now,
    startTimer,
    identities: identityCache(edgeCache, now, configuration.tagStaleMs),
    onBackgroundFailure,
    onReplaced: () => {
      for (const cache of [manifests, tags, links, tagLists, referrers, catalogs]) cache.clear();
      for (const cache of [runs, lastRuns, lastDrills, overviews, descriptions, configs]) cache.clear();
    },
  });
  const budget = new ReadBudget({ now, startTimer });
  const cacheOf = <T>(kind: ObjectKind<T>, maxBytes: number) =>
    new ReadThroughCache<T>({
      kind,
      stores,
      edgeCache,
      now,
      startTimer,
      budget,
      joinMs: limits.joinMs,
      onBackgroundFailure,
      maxBytes,
      freshMs: kind.mutability === 'mutable' ? configuration.tagTtlMs : IMMUTABLE_FRESH_MS,
      staleMs: kind.mutability === 'mutable' ? configuration.tagStaleMs : IMMUTABLE_FRESH_MS,
    });
  // Together 64 MiB of the 128 that an isolate has, and the catalogues of tokens have 4 MiB. Streams need the rest.
  const manifests = cacheOf(MANIFEST, 10 * MIB);
  const tags = cacheOf(TAG, 10 * MIB);
  const links = cacheOf(BLOB_LINK, 6 * MIB);
  const referrers = cacheOf(REFERRERS, 4 * MIB);
  // Each has room for the largest list that is read (8 MiB), with 200,000 entries.
  const tagLists = cacheOf(TAG_LIST, 10 * MIB);
  const catalogs = cacheOf(CATALOG, 10 * MIB);
  // A larger object is read and decoded for each page, because pages are read seldom, and pulls need the memory.
  const runs = cacheOf(RUNS, MIB);
  const lastRuns = cacheOf(LAST_RUN, 0.75 * MIB);
  const lastDrills = cacheOf(LAST_DRILL, 0.25 * MIB);
  const overviews = cacheOf(OVERVIEW, 4 * MIB);
  const descriptions = cacheOf(DESCRIPTION, 6 * MIB);
  const configs = cacheOf(CONFIG, 2 * MIB);
  return {
    stores,
    manifests,
    tags,
    links,
    tagLists,
    referrers,
    catalogs,
    runs,
    lastRuns,
    lastDrills,
    overviews,
    descriptions,
    configs,
    onBackgroundFailure,
  };
}

function openStore(number: number, store: StoreConfiguration, runtime: EdgeRuntime): S3Store | R2Store {
  switch (store.kind) {
    case 's3':
      return new S3Store(number, store, runtime);
    case 'r2':
      return new R2Store(number, store);
  }
}

/** The identities of the buckets, in the data centre's cache. */
function identityCache(edgeCache: EdgeCache, now: () => number, lifetimeMs: number): IdentityCache {
  return {
    async get(location) {
      return (await edgeCache.get(IDENTITIES, encodeURIComponent(location), async () => {}))?.bytes;
    },
    async put(location, bytes) {
      const object = {
        bytes,
        contentType: undefined,
        modified: undefined,
        readAtMs: now(),
        store: 0,
        bucket: undefined,
      };
      await edgeCache.put(IDENTITIES, encodeURIComponent(location), object, lifetimeMs);
    },
  };
}
