/**
 * `state/<name>/last-drill.json`: the sums of the last drill that was published, for pages and metrics. It names no workload
 * and no tag, and has a few KiB.
 */
import { encodeShown, Fields } from './fields.ts';
import type { Repository } from './reference.ts';

const VERSION = 1;
/** The upstreams with most images stay. */
export const MAX_DRILL_UPSTREAMS = 20;
/** The lists that were looked at longest ago stay. */
export const MAX_DRILL_CLUSTERS = 20;
/** The repositories with most lost images stay. */
export const MAX_DRILL_REPOSITORIES = 20;
/** More than there are. */
const MAX_REASONS = 30;

/** The fate of an image without its upstream, the best first. */
export type DrillOutcome = 'served' | 'other-digest' | 'platform-missing' | 'missing' | 'unknown';

export interface DrillUpstream {
  /** As people write it. */
  readonly name: string;
  /** Images that would be pulled. */
  readonly pulled: number;
  readonly outcomes: Readonly<Record<DrillOutcome, number>>;
}

/** The numbers about everything that clusters run. */
export interface DrillSums {
  /** Whether the drill's exit code was 0. */
  readonly success: boolean;
  /** Whether every list and every image could be looked at. */
  readonly complete: boolean;
  /** Whether images were judged as for an edge, or nodes, without tags. */
  readonly digestsOnly: boolean;
  /** Whether each image was pulled through the edge too. */
  readonly live: boolean;
  /** The upstreams that were chosen; empty for all. */
  readonly chosen: readonly string[];
  readonly images: number;
  readonly pulled: number;
  readonly lost: number;
  /** The lists, by when their clusters were looked at. A list that was made of files has no name. */
  readonly clusters: readonly { readonly name: string; readonly observed: string }[];
  /** All of them. */
  readonly clusterCount: number;
  /** Sorted by name. */
  readonly upstreams: readonly DrillUpstream[];
  /** Why images are lost, zeros included: the reason, its words, and how many images. */
  readonly reasons: readonly { readonly reason: string; readonly says: string; readonly images: number }[];
}

export interface DrillSummary {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly sums: DrillSums;
  /** The repositories of lost images. */
  readonly lost: readonly { readonly repository: Repository; readonly images: number }[];
}

/** The bounds are kept here, so that what is written can be read. */
export function encodeLastDrill({ at, sums, lost }: DrillSummary): Uint8Array<ArrayBuffer> {
  const upstreams = sums.upstreams
    .toSorted((one, other) => imagesOf(other) - imagesOf(one))
    .slice(0, MAX_DRILL_UPSTREAMS)
    .toSorted((one, other) => (one.name < other.name ? -1 : 1));
  return encodeShown({
    version: VERSION,
    at,
    sums: {
      ...sums,
      chosen: sums.chosen.slice(0, MAX_DRILL_UPSTREAMS),
      clusters: sums.clusters
        .toSorted((one, other) => (one.observed < other.observed ? -1 : 1))
        .slice(0, MAX_DRILL_CLUSTERS),
      upstreams,
    },
    lost: lost.toSorted((one, other) => other.images - one.images).slice(0, MAX_DRILL_REPOSITORIES),
  });
}

function imagesOf({ outcomes }: DrillUpstream): number {
  return Object.values(outcomes).reduce((sum, count) => sum + count, 0);
}

/** @throws {BucketObjectInvalidError} */
export function decodeLastDrill(key: string, bytes: Uint8Array): DrillSummary {
  const fields = Fields.parse(key, bytes, VERSION);
  const sums = fields.object('sums');
  return {
    at: fields.time('at'),
    sums: {
      success: sums.flag('success'),
      complete: sums.flag('complete'),
      digestsOnly: sums.flag('digestsOnly'),
      live: sums.flag('live'),
      chosen: sums.texts('chosen', MAX_DRILL_UPSTREAMS),
      images: sums.count('images'),
      pulled: sums.count('pulled'),
      lost: sums.count('lost'),
      clusters: sums.list('clusters', MAX_DRILL_CLUSTERS, (cluster) => ({
        name: cluster.text('name'),
        observed: cluster.time('observed'),
      })),
      clusterCount: sums.count('clusterCount'),
      upstreams: sums.list('upstreams', MAX_DRILL_UPSTREAMS, decodeUpstream),
      reasons: sums.list('reasons', MAX_REASONS, (reason) => ({
        reason: reason.text('reason'),
        says: reason.text('says'),
        images: reason.count('images'),
      })),
    },
    lost: fields.list('lost', MAX_DRILL_REPOSITORIES, (one) => ({
      repository: one.repository('repository'),
      images: one.count('images'),
    })),
  };
}

function decodeUpstream(upstream: Fields): DrillUpstream {
  const outcomes = upstream.object('outcomes');
  return {
    name: upstream.text('name'),
    pulled: upstream.count('pulled'),
    outcomes: {
      served: outcomes.count('served'),
      'other-digest': outcomes.count('other-digest'),
      'platform-missing': outcomes.count('platform-missing'),
      missing: outcomes.count('missing'),
      unknown: outcomes.count('unknown'),
    },
  };
}
