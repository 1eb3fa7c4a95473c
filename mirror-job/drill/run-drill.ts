/** Makes a drill: joins the lists, asks the bucket and the edge, and judges. */
import { describeUnreachable } from '../../cluster/doctor/connection.ts';
import { describeFailure } from '../../cluster/doctor/reply.ts';
import type { Drill, DrillResult } from '../../cluster/drill/drill.ts';
import { imagesInUse, type ImagesInUse } from '../../cluster/drill/images.ts';
import { judgeImage } from '../../cluster/drill/judge.ts';
import type { Access, BucketFacts, DrilledImage, EdgeFacts } from '../../cluster/drill/observation.ts';
import { decodeIdentity } from '../../core/identity.ts';
import type { InUseList } from '../../core/in-use-list.ts';
import { IDENTITY_KEY } from '../../core/layout.ts';
import { formatUpstream, upstreamOf, type Upstream } from '../../core/reference.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { UnreachableError } from '../doctor/examine.ts';
import type { Store } from '../engine/store/store.ts';
import { absenceOf, type AbsenceContext, type Selecting } from './absences.ts';
import { bucketFactsOf } from './bucket-facts.ts';
import { EdgeClosedError, edgeFactsOf, type EdgeAccess } from './edge-facts.ts';
import { failureOf, LastRunReport } from './last-run.ts';
import { loginOf } from './upstream-logins.ts';

export interface DrillOptions {
  readonly store: Pick<Store, 'get' | 'size'>;
  /** Its name is that of the mirror. */
  readonly configuration: Selecting & Pick<Configuration, 'name' | 'upstreams'>;
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

/** An edge that cannot be asked is part of the result. */
export async function runDrill(options: DrillOptions): Promise<DrillDone> {
  const { store, configuration, lists, damagedLists, upstreams, isByDigestOnly, edge, now, say } = options;
  const inUse = imagesInUse(lists, upstreams);
  const { images, textOnly } = inUse;
  say(`the bucket: ${images.length} of the images in use`);
  const lastRun = await LastRunReport.read(store, configuration.name);
  const audience = await audienceOf(store);
  const bucketFacts = await bucketFactsOf(store, images);
  if (edge !== undefined) say(`${edge.url}: the same`);
  const asked = edge === undefined ? undefined : await askEdge(edge, images);
  const context = { configuration, lastRun };
  const results = images.flatMap((image, index): DrillResult[] => {
    const bucket = bucketFacts[index];
    if (bucket === undefined) return [];
    const absence = absenceFor(image, bucket, context);
    const verdict = judgeImage(image, bucket, asked?.facts[index], { isByDigestOnly, absence });
    const login = loginOf(upstreamOf(image.reference.repository), configuration.upstreams);
    return [{ image, verdict, upstream: bucket.by === 'tag' ? bucket.upstream : undefined, login }];
  });
  const drill: Drill = {
    at: now.toISOString(),
    mirror: configuration.name,
    chosen: [...upstreams].map(formatUpstream),
    isByDigestOnly,
    edge: edge?.url,
    edgeFailure: asked?.failure,
    access: { audience, hasToken: edge === undefined ? undefined : edge.token !== undefined },
    lists: lists.map(({ images: _images, ...list }) => list),
    damagedLists,
    lastRun: lastRun.run,
    textOnly,
    results,
  };
  return { drill, inUse };
}

function absenceFor(image: DrilledImage, bucket: BucketFacts, context: AbsenceContext) {
  const isAbsent = bucket.by === 'tag' ? bucket.tag === 'absent' : bucket.manifest === 'absent';
  if (!isAbsent) return undefined;
  return absenceOf(image.reference, image.clusters, context);
}

async function audienceOf(store: Pick<Store, 'get'>): Promise<Access['audience']> {
  try {
    const stored = await store.get(IDENTITY_KEY);
    return stored === undefined
      ? { failed: `the bucket has no ${IDENTITY_KEY}` }
      : decodeIdentity(stored.bytes).audience;
  } catch (error) {
    return failureOf(error);
  }
}

interface Asked {
  /** In the order of the images. */
  readonly facts: readonly EdgeFacts[];
  /** Why the edge could not be asked for any image: sentences. */
  readonly failure: string | undefined;
}

async function askEdge(edge: EdgeAccess, images: readonly DrilledImage[]): Promise<Asked> {
  try {
    return { facts: await edgeFactsOf(edge, images), failure: undefined };
  } catch (error) {
    const failed = { answer: 'failed', says: 'could not be asked for any image' } as const;
    const facts = images.map(() => failed);
    if (error instanceof EdgeClosedError) return { facts, failure: error.message };
    if (!(error instanceof UnreachableError)) throw error;
    const { next } = describeUnreachable(edge.url, error.failure);
    return { facts, failure: `${edge.url}: ${describeFailure(error.failure)}. ${next}` };
  }
}
