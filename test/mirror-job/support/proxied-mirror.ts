/** Runs the engine from a registry into a real S3 API, and records every request on both sides. */
import { openBucket } from '../../../mirror-job/engine/store/bucket.ts';
import { runMirror } from '../../../mirror-job/engine/run/run.ts';
import { S3Store } from '../../../mirror-job/storage/s3/s3-store.ts';
import { createS3Connection } from '../../../mirror-job/runtime/node/s3-connection.ts';
import { s3ClientOf } from '../../support/bucket-reader.ts';
import type { Corpus } from '../../support/content.ts';
import { startCountingProxy, type CountingProxy } from '../../support/counting-proxy.ts';
import { startRogueRegistry, type RogueOptions, type RogueRegistry } from '../../support/rogue-registry.ts';
import { emptyBuckets, type Buckets } from '../../support/shared.ts';
import { walkBucket, type BucketWalk } from '../../support/walk-bucket.ts';
import {
  environmentFor,
  imageOf,
  outcomesOf,
  sourceAt,
  type ImageOptions,
  type TestClock,
} from './harness.ts';

export interface Run {
  readonly outcomes: Record<string, string>;
  /** The requests to the upstream in their order, each as `<method> <kind> <reference>`. */
  readonly upstream: string[];
  /** The writes in their order, each as `<method> <key>`; `POST <key>` begins or completes an upload. */
  readonly writes: string[];
  /** The reads in the same form. `GET` without a key lists the open uploads. */
  readonly reads: string[];
}

/** The time is generous, because nothing hangs here and a busy machine is slow. */
const PATIENT = { timeoutMs: 10_000 };
/** The smallest part that S3 takes. */
const PART = 5 * 1024 * 1024;

export class ProxiedMirror {
  readonly #local: Buckets;
  readonly #proxy: CountingProxy;
  readonly #buckets: string[];
  readonly #registries: RogueRegistry[] = [];
  #bucket = '';

  private constructor(local: Buckets, proxy: CountingProxy) {
    this.#local = local;
    this.#proxy = proxy;
    this.#buckets = [...local.buckets];
  }

  /** @param buckets the number of calls of `begin` */
  static async start(buckets: number): Promise<ProxiedMirror> {
    const local = await emptyBuckets(buckets);
    return new ProxiedMirror(local, await startCountingProxy({ target: new URL(local.endpoint).origin }));
  }

  /** Starts a registry for the corpus, and chooses an empty bucket. */
  async begin(corpus: Corpus, options: Partial<RogueOptions> = {}): Promise<RogueRegistry> {
    const bucket = this.#buckets.shift();
    if (bucket === undefined) throw new Error('More empty buckets are asked for than were started.');
    this.#bucket = bucket;
    const registry = await startRogueRegistry({ corpus, ...options });
    this.#registries.unshift(registry);
    return registry;
  }

  /** Makes one run. The requests that open the bucket are not recorded. */
  async sync(paths: readonly string[], options: ImageOptions = {}, clock?: TestClock): Promise<Run> {
    const [registry] = this.#registries;
    if (registry === undefined) throw new Error('No registry was started.');
    const { pathname } = new URL(this.#local.endpoint);
    const store = new S3Store(
      {
        endpoint: this.#proxy.url + pathname,
        region: this.#local.region,
        bucket: this.#bucket,
        prefix: '',
        pathStyle: true,
        credentials: this.#local,
      },
      createS3Connection(),
    );
    await openBucket(store, { name: 'test', audience: 'public', singleWriter: false, newId: 'id' });
    this.#proxy.reset();
    registry.requests.length = 0;
    const images = await Promise.all(
      paths.map(async (path) =>
        imageOf(await sourceAt(registry.host, path, PATIENT), `mirror.test/${path}`, options),
      ),
    );
    const limits = { partBytes: PART };
    const environment = environmentFor(store, clock === undefined ? { limits } : { clock, limits });
    const report = await runMirror(environment, 'test', images);
    const folder = `${pathname}/${this.#bucket}/`;
    const calls = this.#proxy.requests.map(({ method, path, write }) => ({
      isWrite: write > 0,
      text: `${method} ${path.replace(folder, '')}`.trim(),
    }));
    return {
      outcomes: outcomesOf(report),
      upstream: registry.requests.map(({ method, kind, reference }) =>
        `${method} ${kind} ${reference}`.trim(),
      ),
      writes: calls.filter(({ isWrite }) => isWrite).map(({ text }) => text),
      reads: calls.filter(({ isWrite }) => !isWrite).map(({ text }) => text),
    };
  }

  async walk(): Promise<BucketWalk> {
    const client = s3ClientOf(this.#local);
    try {
      return await walkBucket({ client, bucket: this.#bucket });
    } finally {
      client.destroy();
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#registries.map((registry) => registry.stop()));
    await this.#proxy.stop();
  }
}
