/** The result of a drill, and its sums: per upstream, and of all images. */
import { formatUpstream, upstreamOf } from '../../core/reference.ts';
import { isLost, isPulled, type LossReason, type Outcome, type Verdict } from './judge.ts';
import type { Access, DrilledImage, Failed, LastRun, UpstreamFacts, UpstreamLogin } from './observation.ts';

export interface DrilledList {
  readonly cluster: string;
  /** When the cluster was looked at. ISO 8601, UTC. */
  readonly observed: string;
  /** The places that could not be read then; undefined if there is none. */
  readonly unread?: readonly string[];
}

export interface DrillResult {
  readonly image: DrilledImage;
  readonly verdict: Verdict;
  /** The bucket's record of the tag at its upstream; undefined for an image without a tag. */
  readonly upstream: UpstreamFacts | 'absent' | Failed | undefined;
  /** Whether its upstream is known to want a login; left out if nothing says so. */
  readonly login?: UpstreamLogin | undefined;
}

export interface Drill {
  /** ISO 8601, UTC. */
  readonly at: string;
  /** The configuration's name. */
  readonly mirror: string;
  /** The upstreams that were chosen, as people write them; empty for all. */
  readonly chosen: readonly string[];
  readonly isByDigestOnly: boolean;
  /** The edge that was asked; undefined if none was. */
  readonly edge: string | undefined;
  /** Why the edge that should have been asked could not be: sentences. Undefined if it could, or if none was named. */
  readonly edgeFailure: string | undefined;
  readonly access: Access;
  readonly lists: readonly DrilledList[];
  /** Lists that could not be used: sentences. */
  readonly damagedLists: readonly string[];
  /** When the job last ended a run, as far as the bucket knows. */
  readonly lastRun: LastRun | { readonly notKnown: string };
  /** How many names were left out because only a text has them. */
  readonly textOnly: number;
  readonly results: readonly DrillResult[];
}

export interface Sum {
  readonly images: number;
  /** Images that would be pulled, be it with another digest than runs. */
  readonly pulled: number;
  readonly lost: number;
  /** The percentage of images, rounded down, so that 100 means all of them. Undefined if there is no image. */
  readonly percent: number | undefined;
  readonly outcomes: Readonly<Record<Outcome, number>>;
}

export interface UpstreamSum extends Sum {
  /** As people write it. */
  readonly upstream: string;
}

export function sumOf(results: readonly DrillResult[]): Sum {
  const outcomes = { served: 0, 'other-digest': 0, 'platform-missing': 0, missing: 0, unknown: 0 };
  for (const { verdict } of results) outcomes[verdict.outcome] += 1;
  const count = (counts: (outcome: Outcome) => boolean) =>
    results.filter(({ verdict }) => counts(verdict.outcome)).length;
  const [images, pulled] = [results.length, count(isPulled)];
  return {
    images,
    pulled,
    lost: count(isLost),
    percent: images === 0 ? undefined : Math.floor((100 * pulled) / images),
    outcomes,
  };
}

/** How many images are lost for each reason; without the reasons of which there is none. */
export function lossReasonsOf(results: readonly DrillResult[]): ReadonlyMap<LossReason, number> {
  const reasons = results.flatMap(({ verdict }) => verdict.reason ?? []);
  return new Map([...Map.groupBy(reasons, (reason) => reason)].map(([reason, all]) => [reason, all.length]));
}

/** Sorted by upstream. */
export function sumsByUpstream(results: readonly DrillResult[]): readonly UpstreamSum[] {
  const sums = [...groupByUpstream(results)].map(([upstream, own]) => ({ upstream, sum: sumOf(own) }));
  return sums.map(({ upstream, sum }) => Object.assign({ upstream }, sum));
}

/** By the upstream as people write it, sorted. */
export function groupByUpstream(
  results: readonly DrillResult[],
): ReadonlyMap<string, readonly DrillResult[]> {
  const groups = Map.groupBy(results, ({ image }) => formatUpstream(upstreamOf(image.reference.repository)));
  return new Map([...groups].toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

/** Whether a tag is served and upstream has shown a newer digest, or has deleted the tag. */
export function isBehind({ verdict, upstream }: DrillResult): boolean {
  if (upstream === undefined || upstream === 'absent' || 'failed' in upstream) return false;
  return isPulled(verdict.outcome) && (upstream.newer !== undefined || upstream.gone !== undefined);
}

/** Whether everything could be looked at. Without any list, nothing could. */
export function isComplete({ lists, damagedLists, edgeFailure, results }: Drill): boolean {
  if (lists.length === 0 || damagedLists.length > 0 || edgeFailure !== undefined) return false;
  if (lists.some(({ unread }) => unread !== undefined)) return false;
  return results.every(({ verdict }) => verdict.outcome !== 'unknown');
}

/**
 * The exit code: 3 if the requirement is not met, whatever is true of the images that are not known; otherwise 1 if something
 * could not be looked at; otherwise 0. A requirement on no image at all is not met by anything, so it is 1.
 * @param required percent; undefined if nothing is required
 */
export function exitCodeOfDrill(drill: Drill, required: number | undefined): 0 | 1 | 3 {
  const { images, lost } = sumOf(drill.results);
  if (required !== undefined && 100 * (images - lost) < required * images) return 3;
  if (!isComplete(drill) || (required !== undefined && images === 0)) return 1;
  return 0;
}
