/** Every page and every state of one, with the edge that shows it, for screenshots and for the rules of accessibility. */
import { createHash } from 'node:crypto';
import { startEdge, type Edge } from '../edge.ts';
import { startLocalStore, type Store } from '../local-store.ts';
import { pause } from '../process.ts';
import { BucketObjects } from './bucket-objects.ts';
import { NGINX, putDemoMirror } from '../../demo/demo-mirror.ts';

export interface Screen {
  readonly name: string;
  readonly url: string;
  readonly status: number;
  /** A sentence or a heading that tells this page from others. */
  readonly says: string;
}

export interface Screens {
  readonly screens: readonly Screen[];
  stop(): Promise<void>;
}

const STALE = { TAG_TTL: '1s', STORE_FRESH: '1s' };
const TOKEN_HASH = createHash('sha256').update('secret').digest('hex');

export async function startScreens(): Promise<Screens> {
  const store = await startLocalStore({ buckets: 4 });
  const short = await startLocalStore();
  const [demo, empty, secret, calm] = store.buckets.map((bucket) => ({ ...store, bucket }));
  if (demo === undefined || empty === undefined || secret === undefined || calm === undefined)
    throw new Error('There are too few buckets.');
  const { index, image } = await putDemo(demo, true);
  await new BucketObjects(empty).putIdentity('public');
  await new BucketObjects(secret).putIdentity('token');
  await Promise.all([putDemo(short), putDemo(calm)]);
  const tokens = { AUDIENCE: 'token', TOKENS: `all ${TOKEN_HASH} **` };
  const edges = await Promise.all([
    startEdge(demo),
    startEdge(empty),
    startEdge(secret, tokens),
    startEdge(short, STALE),
    startEdge(calm),
  ]);
  const [full, bare, closed, stale, quiet] = edges.map(({ url }) => url);
  await fetch(`${stale}/`);
  await short.stop();
  await pause(2500);
  return {
    screens: [
      { name: 'home', url: `${full}/`, status: 200, says: 'Repositories' },
      {
        name: 'home-docker',
        url: `${full}/?client=docker`,
        status: 200,
        says: 'npx lifeboat clients docker',
      },
      {
        name: 'home-found-nothing',
        url: `${full}/?q=nothing`,
        status: 200,
        says: 'No repository has “nothing”',
      },
      { name: 'repository', url: `${full}/r/${NGINX}`, status: 200, says: 'follows upstream' },
      { name: 'tag-held', url: `${full}/r/${NGINX}?tag=1.28.0`, status: 200, says: 'npx lifeboat approve' },
      { name: 'tag-gone', url: `${full}/r/${NGINX}?tag=1.27.5`, status: 200, says: 'Gone upstream.' },
      { name: 'index', url: `${full}/r/${NGINX}@${index}`, status: 200, says: 'Signatures and attestations' },
      { name: 'manifest', url: `${full}/r/${NGINX}@${image}`, status: 200, says: '7 layers and a config' },
      { name: 'status', url: `${full}/status`, status: 200, says: 'Last drill' },
      { name: 'status-calm', url: `${quiet}/status`, status: 200, says: 'Upstreams in the last run' },
      {
        name: 'missing',
        url: `${full}/r/docker.io/library/missing`,
        status: 404,
        says: 'There is nothing here',
      },
      { name: 'empty', url: `${bare}/`, status: 200, says: 'Nothing is mirrored yet.' },
      { name: 'empty-status', url: `${bare}/status`, status: 200, says: 'No run has left a record' },
      { name: 'refused', url: `${closed}/`, status: 403, says: 'This mirror needs a token' },
      { name: 'stale', url: `${stale}/`, status: 200, says: 'No store answers.' },
      { name: 'unavailable', url: `${stale}/r/${NGINX}`, status: 503, says: 'No store answers' },
    ],
    stop: () => stopAll(edges, store),
  };
}

/** Fills a bucket with the demo. */
export async function putDemo(store: Omit<Store, 'buckets' | 'stop'>, isTroubled = false) {
  const bucket = new BucketObjects(store);
  await bucket.putIdentity('public');
  return putDemoMirror(bucket, Date.now(), isTroubled);
}

async function stopAll(edges: readonly Edge[], store: Store): Promise<void> {
  await Promise.all(edges.map((edge) => edge.stop()));
  await store.stop();
}
