/** The sentences of a drill, which its text and its page share. */
import { isBehind, isComplete, sumOf, type Drill, type DrillResult } from '../../cluster/drill/drill.ts';
import { isPulled } from '../../cluster/drill/judge.ts';
import type { NamespaceSum, Workload } from '../../cluster/drill/workloads.ts';
import { formatReference } from '../../core/reference.ts';
import { countOf } from '../engine/support/count-of.ts';
import { ageText, minuteOf } from './age.ts';

/** More upstreams are counted and not named. */
const MAX_NAMED = 3;
/** The uses of an image that are named. */
const USES = 3;

/** `If docker.io died now: 41 of 43 images would still be pulled (95 %).` @param upstreams of the images, or those chosen */
export function headline(drill: Drill, upstreams: readonly string[]): string {
  const { images, pulled, lost, percent, outcomes } = sumOf(drill.results);
  const named =
    upstreams.length > MAX_NAMED
      ? `all ${upstreams.length} upstreams`
      : listOf(upstreams) || 'every upstream';
  const sentence = (says: string) => `If ${named} died now: ${says}.`;
  if (percent === undefined) return sentence(withoutImages(drill));
  if (drill.edgeFailure !== undefined && outcomes.unknown > 0) {
    const [known, rest] =
      lost > 0
        ? [
            `${lost} of ${countOf(images, 'image')} would be lost, and `,
            `the other ${outcomes.unknown === 1 ? 'one' : outcomes.unknown}`,
          ]
        : ['', countOf(images, 'image')];
    return sentence(
      `${known}whether ${rest} would be pulled is not known, because the edge could not be asked`,
    );
  }
  return sentence(`${pulled} of ${countOf(images, 'image')} would still be pulled (${percent} %)`);
}

function withoutImages(drill: Drill): string {
  if (drill.lists.length === 0)
    return 'it is not known what would be lost, because no list could be looked at';
  if (isComplete(drill)) return 'no image would be lost, because none of the lists has one';
  return 'it is not known what would be lost, because none of the lists that could be looked at has an image';
}

export function listOf(names: readonly string[]): string {
  const last = names.at(-1) ?? '';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`;
}

/** The name, with its platforms: `docker.io/library/nginx:1.27 (linux/amd64)`. */
export function nameOfImage({ image: { reference, platforms } }: DrillResult): string {
  return `${formatReference(reference)}${platforms === undefined ? '' : ` (${platforms.join(', ')})`}`;
}

/** The first uses, and how many others there are; empty if no list says any. */
export function usesText({ image: { uses, useCount } }: DrillResult, areSeveralClusters: boolean): string {
  const shown = uses
    .slice(0, USES)
    .map((use) => useText({ ...use, namespace: use.namespace }, areSeveralClusters));
  const others = Math.max(useCount, uses.length) - shown.length;
  if (shown.length === 0) return others > 0 ? countOf(others, 'use') : '';
  return `${shown.join(', ')}${others > 0 ? ` and ${others} more` : ''}`;
}

/** `prod: Deployment shop/web` */
export function useText(
  { cluster, namespace, kind, name }: Pick<Workload, 'cluster' | 'namespace' | 'kind' | 'name'>,
  hasCluster: boolean,
): string {
  return `${hasCluster ? `${cluster}: ` : ''}${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}

/** `prod: shop` */
export function namespaceText({ cluster, namespace }: NamespaceSum, hasCluster: boolean): string {
  return `${hasCluster ? `${cluster}: ` : ''}${namespace ?? 'in no namespace'}`;
}

/** The images that keep a workload from starting, which are counted beyond the first few. */
export function lostImagesText({ lost }: Workload): string {
  const others = lost.length - USES;
  return `${lost.slice(0, USES).join(', ')}${others > 0 ? ` and ${others} more` : ''}`;
}

/** How far the mirror is behind the upstream, as far as the bucket knows: clauses. */
export function upstreamClauses({ upstream, image }: DrillResult, now: string): readonly string[] {
  if (upstream === undefined) return [];
  if (upstream === 'absent')
    return ['how far it is behind is not known, because the job remembers nothing of it'];
  if ('failed' in upstream) return [`how far it is behind is not known: ${upstream.failed}`];
  const { newer, hold, gone } = upstream;
  const runs = newer?.digest === image.digest ? ', which runs' : '';
  return [
    ...(newer === undefined
      ? []
      : [`upstream has shown ${newer.digest}${runs}, first seen ${ageText(newer.firstSeen, now)}`]),
    ...(gone === undefined ? [] : [`upstream has lacked the tag since ${minuteOf(gone)}`]),
    ...(hold === undefined ? [] : [`the tag is held: ${hold.replace(/\.$/, '')}`]),
  ];
}

/** The parts of a drill's result, as people read them: what is lost, what is stale, what is not known. */
export interface Parts {
  readonly lost: readonly DrillResult[];
  readonly otherDigest: readonly DrillResult[];
  readonly behind: readonly DrillResult[];
  readonly disagreements: readonly DrillResult[];
  readonly unknown: readonly DrillResult[];
  /** Served tags of which the bucket does not say how far they are behind. */
  readonly ageUnknown: readonly DrillResult[];
}

export function partsOf({ results }: Drill): Parts {
  const of = (belongs: (result: DrillResult) => boolean) => results.filter(belongs);
  return {
    lost: of(({ verdict: { outcome } }) => outcome === 'missing' || outcome === 'platform-missing'),
    otherDigest: of(({ verdict }) => verdict.outcome === 'other-digest'),
    behind: of((result) => isBehind(result) && result.verdict.outcome !== 'other-digest'),
    disagreements: of(({ verdict }) => verdict.disagreement !== undefined),
    unknown: of(({ verdict }) => verdict.outcome === 'unknown'),
    ageUnknown: of(
      ({ verdict, upstream }) =>
        isPulled(verdict.outcome) &&
        (upstream === 'absent' || (upstream !== undefined && 'failed' in upstream)),
    ),
  };
}

/**
 * Returns the drill as its text and its page list it. If the edge could not be asked, they show what the bucket alone says: that no
 * image is known to come through the edge is said once, and not of each image.
 */
export function shownDrill(drill: Drill): Drill {
  return drill.edgeFailure === undefined ? drill : { ...drill, results: drill.results.map(byBucketAlone) };
}

/** The edge's failure is the last clause. */
function byBucketAlone(result: DrillResult): DrillResult {
  const { byBucket = result.verdict.outcome, says } = result.verdict;
  return { ...result, verdict: { ...result.verdict, outcome: byBucket, says: says.slice(0, -1) } };
}
