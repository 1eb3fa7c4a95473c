/** Makes a drill: joins the lists, asks the bucket and the edge, and judges. */
import type { Drill } from '../../cluster/drill/drill.ts';
import { imagesInUse, type ImagesInUse } from '../../cluster/drill/images.ts';
import { judgeImage } from '../../cluster/drill/judge.ts';
import { BucketObjectInvalidError, isTime, parseObjectAt } from '../../core/bucket-object.ts';
import type { InUseList } from '../../core/in-use-list.ts';
import { stateKey } from '../../core/layout.ts';
import { formatUpstream, type Upstream } from '../../core/reference.ts';
import { insideSentence } from '../engine/store/store-name.ts';
import { StoreError, type Store } from '../engine/store/store.ts';
import { bucketFactsOf } from './bucket-facts.ts';
import { edgeFactsOf, type EdgeAccess } from './edge-facts.ts';

export interface DrillOptions {
  readonly store: Pick<Store, 'get' | 'size'>;
  /** The configuration's name. */
  readonly mirror: string;
  readonly lists: readonly InUseList[];
  /** Sentences. */
  readonly damagedLists: readonly string[];
  /** Only images of these; empty for all. */
  readonly upstreams: ReadonlySet<Upstream>;
  readonly isByDigestOnly: boolean;
  /** Undefined if the edge is not asked. */
  readonly edge: EdgeAccess | undefined;
  readonly now: Date;
  /** Reports what is asked next. */
  readonly say: (what: string) => void;
}

export interface DrillDone {
  readonly drill: Drill;
  readonly inUse: ImagesInUse;
}

/** @throws {UnreachableError} and {EdgeClosedError} if the edge cannot be asked */
export async function runDrill(options: DrillOptions): Promise<DrillDone> {
  const { store, mirror, lists, damagedLists, upstreams, isByDigestOnly, edge, now, say } = options;
  const inUse = imagesInUse(lists, upstreams);
  const { images, textOnly } = inUse;
  say(`the bucket: ${images.length} of the images in use`);
  const lastRun = await lastRunOf(store, mirror);
  const bucketFacts = await bucketFactsOf(store, images);
  if (edge !== undefined) say(`${edge.url}: the same`);
  const edgeFacts = edge === undefined ? [] : await edgeFactsOf(edge, images);
  const results = images.flatMap((image, index) => {
    const bucket = bucketFacts[index];
    if (bucket === undefined) return [];
    const verdict = judgeImage(image, bucket, edgeFacts[index], { isByDigestOnly });
    return [{ image, verdict, upstream: bucket.by === 'tag' ? bucket.upstream : undefined }];
  });
  const drill: Drill = {
    at: now.toISOString(),
    mirror,
    chosen: [...upstreams].map(formatUpstream),
    isByDigestOnly,
    edge: edge?.url,
    lists: lists.map(({ cluster, observed }) => ({ cluster, observed })),
    damagedLists,
    lastRun,
    textOnly,
    results,
  };
  return { drill, inUse };
}

/** The report is Lifeboat's own, and only its time is of interest. */
async function lastRunOf(store: Pick<Store, 'get'>, mirror: string): Promise<Drill['lastRun']> {
  const key = stateKey(mirror, 'last-run.json');
  try {
    const stored = await store.get(key);
    if (stored === undefined) return { notKnown: `the bucket has no ${key}` };
    const { ended } = parseObjectAt(key, stored.bytes);
    return isTime(ended) ? { ended } : { notKnown: `${key} does not say it` };
  } catch (error) {
    if (!(error instanceof StoreError) && !(error instanceof BucketObjectInvalidError)) throw error;
    return { notKnown: insideSentence(error.message.replace(/\.$/, '')) };
  }
}
