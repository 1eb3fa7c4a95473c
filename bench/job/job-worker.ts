/**
 * Runs the job as a Worker, in workerd, through wrangler. It is built from the configuration that people deploy, but its
 * store is an S3 server that it reaches by `fetch`, as that of the job in Node, and not wrangler's R2, which would work in
 * the same process.
 */
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createTestHarness, unstable_readConfig } from 'wrangler';
import { CONFIGURATION_KEY } from '../../core/layout.ts';
import { s3ClientOf } from '../../test/support/bucket-reader.ts';
import { pause } from '../../test/support/process.ts';
import { forgetPeak, readStatus } from '../edge/memory.ts';
import { startBucketDestination } from './destination.ts';
import { childrenNamed, cpuSecondsOf, type Figures } from './process-tree.ts';
import { lifeboatConfiguration, PATIENCE_MS, storeOf, type Job, type Tool } from './tools.ts';

/** The configuration that people copy to deploy. */
const DEPLOYED = resolve(import.meta.dirname, '../../mirror-job/wrangler.deploy.example.toml');
/** A run writes its report last. After that, its instance is asked for its status until it has ended. */
const REPORT = /\/last-run\.json$/;
/** The CPU time of workerd without a run is measured for so long. */
const IDLE_MS = 2000;
/** A run that fails writes no report, so the instance is asked now and then anyway. Each time costs CPU. */
const ASK_EVERY_MS = 5000;
const ASK_AFTER_REPORT_MS = 20;

process.env['CLOUDFLARE_CF_FETCH_ENABLED'] = 'false';

interface Instance {
  status(): Promise<{ readonly status: string; readonly error?: { readonly message: string } }>;
}

interface Bindings {
  readonly RUN: { get(id: string): Promise<Instance> };
}

type WorkerJob = Pick<Job, 'source' | 'repository' | 'more' | 'referrersEvery' | 'destination'>;

export class JobWorker {
  readonly #harness: ReturnType<typeof createTestHarness>;
  /** The processes of workerd: one has the Worker and its Workflows, the other one passes requests on. */
  readonly #pids: readonly number[];
  #hour = 0;

  private constructor(harness: ReturnType<typeof createTestHarness>, pids: readonly number[]) {
    this.#harness = harness;
    this.#pids = pids;
  }

  /** @param destination a bucket, the only one of this Worker */
  static async start(destination: Job['destination']): Promise<JobWorker> {
    const { endpoint, bucket, region, accessKeyId, secretAccessKey } = storeOf(destination);
    const folder = await mkdtemp(join(tmpdir(), 'lifeboat-worker-'));
    const configPath = join(folder, 'wrangler.json');
    await writeFile(configPath, JSON.stringify(deployed()));
    const vars = {
      S3_ENDPOINT: endpoint,
      S3_BUCKET: bucket,
      S3_REGION: region,
      S3_ACCESS_KEY_ID: accessKeyId,
      S3_SECRET_ACCESS_KEY: secretAccessKey,
    };
    const others = new Set(childrenNamed('workerd'));
    const harness = createTestHarness({ root: folder, workers: [{ configPath, vars }] });
    await harness.listen();
    const pids = childrenNamed('workerd').filter((pid) => !others.has(pid));
    if (pids.length === 0) {
      await harness.close();
      throw new Error('wrangler started no process of workerd.');
    }
    return new JobWorker(harness, pids);
  }

  /**
   * Makes one whole run, begun by the cron trigger. The bucket's link counts the requests of the run alone. The CPU time is
   * without what workerd takes while it is idle.
   * @throws if the run fails or takes too long
   */
  async run(job: WorkerJob): Promise<Figures> {
    await configure(job);
    const { link } = job.destination;
    const idle = await this.#idle();
    link.proxy.reset();
    let servedAt: number | undefined;
    const reported = new Promise<'reported'>((done) => {
      link.watch(({ method, path }) => {
        if (method !== 'PUT') return;
        if (REPORT.test(path)) done('reported');
        if (path.includes('/repositories/')) servedAt = performance.now();
      });
    });
    this.#hour += 1;
    const due = new Date(Date.UTC(2026, 10, 29, this.#hour, 17));
    const before = cpuSecondsOf(this.#pids);
    const begin = performance.now();
    try {
      await this.#harness.getWorker().scheduled({ cron: '17 * * * *', scheduledTime: due });
      await this.#ended(`run-${due.toISOString().replaceAll(/[^A-Za-z0-9_]/g, '-')}`, reported);
    } finally {
      link.watch(undefined);
    }
    const seconds = (performance.now() - begin) / 1000;
    return {
      seconds,
      cpuSeconds: Math.max(0, cpuSecondsOf(this.#pids) - before - idle.cpuShare * seconds),
      peakBytes: await this.#memory('VmHWM'),
      idleBytes: idle.bytes,
      ...(servedAt !== undefined && { servedSeconds: (servedAt - begin) / 1000 }),
    };
  }

  async close(): Promise<void> {
    await this.#harness.close();
  }

  /** @returns what the processes take without a run: CPU seconds per second, and memory. Their peak begins anew. */
  async #idle(): Promise<{ readonly cpuShare: number; readonly bytes: number }> {
    const before = cpuSecondsOf(this.#pids);
    await pause(IDLE_MS);
    const cpuShare = (cpuSecondsOf(this.#pids) - before) / (IDLE_MS / 1000);
    for (const pid of this.#pids) await forgetPeak(pid);
    return { cpuShare, bytes: await this.#memory('VmRSS') };
  }

  async #memory(field: 'VmRSS' | 'VmHWM'): Promise<number> {
    const values = await Promise.all(this.#pids.map((pid) => readStatus(pid, field)));
    return values.reduce((total, value) => total + value, 0);
  }

  async #ended(id: string, reported: Promise<'reported'>): Promise<void> {
    const { RUN } = await this.#harness.getWorker<Bindings>().getEnv();
    const deadline = Date.now() + PATIENCE_MS;
    while (Date.now() < deadline) {
      const waited = await Promise.race([reported, pause(ASK_EVERY_MS)]);
      if (waited === 'reported') await pause(ASK_AFTER_REPORT_MS);
      const { status, error } = await (await RUN.get(id)).status();
      if (status === 'complete') return;
      if (status === 'errored' || status === 'terminated') {
        throw new Error(`The run of the Worker ended as ${status}: ${error?.message}\n${this.#lastLogs()}`);
      }
    }
    throw new Error(`The Worker was not done after ${PATIENCE_MS / 1000} s:\n${this.#lastLogs()}`);
  }

  #lastLogs(): string {
    return this.#harness
      .getLogs()
      .slice(-20)
      .map((line) => JSON.stringify(line))
      .join('\n');
  }
}

/**
 * The job as a Worker. Each run has a workerd of its own, because a Worker that runs once an hour begins in a new isolate.
 * Its start is not measured: at Cloudflare it is there already.
 */
export const WORKER_TOOL: Tool = {
  name: 'the job as a Worker',
  startDestination: startBucketDestination,
  run: async (job) => {
    const worker = await JobWorker.start(job.destination);
    try {
      return await worker.run(job);
    } finally {
      await worker.close();
    }
  },
};

/** @returns what is deployed, without the bucket of R2, and with absolute paths */
function deployed() {
  const { name, main, compatibility_date, compatibility_flags, minify, triggers, limits, workflows } =
    unstable_readConfig({ config: DEPLOYED }, { hideWarnings: true });
  return { name, main, compatibility_date, compatibility_flags, minify, triggers, limits, workflows };
}

/** Writes the configuration into the bucket, where the Worker reads it. */
async function configure(job: WorkerJob): Promise<void> {
  const store = storeOf(job.destination);
  const client = s3ClientOf(store);
  try {
    const Body = lifeboatConfiguration(job);
    await client.send(
      new PutObjectCommand({
        Bucket: store.bucket,
        Key: CONFIGURATION_KEY,
        Body,
        ContentType: 'application/yaml',
      }),
    );
  } finally {
    client.destroy();
  }
}
