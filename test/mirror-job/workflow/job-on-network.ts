/**
 * Runs the job's Worker in workerd as `wrangler dev` does, so that workerd itself sends the Worker's requests: a connection that
 * is reset, an answer that breaks off and one that is compressed come to the Worker as they would at Cloudflare.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { unstable_readConfig, unstable_startWorker } from 'wrangler';
import { CONFIGURATION_KEY } from '../../../core/layout.ts';
import { BucketReader, s3ClientOf } from '../../support/bucket-reader.ts';
import { freePort } from '../../support/process.ts';
import { JobRuns, type InstanceState } from './job-runs.ts';

// Miniflare asks a host of Cloudflare's for `request.cf`, and prints a stack trace if there is no network.
process.env['CLOUDFLARE_CF_FETCH_ENABLED'] = 'false';
process.env['WRANGLER_WRITE_LOGS'] = 'false';

const CONFIG = join(import.meta.dirname, '../../../mirror-job/wrangler.toml');
const MAIN = join(import.meta.dirname, 'job-with-status.workers.ts');

/** The mirror's bucket, as a client of S3 reaches it. */
export interface JobStore {
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Empty, or with a slash at its end. */
  readonly prefix: string;
}

type Worker = Awaited<ReturnType<typeof unstable_startWorker>>;

export class JobOnNetwork extends JobRuns {
  readonly store: JobStore;
  readonly #worker: Worker;
  readonly #url: string;
  readonly #folder: string;

  private constructor(worker: Worker, url: string, folder: string, store: JobStore) {
    super();
    this.#worker = worker;
    this.#url = url;
    this.#folder = folder;
    this.store = store;
  }

  /**
   * @param vars the Worker's variables and secrets
   * @param store the bucket that the variables name; left out for a bucket of R2 that is bound
   */
  static async start(vars: Record<string, string> = {}, store?: JobStore): Promise<JobOnNetwork> {
    const folder = await mkdtemp(join(tmpdir(), 'lifeboat-job-'));
    const read = unstable_readConfig({ config: CONFIG }, { hideWarnings: true });
    const { compatibility_date, compatibility_flags, workflows, r2_buckets } = read;
    const buckets = store === undefined ? r2_buckets : [];
    const config = join(folder, 'wrangler.json');
    await writeFile(
      config,
      JSON.stringify({
        name: 'lifeboat-job',
        main: MAIN,
        compatibility_date,
        compatibility_flags,
        workflows,
        r2_buckets: buckets,
        vars,
      }),
    );
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const worker = await unstable_startWorker({
      config,
      dev: {
        server: { hostname: '127.0.0.1', port },
        inspector: false,
        persist: join(folder, 'state'),
        watch: false,
        logLevel: 'none',
      },
    });
    await worker.ready;
    return new JobOnNetwork(worker, url, folder, store ?? bound(url));
  }

  async configure(text: string): Promise<void> {
    await this.put(CONFIGURATION_KEY, text);
  }

  async put(key: string, text: string): Promise<void> {
    const { bucket, prefix } = this.store;
    const client = s3ClientOf(this.store);
    await client.send(new PutObjectCommand({ Bucket: bucket, Key: prefix + key, Body: text }));
    client.destroy();
  }

  override async read(key: string): Promise<unknown> {
    const object = await this.reader().read(key);
    return object === undefined ? undefined : JSON.parse(object.bytes.toString());
  }

  reader(): BucketReader {
    const { bucket, prefix } = this.store;
    return new BucketReader({ client: s3ClientOf(this.store), bucket, prefix });
  }

  override async fire(at: Date): Promise<void> {
    const query = new URLSearchParams({ cron: '17 * * * *', time: String(at.getTime()) });
    const response = await fetch(`${this.#url}/cdn-cgi/handler/scheduled?${query.toString()}`);
    if (!response.ok) throw new Error(`The trigger failed: ${await response.text()}`);
  }

  protected override async stateOf(instance: string): Promise<InstanceState> {
    const response = await fetch(`${this.#url}/${instance}`);
    if (!response.ok) throw new Error(`${instance}: ${await response.text()}`);
    const state: InstanceState = JSON.parse(await response.text());
    return state;
  }

  async close(): Promise<void> {
    await this.#worker.dispose();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** @returns the bucket of R2 that the Worker is bound to, by its local S3 API */
function bound(url: string): JobStore {
  return {
    endpoint: `${url}/cdn-cgi/local/r2/s3`,
    bucket: 'lifeboat',
    region: 'auto',
    accessKeyId: 'local',
    secretAccessKey: 'local-secret',
    prefix: '',
  };
}
