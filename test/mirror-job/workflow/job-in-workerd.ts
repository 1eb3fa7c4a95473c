/**
 * Runs the job's Worker in workerd, over R2, as wrangler deploys it, with control over its steps. Wrangler's harness sends the
 * Worker's requests by the `fetch` of Node, which hides what is odd about an answer: JobOnNetwork is for that.
 */
import { join, resolve } from 'node:path';
import { createTestHarness } from 'wrangler';
import { CONFIGURATION_KEY } from '../../../core/layout.ts';
import { JobRuns, runIdOf, type InstanceState } from './job-runs.ts';

const ROOT = resolve(import.meta.dirname, '../../..');

interface Instance {
  status(): Promise<InstanceState>;
}

interface Binding {
  get(id: string): Promise<Instance>;
  create(options: { readonly id: string; readonly params: unknown }): Promise<Instance>;
}

interface Bindings {
  readonly RUN: Binding;
  readonly BUCKET: {
    delete(key: string): Promise<void>;
    head(key: string): Promise<{ readonly size: number } | null>;
    put(key: string, text: string): Promise<unknown>;
    get(key: string): Promise<{ text(): Promise<string> } | null>;
  };
}

const EDGE = 'edge';

interface EdgeBindings {
  readonly MISSES: { sendBatch(messages: readonly { readonly body: unknown }[]): Promise<unknown> };
}

export class JobInWorkerd extends JobRuns {
  readonly #harness: ReturnType<typeof createTestHarness>;
  readonly url: URL;

  private constructor(harness: ReturnType<typeof createTestHarness>, url: URL) {
    super();
    this.#harness = harness;
    this.url = url;
  }

  /** Starts the job, and an edge over the same bucket that sends its misses to the job's queue. */
  static async start(vars: Record<string, string> = {}): Promise<JobInWorkerd> {
    const harness = createTestHarness({
      root: ROOT,
      workers: [
        { configPath: join(ROOT, 'mirror-job/wrangler.toml'), vars },
        {
          config: {
            name: EDGE,
            main: 'worker/index.ts',
            compatibility_date: '2026-10-01',
            r2_buckets: [{ binding: 'BUCKET', bucket_name: 'lifeboat' }],
            queues: { producers: [{ binding: 'MISSES', queue: 'lifeboat-misses' }] },
          },
        },
      ],
    });
    const { url } = await harness.listen();
    return new JobInWorkerd(harness, url);
  }

  get store() {
    return {
      endpoint: new URL('/cdn-cgi/local/r2/s3', this.url).href,
      bucket: 'lifeboat',
      region: 'auto',
      accessKeyId: 'local',
      secretAccessKey: 'local-secret',
    };
  }

  async #env(): Promise<Bindings> {
    return this.#harness.getWorker<Bindings>().getEnv();
  }

  async configure(text: string): Promise<void> {
    await this.put(CONFIGURATION_KEY, text);
  }

  async put(key: string, text: string): Promise<void> {
    await (await this.#env()).BUCKET.put(key, text);
  }

  override async read<Value = unknown>(key: string): Promise<Value | undefined> {
    const object = await (await this.#env()).BUCKET.get(key);
    return object === null ? undefined : JSON.parse(await object.text());
  }

  async delete(key: string): Promise<void> {
    await (await this.#env()).BUCKET.delete(key);
  }

  /** @returns the size of an object in bytes; undefined if there is none */
  async sizeOf(key: string): Promise<number | undefined> {
    return (await (await this.#env()).BUCKET.head(key))?.size;
  }

  /** Sends messages to the queue, as the edge does. */
  async send(bodies: readonly unknown[]): Promise<void> {
    const { MISSES } = await this.#harness.getWorker<EdgeBindings>(EDGE).getEnv();
    const atOnce = 100;
    for (let from = 0; from < bodies.length; from += atOnce) {
      await MISSES.sendBatch(bodies.slice(from, from + atOnce).map((body) => ({ body })));
    }
  }

  /** Asks the edge. @param path of the address, from `/v2/` on */
  async pull(path: string, init?: { readonly method: string }): Promise<{ readonly status: number }> {
    return this.#harness.getWorker(EDGE).fetch(`https://edge.test${path}`, init);
  }

  /** Fires the cron trigger. */
  override async fire(at: Date): Promise<void> {
    await this.#harness.getWorker().scheduled({ cron: '17 * * * *', scheduledTime: at });
  }

  /** Makes the first attempts at a step of the run that is due at a time fail, without the waits between attempts. */
  async failStep(workflow: 'RUN', at: Date, name: string, times: number): Promise<void> {
    const instance = await this.#harness
      .getWorker<Bindings>()
      .introspectWorkflowInstance(workflow, runIdOf(at));
    await instance.modify(async (modifier) => {
      await modifier.disableRetryDelays();
      await modifier.mockStepError({ name }, new Error('It failed.'), times);
    });
  }

  /**
   * Makes the first attempts at a step of every new instance fail, without the waits between attempts.
   * @returns what ends that
   */
  async failStepOfNew(
    workflow: 'UPSTREAM' | 'BLOB',
    name: string,
    times: number,
  ): Promise<() => Promise<void>> {
    const introspector = await this.#harness.getWorker().introspectWorkflow(workflow);
    await introspector.modifyAll(async (modifier) => {
      await modifier.disableRetryDelays();
      await modifier.mockStepError({ name }, new Error('It was thrown away.'), times);
    });
    return () => introspector.dispose();
  }

  /** Cuts off the first attempt at a step of every new instance, as a time-out does. @returns what ends that */
  async cutOffStepOfNew(workflow: 'UPSTREAM' | 'BLOB', name: string): Promise<() => Promise<void>> {
    const introspector = await this.#harness.getWorker().introspectWorkflow(workflow);
    await introspector.modifyAll(async (modifier) => {
      await modifier.disableRetryDelays();
      await modifier.forceStepTimeout({ name }, 1);
    });
    return () => introspector.dispose();
  }

  protected override async stateOf(instance: string): Promise<InstanceState> {
    return (await (await this.#env()).RUN.get(instance)).status();
  }

  /** @returns the warnings that the Worker has logged so far */
  warnings(): string[] {
    return this.#harness
      .getLogs()
      .filter(({ level }) => level === 'warn')
      .map(({ message }) => message);
  }

  logs(): readonly unknown[] {
    return this.#harness.getLogs();
  }

  debug(): void {
    this.#harness.debug();
  }

  async close(): Promise<void> {
    await this.#harness.close();
  }
}
