/** Runs `lifeboat sync` as its users do: as a process with a configuration file. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Store } from './local-store.ts';
import { NOBODYS } from './nobody.ts';
import { runProgram, type Finished } from './process.ts';

const MAIN = join(import.meta.dirname, '../../mirror-job/start.ts');

/** The parts of the report that tests read. */
export interface Report {
  readonly counts: {
    readonly unchanged: number;
    readonly created: number;
    readonly moved: number;
    readonly failed: number;
  };
  readonly items: readonly {
    readonly repository: string;
    readonly reference?: string;
    readonly outcome: { readonly result: string; readonly error?: string };
  }[];
}

export interface Synced extends Finished {
  readonly report: Report;
}

/** A bucket and its audience. */
export type Filled = Omit<Store, 'buckets' | 'stop'> & { readonly audience?: 'public' | 'token' };

export interface SyncOptions {
  /** The prefix of this run's own mirror in the bucket. */
  readonly prefix?: string;
  /** The variables that are added to this process's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** The file that the run writes its metrics to. */
  readonly metrics?: string;
  /** The time limit, in milliseconds. */
  readonly timeout?: number;
}

/**
 * @param configuration lifeboat.yaml without its store, as a value, because JSON is YAML
 * @returns the result, for any exit code
 * @throws if the process does not end in time, or prints no report
 */
export async function sync(
  { endpoint, bucket, region, accessKeyId, secretAccessKey, audience = 'public' }: Filled,
  configuration: Readonly<Record<string, unknown>>,
  { prefix, env, metrics, timeout = 300_000 }: SyncOptions = {},
): Promise<Synced> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-sync-'));
  try {
    const file = join(folder, 'lifeboat.yaml');
    await writeFile(
      file,
      JSON.stringify({
        store: {
          endpoint,
          bucket,
          region,
          accessKeyId,
          secretAccessKey,
          audience,
          ...(prefix !== undefined && { prefix }),
        },
        ...configuration,
      }),
    );
    const args = [
      MAIN,
      'sync',
      '-c',
      file,
      '--json',
      ...(metrics === undefined ? [] : ['--metrics', metrics]),
    ];
    const finished = await runProgram(process.execPath, args, {
      timeout,
      env: { ...NOBODYS, DOCKER_CONFIG: folder, ...env },
    });
    if (!finished.stdout.startsWith('{')) {
      throw new Error(`lifeboat sync printed no report and ended with ${finished.code}:\n${finished.stderr}`);
    }
    const report: Report = JSON.parse(finished.stdout);
    return { ...finished, report };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
