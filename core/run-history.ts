/** `state/<name>/runs.json`: a summary of each of the last runs of one configuration, for pages and metrics. */
import { encodeShown, Fields } from './fields.ts';

const VERSION = 1;
/** Older runs are dropped. */
export const MAX_KEPT_RUNS = 50;
/** The most upstreams of a run. Those at which most failed stay, and then those with most requests. */
export const MAX_RUN_UPSTREAMS = 32;

/** How many tags and digests of a run have each result, as in the report. */
export interface RunCounts {
  readonly unchanged: number;
  readonly created: number;
  readonly moved: number;
  readonly held: number;
  readonly gone: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface UpstreamSummary {
  /** A registry, such as `docker.io`. */
  readonly name: string;
  /** Of all kinds, as sent, repeats included. */
  readonly requests: number;
  /** How many tags, digests and repositories from there failed. */
  readonly failures: number;
}

export interface RunSummary {
  readonly run: string;
  /** ISO 8601, UTC. */
  readonly begun: string;
  readonly ended: string;
  readonly exitCode: 0 | 1;
  readonly counts: RunCounts;
  /** Copied blobs. */
  readonly blobs: number;
  /** Copied manifests. */
  readonly manifests: number;
  /** Read from sources. */
  readonly bytes: number;
  /** How many findings. */
  readonly findings: number;
  /** Whether the run was told to stop before it was done. */
  readonly interrupted: boolean;
  /** Sorted by name. */
  readonly upstreams: readonly UpstreamSummary[];
}

/**
 * Adds a run to those before it. A run that is there already, because a step was run twice, is replaced.
 * @param earlier newest first
 * @returns newest first, by the time of the end
 */
export function addRun(earlier: readonly RunSummary[], summary: RunSummary): readonly RunSummary[] {
  return [summary, ...earlier.filter(({ run }) => run !== summary.run)]
    .toSorted((one, other) => (one.ended > other.ended ? -1 : one.ended < other.ended ? 1 : 0))
    .slice(0, MAX_KEPT_RUNS);
}

/** @param runs newest first; the bounds are kept here, so that what is written can be read */
export function encodeRuns(runs: readonly RunSummary[]): Uint8Array<ArrayBuffer> {
  return encodeShown({ version: VERSION, runs: runs.slice(0, MAX_KEPT_RUNS).map(bounded) });
}

function bounded(summary: RunSummary): RunSummary {
  const upstreams = summary.upstreams
    .toSorted((one, other) => other.failures - one.failures || other.requests - one.requests)
    .slice(0, MAX_RUN_UPSTREAMS)
    .toSorted((one, other) => (one.name < other.name ? -1 : 1));
  return { ...summary, upstreams };
}

/** @returns newest first. @throws {BucketObjectInvalidError} */
export function decodeRuns(key: string, bytes: Uint8Array): readonly RunSummary[] {
  return Fields.parse(key, bytes, VERSION).list('runs', MAX_KEPT_RUNS, (run) => {
    const counts = run.object('counts');
    return {
      run: run.text('run'),
      begun: run.time('begun'),
      ended: run.time('ended'),
      exitCode: run.count('exitCode') === 0 ? 0 : 1,
      counts: {
        unchanged: counts.count('unchanged'),
        created: counts.count('created'),
        moved: counts.count('moved'),
        held: counts.count('held'),
        gone: counts.count('gone'),
        failed: counts.count('failed'),
        skipped: counts.count('skipped'),
      },
      blobs: run.count('blobs'),
      manifests: run.count('manifests'),
      bytes: run.count('bytes'),
      findings: run.count('findings'),
      interrupted: run.flag('interrupted'),
      upstreams: run.list('upstreams', MAX_RUN_UPSTREAMS, (upstream) => ({
        name: upstream.text('name'),
        requests: upstream.count('requests'),
        failures: upstream.count('failures'),
      })),
    };
  });
}
