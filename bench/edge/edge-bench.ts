/** `npm run bench -- edge` measures the edge as it is deployed, beside the least that a Worker can do. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { s3ClientOf } from '../../test/support/bucket-reader.ts';
import { startCountingProxy } from '../../test/support/counting-proxy.ts';
import { requireProgram } from '../../test/support/programs.ts';
import { startS3Server, type S3Server } from '../../test/support/s3-server.ts';
import type { Row } from '../table.ts';
import { measureAtOnce, type AtOnceOptions } from './at-once.ts';
import { buildBundle, measureStartup, type Bundle } from './bundle.ts';
import { measureCold } from './cold.ts';
import { LARGE_MANIFEST_BYTES, LARGE_BYTES, fillBucket, type Paths } from './content.ts';
import { measureMemory } from './memory.ts';
import { countReads } from './reads.ts';
import { atOnceRows, bundleRows, coldRows, memoryRow, pageRow, readRows, warmRow } from './rows.ts';
import { measureWarm } from './warm.ts';
import { startCacheService, startEdgeWorker, type RunningWorker } from './workerd.ts';

export interface Effort {
  readonly rounds: number;
  /** Turns of the bare Worker and of ours per round. */
  readonly turns: number;
  /** The length of each turn under load. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** The number of objects of each kind that are requested cold. */
  readonly coldObjects: number;
  /** The number of bytes of its blob that each streaming client reads. */
  readonly readBytes: number;
}

const MIB = 1024 * 1024;

export const FULL: Effort = {
  rounds: 5,
  turns: 4,
  seconds: 3,
  warmUpSeconds: 3,
  coldObjects: 500,
  readBytes: 64 * MIB,
};
export const QUICK: Effort = {
  rounds: 3,
  turns: 1,
  seconds: 1,
  warmUpSeconds: 1,
  coldObjects: 100,
  readBytes: 8 * MIB,
};

const CLIENTS = 50;
/** This many clients come at the same moment when a deployment begins on all nodes. */
const CLIENTS_AT_ONCE = 200;
/** The longest lists of real repositories, with nightly builds of several years, have as many tags. */
const LONG_LIST = 100_000;

/**
 * @param folder holds the files of the run; the caller removes it
 * @param say reports the progress to the person who waits
 * @throws if a program does not start, or gives an unexpected answer
 */
export async function benchEdge(
  folder: string,
  effort: Effort,
  say: (text: string) => void,
): Promise<readonly Row[]> {
  // Programs are checked first, so that a missing one is reported before anything takes time.
  for (const name of ['wrk', 'versitygw'] as const) await requireProgram(name);
  say('building the Worker');
  await mkdir(folder, { recursive: true });
  const bundle = await buildBundle(join(folder, 'dist'));
  say('starting it');
  const startup = await measureStartup(folder, effort.rounds);
  const store = await startS3Server();
  try {
    say('filling a bucket');
    const client = s3ClientOf(store);
    const paths = await fillBucket(client, store.bucket, effort.coldObjects, LONG_LIST);
    client.destroy();
    const run = new EdgeRun(folder, bundle, store, paths);
    return [
      ...(await run.warm(effort, say)),
      ...(await run.cold(effort, say)),
      ...(await run.reads(say)),
      ...bundleRows(bundle, startup),
      await run.memory(effort, say),
      ...(await run.atOnce(say)),
    ];
  } finally {
    await store.stop();
  }
}

class EdgeRun {
  readonly #folder: string;
  readonly #bundle: Bundle;
  readonly #store: S3Server;
  readonly #paths: Paths;
  #started = 0;

  constructor(folder: string, bundle: Bundle, store: S3Server, paths: Paths) {
    this.#folder = folder;
    this.#bundle = bundle;
    this.#store = store;
    this.#paths = paths;
  }

  async warm(effort: Effort, say: (text: string) => void): Promise<Row[]> {
    const cases = [
      ['manifest by digest', this.#paths.manifests[0]],
      ['manifest by tag', this.#paths.tags[0]],
      ['blob redirect', this.#paths.blobs[0]],
      ['page of a repository', this.#paths.page],
    ] as const;
    const rows: Row[] = [];
    for (const [what, path = ''] of cases) {
      say(`warm ${what}, beside a bare Worker`);
      const edge = await this.#start();
      try {
        const folder = join(this.#folder, what.replaceAll(' ', '-'));
        const { runtime } = this.#bundle;
        const measured = await measureWarm({ ...effort, edge, runtime, path, folder });
        rows.push(path === this.#paths.page ? pageRow(what, measured) : warmRow(what, measured));
      } finally {
        await edge.stop();
      }
    }
    return rows;
  }

  async cold({ rounds }: Effort, say: (text: string) => void): Promise<Row[]> {
    say('cold answers');
    return coldRows(await measureCold(() => this.#start({}, '/v2/'), this.#paths, rounds));
  }

  async reads(say: (text: string) => void): Promise<Row[]> {
    say('reads of the store');
    const proxy = await startCountingProxy({ target: this.#store.endpoint });
    try {
      const start = (variables: Readonly<Record<string, string>>) =>
        this.#start({ S3_ENDPOINT: proxy.url, ...variables });
      return readRows(await countReads(start, proxy, this.#paths));
    } finally {
      await proxy.stop();
    }
  }

  async memory({ readBytes }: Effort, say: (text: string) => void): Promise<Row> {
    say(`${CLIENTS} clients that stream 1 GiB`);
    const edge = await this.#start({ BLOBS: 'stream' }, this.#paths.smallBlob);
    try {
      const options = { clients: CLIENTS, readBytes, size: LARGE_BYTES };
      return memoryRow(await measureMemory({ edge, path: this.#paths.largeBlob, ...options }), options);
    } finally {
      await edge.stop();
    }
  }

  async atOnce(say: (text: string) => void): Promise<Row[]> {
    const { largeTags, longTagList } = this.#paths;
    const manifests = `${largeTags.length} manifests of 64 KiB`;
    const list = `a list of ${LONG_LIST.toLocaleString('en')} tags with n=100`;
    return [
      ...(await this.#askAtOnce(manifests, { paths: largeTags, size: LARGE_MANIFEST_BYTES }, say)),
      ...(await this.#askAtOnce(list, { paths: [longTagList.path], size: longTagList.size }, say)),
    ];
  }

  async #askAtOnce(
    what: string,
    request: Pick<AtOnceOptions, 'paths' | 'size'>,
    say: (text: string) => void,
  ): Promise<Row[]> {
    say(`${CLIENTS_AT_ONCE} clients at once, cold: ${what}`);
    const proxy = await startCountingProxy({ target: this.#store.endpoint });
    const cache = await startCacheService(join(this.#folder, `cache-${this.#started}`), this.#bundle.runtime);
    try {
      const edge = await this.#start({ S3_ENDPOINT: proxy.url, STORE_FRESH: '1h' }, undefined, cache);
      try {
        const measured = await measureAtOnce({ edge, proxy, clients: CLIENTS_AT_ONCE, ...request });
        return atOnceRows(what, measured, { clients: CLIENTS_AT_ONCE, objects: request.paths.length });
      } finally {
        await edge.stop();
      }
    } finally {
      await cache.stop();
      await proxy.stop();
    }
  }

  /** @param first is requested before anything is measured, so that the edge has reached its store */
  async #start(
    variables: Readonly<Record<string, string>> = {},
    first?: string,
    cache?: RunningWorker,
  ): Promise<RunningWorker> {
    const { endpoint, bucket, region, accessKeyId, secretAccessKey } = this.#store;
    this.#started += 1;
    const edge = await startEdgeWorker(
      join(this.#folder, `edge-${this.#started}`),
      this.#bundle.file,
      this.#bundle.runtime,
      {
        S3_ENDPOINT: endpoint,
        S3_BUCKET: bucket,
        S3_REGION: region,
        S3_ACCESS_KEY_ID: accessKeyId,
        S3_SECRET_ACCESS_KEY: secretAccessKey,
        ...variables,
      },
      cache,
    );
    if (first !== undefined) {
      const response = await fetch(`${edge.url}${first}`, { signal: AbortSignal.timeout(20_000) });
      await response.arrayBuffer();
    }
    return edge;
  }
}
