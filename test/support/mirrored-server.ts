/** A mirror in a real S3 server, behind a proxy that can hold a request, and `lifeboat` as a process over it. */
import { DeleteObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BucketReader, s3ClientOf } from './bucket-reader.ts';
import type { Repository } from './content.ts';
import { startCountingProxy, type CountingProxy, type ProxiedRequest } from './counting-proxy.ts';
import { NOBODYS } from './nobody.ts';
import { runProgram, startProgram, type Finished, type Program } from './process.ts';
import { startRogueRegistry, type RogueRegistry } from './rogue-registry.ts';
import { startS3Server, type S3Server } from './s3-server.ts';
import { walkBucket } from './walk-bucket.ts';

const MAIN = join(import.meta.dirname, '../../mirror-job/start.ts');
export const IMAGE = 'mirror.test/team/app';
export const ROOT = `repositories/${IMAGE}/`;

interface Hold {
  before: (request: ProxiedRequest) => Promise<void>;
}

export class MirroredServer {
  readonly server: S3Server;
  readonly client: S3Client;
  /** Is between the job and the first bucket. */
  readonly proxy: CountingProxy;
  readonly #hold: Hold;
  readonly #registry: RogueRegistry;
  readonly #folder: string;

  private constructor(
    server: S3Server,
    proxy: CountingProxy,
    hold: Hold,
    registry: RogueRegistry,
    folder: string,
  ) {
    this.server = server;
    this.client = s3ClientOf(server);
    this.proxy = proxy;
    this.#hold = hold;
    this.#registry = registry;
    this.#folder = folder;
  }

  /** Starts a server with as many empty buckets, and an upstream with this repository. */
  static async start(buckets: number, repository: Repository): Promise<MirroredServer> {
    const server = await startS3Server({ buckets });
    const hold: Hold = { before: async () => {} };
    const proxy = await startCountingProxy({
      target: server.endpoint,
      before: (request) => hold.before(request),
    });
    const corpus = { repositories: new Map([['team/app', repository]]) };
    const registry = await startRogueRegistry({ corpus });
    const folder = await mkdtemp(join(tmpdir(), 'lifeboat-mirrored-'));
    return new MirroredServer(server, proxy, hold, registry, folder);
  }

  async stop(): Promise<void> {
    this.client.destroy();
    await this.proxy.stop();
    await this.#registry.stop();
    await this.server.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Waits before each request to the first bucket reaches the server; undefined for no longer. */
  holdEach(before?: (request: ProxiedRequest) => Promise<void>): void {
    this.#hold.before = before ?? (async () => {});
  }

  /** @param more further keys of the configuration. @returns its file */
  async configure(name: string, tags: readonly string[], more: object = {}): Promise<string> {
    const { region, buckets, accessKeyId, secretAccessKey, endpoint } = this.server;
    const stores = buckets.map((bucket, index) => ({
      endpoint: index === 0 ? this.proxy.url : endpoint,
      bucket,
      region,
      accessKeyId,
      secretAccessKey,
    }));
    const { host } = this.#registry;
    const file = join(this.#folder, `${name}.yaml`);
    const configuration = {
      ...(stores.length === 1 ? { store: stores[0] } : { stores }),
      upstreams: { [host]: { insecure: true, credentials: [] } },
      images: [{ source: `${host}/team/app`, name: IMAGE, tags }],
      ...more,
    };
    await writeFile(file, JSON.stringify(configuration));
    return file;
  }

  lifeboat(...args: readonly string[]): Promise<Finished> {
    return runProgram(process.execPath, [MAIN, ...args], this.#options());
  }

  /** Starts a command that the test is going to end. */
  begin(...args: readonly string[]): Promise<Program> {
    return startProgram(process.execPath, [MAIN, ...args], this.#options());
  }

  #options() {
    const env = { ...NOBODYS, DOCKER_CONFIG: this.#folder };
    return { timeout: 100_000, cwd: this.#folder, env };
  }

  reader(bucket = this.server.bucket): BucketReader {
    return new BucketReader({ client: this.client, bucket });
  }

  /** The keys that match, in their order. */
  async keys(pattern: RegExp): Promise<string[]> {
    return [...(await this.reader().sizes()).keys()].filter((key) => pattern.test(key));
  }

  async put(Key: string, Body: Uint8Array): Promise<void> {
    await this.client.send(new PutObjectCommand({ Bucket: this.server.bucket, Key, Body }));
  }

  async delete(Key: string): Promise<void> {
    await this.client.send(new DeleteObjectCommand({ Bucket: this.server.bucket, Key }));
  }

  /** The faults that a walk finds, whose code is not Lifeboat's own. */
  async faults(): Promise<readonly string[]> {
    const { problems, behind } = await walkBucket({ client: this.client, bucket: this.server.bucket });
    return [...problems, ...behind];
  }
}
