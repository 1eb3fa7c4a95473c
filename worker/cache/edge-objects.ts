/** All that the edge answers from: one shelf a kind of object, and the stores behind them. */
import type { BlobLink } from '../../core/blob-link.ts';
import { EdgeCache } from './edge-cache.ts';
import { ReadThroughCache, type Kind } from './read-through-cache.ts';
import type { Configuration } from '../configuration/configuration.ts';
import {
  BLOB_LINK,
  CATALOG,
  MANIFEST,
  REFERRERS,
  TAG,
  TAG_LIST,
  type ManifestContent,
  type ReferrersContent,
  type TagContent,
} from './object-kind.ts';
import type { EncodedList } from './encoded-list.ts';
import { ReadBudget } from '../isolate/read-budget.ts';
import type { RefreshFailure } from '../log.ts';
import { R2Store } from '../store/r2.ts';
import { FailoverStores } from '../store/failover-stores.ts';
import { S3Store, type Fetch } from '../store/s3.ts';
import { CONFIRMATION_MS } from '../store/store-health.ts';
import type { StartTimer } from '../store/time-limit.ts';
import type { StoreConfiguration } from '../configuration/store-configuration.ts';

/** What the edge is given by where it runs; tests give it other ones. */
export interface EdgeRuntime {
  readonly fetch: Fetch;
  readonly cache: Pick<Cache, 'match' | 'put' | 'delete'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly startTimer: StartTimer;
  readonly limits: Limits;
  /** Told what goes wrong after the answer that it would be told in. */
  readonly onRefreshFailure: (failure: RefreshFailure) => void;
}

export interface Limits {
  /** The longest to the first byte of an answer, whatever hangs. Milliseconds. */
  readonly answer: number;
  /** The longest that one store may take of that to its own first byte. Milliseconds. */
  readonly store: number;
  /**
   * After so long a request no longer waits for another one that reads the same object. It is more than one store takes
   * that hangs, its confirmation included, so that all of them learn of it, and leaves time for a read of their own.
   * Milliseconds.
   */
  readonly flight: number;
}

const STORE_MS = 3000;

export const LIMITS: Limits = { answer: 8000, store: STORE_MS, flight: STORE_MS + CONFIRMATION_MS + 500 };

export interface EdgeObjects {
  readonly roster: FailoverStores;
  readonly manifests: ReadThroughCache<ManifestContent>;
  readonly tags: ReadThroughCache<TagContent>;
  readonly links: ReadThroughCache<BlobLink>;
  readonly tagLists: ReadThroughCache<EncodedList>;
  readonly referrers: ReadThroughCache<ReferrersContent>;
  readonly catalogs: ReadThroughCache<EncodedList>;
  readonly onRefreshFailure: EdgeRuntime['onRefreshFailure'];
}

const MIB = 1024 * 1024;
/** How long the edge believes that what a digest names still exists. A deletion waits longer. */
const DIGEST_FRESH = 24 * 60 * 60 * 1000;

/** No bucket's id: those are not empty, and this has a character that is encoded in them. */
const IDENTITIES = 'identities/';

export function openEdgeObjects(configuration: Configuration, surroundings: EdgeRuntime): EdgeObjects {
  const { now, startTimer, limits, onRefreshFailure } = surroundings;
  const edgeCache = new EdgeCache(surroundings.cache);
  const roster: FailoverStores = new FailoverStores({
    stores: configuration.stores.map((store, index) => openStore(index + 1, store, surroundings)),
    audience: configuration.audience,
    fresh: configuration.storeFresh,
    perStore: limits.store,
    perAnswer: limits.answer,
    perFlight: limits.flight,
    now,
    startTimer,
    identities: {
      get: async (location) =>
        (await edgeCache.get(IDENTITIES, encodeURIComponent(location), async () => {}))?.bytes,
      put: (location, bytes) => {
        const kept = {
          bytes,
          contentType: undefined,
          modified: undefined,
          at: now(),
          store: 0,
          bucket: undefined,
        };
        return edgeCache.put(IDENTITIES, encodeURIComponent(location), kept, configuration.tagStale);
      },
    },
    onRefreshFailure,
    onReplaced: () => {
      for (const shelf of [manifests, tags, links, tagLists, referrers, catalogs]) shelf.clear();
    },
  });
  const budget = new ReadBudget({ now, startTimer });
  const shelf = <T>(kind: Kind<T>, room: number) =>
    new ReadThroughCache<T>({
      kind,
      roster,
      edgeCache,
      now,
      startTimer,
      budget,
      perFlight: limits.flight,
      onRefreshFailure,
      room,
      fresh: kind.absence === 'pointer' ? configuration.tagTtl : DIGEST_FRESH,
      stale: kind.absence === 'pointer' ? configuration.tagStale : DIGEST_FRESH,
    });
  // 50 MiB of the 128 that an isolate has, and 4 MiB for the catalogues of tokens: what streams through it needs the rest.
  const manifests = shelf(MANIFEST, 10 * MIB);
  const tags = shelf(TAG, 10 * MIB);
  const links = shelf(BLOB_LINK, 6 * MIB);
  const referrers = shelf(REFERRERS, 4 * MIB);
  // Each has room for the largest list that is read (8 MiB), with 200,000 entries.
  const tagLists = shelf(TAG_LIST, 10 * MIB);
  const catalogs = shelf(CATALOG, 10 * MIB);
  return { roster, manifests, tags, links, tagLists, referrers, catalogs, onRefreshFailure };
}

function openStore(number: number, store: StoreConfiguration, surroundings: EdgeRuntime): S3Store | R2Store {
  switch (store.kind) {
    case 's3':
      return new S3Store(number, store, surroundings);
    case 'r2':
      return new R2Store(number, store);
  }
}
