/**
 * `npm run bench -- maintenance` measures `lifeboat verify` and the plan of `lifeboat prune` over a large bucket, beside bare
 * listings of the same bucket, and `verify --deep` beside a process that only reads and hashes.
 */
import { writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { digestFromHash } from '../../core/digest.ts';
import { encodeBlobLink } from '../../core/blob-link.ts';
import { blobKey, blobLinkKey } from '../../core/layout.ts';
import { parseRepository } from '../../core/reference.ts';
import { createS3Connection } from '../../mirror-job/runtime/node/s3-connection.ts';
import { S3Store } from '../../mirror-job/storage/s3/s3-store.ts';
import { bytesOf, randomBlob } from '../../test/support/content.ts';
import { NOBODYS } from '../../test/support/nobody.ts';
import { startS3Server, type S3Server } from '../../test/support/s3-server.ts';
import { runMeasured, type Measured } from '../job/process-tree.ts';
import type { Row } from '../table.ts';
import { fillMaintained, repositoryPaths } from './bucket-content.ts';
import { deepRows, growthRows, sizeRows, type Readings } from './rows.ts';

const LIFEBOAT = join(import.meta.dirname, '../../mirror-job/lifeboat.js');
const LISTING = join(import.meta.dirname, 'bare-listing.ts');
const HASHING = join(import.meta.dirname, 'bare-hashing.ts');
const HOST = 'mirror.test';
const LIMIT_MS = 900_000;
const BLOB_BYTES = 16 * 1024 * 1024;

export interface MaintenanceEffort {
  /** Repositories of about 180 objects: of the smaller bucket, and of the larger one, which has ten times as many. */
  readonly repositories: readonly [number, number];
  readonly rounds: number;
  /** How many blobs of 16 MiB are hashed. */
  readonly blobs: number;
}

export const FULL_MAINTENANCE: MaintenanceEffort = { repositories: [56, 560], rounds: 3, blobs: 64 };
export const QUICK_MAINTENANCE: MaintenanceEffort = { repositories: [5, 50], rounds: 1, blobs: 8 };

type Say = (text: string) => void;

/** @throws if a command fails, or finds something wrong */
export async function benchMaintenance(
  folder: string,
  { repositories, rounds, blobs }: MaintenanceEffort,
  say: Say,
): Promise<readonly Row[]> {
  const server = await startS3Server({ buckets: 3 });
  try {
    const sizes: Readings[] = [];
    for (const [index, count] of repositories.entries()) {
      say(`filling a bucket with ${count} repositories`);
      const bench = await Bench.fill(folder, server, server.buckets[index] ?? '', count);
      sizes.push(await bench.measureSize(rounds, say));
    }
    say(`filling a bucket with ${blobs} blobs of 16 MiB`);
    const bench = await Bench.fill(folder, server, server.buckets[2] ?? '', 1);
    await bench.addBlobs(blobs);
    const deep = await bench.measureDeep(rounds, say);
    return [...sizes.flatMap(sizeRows), ...growthRows(sizes), ...deepRows(deep)];
  } finally {
    await server.stop();
  }
}

class Bench {
  readonly #folder: string;
  readonly #server: S3Server;
  readonly #bucket: string;
  readonly #store: S3Store;
  readonly #file: string;
  #objects = 0;

  private constructor(folder: string, server: S3Server, bucket: string) {
    const { endpoint, region, accessKeyId, secretAccessKey } = server;
    this.#folder = folder;
    this.#server = server;
    this.#bucket = bucket;
    this.#file = join(folder, `${bucket}.yaml`);
    const credentials = { accessKeyId, secretAccessKey };
    const options = { endpoint, region, bucket, prefix: '', pathStyle: true, credentials };
    this.#store = new S3Store(options, createS3Connection());
  }

  static async fill(folder: string, server: S3Server, bucket: string, repositories: number): Promise<Bench> {
    const bench = new Bench(folder, server, bucket);
    const paths = repositoryPaths(repositories);
    bench.#objects = await fillMaintained(bench.#store, HOST, paths);
    const { endpoint, region, accessKeyId, secretAccessKey } = server;
    const configuration = {
      store: { endpoint, region, bucket, accessKeyId, secretAccessKey },
      retention: {},
      images: paths.map((path) => ({ source: `${HOST}/${path}`, tags: ['*'] })),
    };
    await writeFile(bench.#file, JSON.stringify(configuration));
    return bench;
  }

  /** No image needs them, which is as good for hashing. */
  async addBlobs(count: number): Promise<void> {
    const repository = parseRepository(`${HOST}/${repositoryPaths(1).join('')}`);
    for (let index = 0; index < count; index += 1) {
      const bytes = await bytesOf(randomBlob(`blob ${index}`, BLOB_BYTES));
      const digest = digestFromHash('sha256', createHash('sha256').update(bytes).digest());
      const contentType = 'application/octet-stream';
      await this.#store.put(blobKey(digest), new Uint8Array(bytes), { contentType });
      const link = encodeBlobLink({ digest, size: bytes.length });
      await this.#store.put(blobLinkKey(repository, digest), link, { contentType });
    }
  }

  /** Takes turns, because others may use the machine. */
  async measureSize(rounds: number, say: Say): Promise<Readings> {
    const [listing, verify, prune]: [Measured[], Measured[], Measured[]] = [[], [], []];
    for (let round = 1; round <= rounds; round += 1) {
      say(`${this.#objects} objects, round ${round} of ${rounds}`);
      listing.push(await this.#bare(LISTING, String(this.#objects)));
      verify.push(await this.#lifeboat('verify'));
      prune.push(await this.#lifeboat('prune', '--plan', join(this.#folder, 'plan.json')));
    }
    return { objects: this.#objects, listing, verify, prune };
  }

  async measureDeep(rounds: number, say: Say) {
    const [hashing, quick, deep]: [Measured[], Measured[], Measured[]] = [[], [], []];
    for (let round = 1; round <= rounds; round += 1) {
      say(`hashing, round ${round} of ${rounds}`);
      hashing.push(await this.#bare(HASHING, ''));
      quick.push(await this.#lifeboat('verify'));
      deep.push(await this.#lifeboat('verify', '--deep'));
    }
    return { hashing, quick, deep };
  }

  async #bare(script: string, expected: string): Promise<Measured> {
    const { endpoint, region, accessKeyId, secretAccessKey } = this.#server;
    const args = [script, endpoint, region, this.#bucket, accessKeyId, secretAccessKey];
    const measured = await runMeasured(process.execPath, args, { timeoutMs: LIMIT_MS });
    if (measured.code === 0 && measured.output.startsWith(expected)) return measured;
    throw new Error(`${script} said ${measured.output}, and not ${expected}.`);
  }

  async #lifeboat(...args: readonly string[]): Promise<Measured> {
    const command = [LIFEBOAT, ...args, '-c', this.#file];
    const measured = await runMeasured(process.execPath, command, { timeoutMs: LIMIT_MS, env: NOBODYS });
    if (measured.code === 0) return measured;
    throw new Error(`lifeboat ${args.join(' ')} ended with ${measured.code}:\n${measured.output}`);
  }
}
