/**
 * Runs the programs that are compared. Each mirrors all tags of one repository, with the arguments that its users give
 * it.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { requireProgram } from '../../test/support/programs.ts';
import { NOBODYS } from '../../test/support/nobody.ts';
import {
  COPY,
  startBucketDestination,
  startRegistryDestination,
  type Destination,
  type StoreSettings,
} from './destination.ts';
import { runMeasured, type Figures, type Measured } from './process-tree.ts';

export interface Job {
  /** The address `127.0.0.1:<port>`, for plain HTTP. */
  readonly source: string;
  readonly repository: string;
  /** Further repositories, which only our job mirrors. */
  readonly more?: readonly string[];
  readonly destination: Destination;
  /** A folder for files, which exists. */
  readonly folder: string;
  /** How often referrers are looked for; undefined for never. Only our job does so. */
  readonly referrersEvery?: string;
  /** Kills the program when it resolves. */
  readonly until?: Promise<unknown>;
  readonly timeoutMs?: number;
}

export interface Tool {
  readonly name: string;
  startDestination(): Promise<Destination>;
  /** Makes one whole run in processes of its own. @throws if it fails, unless it was killed on purpose */
  run(job: Job): Promise<Figures>;
}

export const PATIENCE_MS = 600_000;
const LIFEBOAT = join(import.meta.dirname, '../../mirror-job/lifeboat.js');

export const LIFEBOAT_TOOL: Tool = {
  name: 'lifeboat',
  startDestination: startBucketDestination,
  run: async (job) => {
    const file = join(job.folder, 'lifeboat.yaml');
    await writeFile(file, lifeboatConfiguration(job));
    return run(job, process.execPath, [LIFEBOAT, 'sync', '-c', file]);
  },
};

function crane(jobs: number): Tool {
  return peer(`crane -j${jobs}`, 'crane', async ({ source, repository, destination }) => [
    'copy',
    '--all-tags',
    `--jobs=${jobs}`,
    `${source}/${repository}`,
    `${destination.link.host}/${COPY}`,
  ]);
}

function regsync(parallel: number): Tool {
  return peer(`regsync, ${parallel} parallel`, 'regsync', async (job) => {
    const { source, repository, destination, folder } = job;
    const { host } = destination.link;
    const file = join(folder, 'regsync.yml');
    const creds = [source, host].map((registry) => ({
      registry,
      tls: 'disabled',
      // The number of open requests per registry. With regsync's default of 3, further copies would wait for each
      // other.
      reqConcurrent: Math.max(3, parallel),
    }));
    const configuration = {
      version: 1,
      creds,
      defaults: { parallel, skipDockerConfig: true },
      sync: [{ source: `${source}/${repository}`, target: `${host}/${COPY}`, type: 'repository' }],
    };
    await writeFile(file, JSON.stringify(configuration));
    return ['once', '--config', file];
  });
}

/** The first is crane's default on two cores, the second its best on such a machine. */
export const CRANE = [crane(2), crane(16)] as const;

/**
 * The first has as many copies in parallel as the published figures of others, the second as many as crane at its best.
 */
export const REGSYNC = [regsync(4), regsync(16)] as const;

export const SKOPEO: Tool = peer(
  'skopeo sync --all',
  'skopeo',
  async ({ source, repository, destination }) => [
    '--insecure-policy',
    'sync',
    '--all',
    '--src=docker',
    '--src-tls-verify=false',
    '--dest=docker',
    '--dest-tls-verify=false',
    `${source}/${repository}`,
    // skopeo appends the last part of the source's name.
    `${destination.link.host}/${COPY.slice(0, COPY.lastIndexOf('/'))}`,
  ],
);

function peer(
  name: string,
  program: 'crane' | 'regsync' | 'skopeo',
  argumentsOf: (job: Job) => Promise<readonly string[]>,
): Tool {
  return {
    name,
    startDestination: startRegistryDestination,
    run: async (job) => run(job, await requireProgram(program), await argumentsOf(job)),
  };
}

async function run(job: Job, command: string, args: readonly string[]): Promise<Measured> {
  const { folder, until, timeoutMs = PATIENCE_MS } = job;
  const home = join(folder, 'home');
  await mkdir(home, { recursive: true });
  const measured = await runMeasured(command, args, {
    timeoutMs,
    env: { ...NOBODYS, HOME: home, DOCKER_CONFIG: home },
    ...(until !== undefined && { until }),
  });
  // A killed program has no exit code.
  if (measured.code !== (until === undefined ? 0 : null)) {
    throw new Error(`${command} ${args.join(' ')} ended with ${measured.code}:\n${measured.output}`);
  }
  return measured;
}

export function storeOf({ store }: Destination): StoreSettings {
  if (store === undefined) throw new Error('lifeboat writes into a bucket, and the destination is none.');
  return store;
}

/** Returns the text of a lifeboat.yaml. */
export function lifeboatConfiguration(
  job: Pick<Job, 'source' | 'repository' | 'more' | 'referrersEvery' | 'destination'>,
): string {
  const { source, repository, more = [], referrersEvery, destination } = job;
  // JSON is YAML.
  return JSON.stringify({
    store: { ...storeOf(destination), pathStyle: true, audience: 'public' },
    upstreams: { [source]: { insecure: true } },
    // The peers do not look for referrers either, unless their arguments say so.
    defaults: { referrers: referrersEvery === undefined ? false : { every: referrersEvery } },
    images: [repository, ...more].map((name) => ({ source: `${source}/${name}`, tags: ['*'] })),
  });
}
