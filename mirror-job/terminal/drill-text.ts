/** Shows a drill to people: the sum, what would be lost, what is stale, and what is not known. */
import {
  groupByUpstream,
  isComplete,
  lossReasonsOf,
  sumOf,
  sumsByUpstream,
  type Drill,
  type DrillResult,
} from '../../cluster/drill/drill.ts';
import { LOSS_REASONS } from '../../cluster/drill/judge.ts';
import { sumsByNamespace, unnamedUses, workloadsOf } from '../../cluster/drill/workloads.ts';
import { formatReference } from '../../core/reference.ts';
import { alarmsOn, notesOn } from './drill-notes.ts';
import {
  headline,
  lostImagesText,
  nameOfImage,
  namespaceText,
  partsOf,
  shownDrill,
  upstreamClauses,
  usesText,
  useText,
} from './drill-words.ts';
import { countOf } from '../engine/support/count-of.ts';
import { more } from './failure-lines.ts';
import { alignColumns, shortenDigests, type Style } from './style.ts';

/** The most images of each part but the first: what is lost is listed whole. */
const MAX_LISTED = 20;

export function describeDrill(made: Drill, style: Style): string {
  const drill = shownDrill(made);
  const { lost, otherDigest, behind, disagreements, unknown, ageUnknown } = partsOf(drill);
  const sums = sumsByUpstream(drill.results);
  const upstreams = drill.chosen.length > 0 ? drill.chosen : sums.map(({ upstream }) => upstream);
  const lines = (results: readonly DrillResult[], clauses: (result: DrillResult) => readonly string[]) => [
    ...results.slice(0, MAX_LISTED).flatMap((result) => linesOf(result, clauses(result), drill)),
    ...moreLines(results.length),
  ];
  return shortenDigests(
    [
      (lost.length > 0 || !isComplete(drill) ? style.bad : style.good)(headline(made, upstreams)),
      ...alarmsOn(made).map((alarm) => style.bad(alarm)),
      ...(sums.length < 2
        ? []
        : alignColumns(
            sums.map(({ upstream, pulled, images, percent }) => [
              `  ${upstream}`,
              `${pulled} of ${images}`,
              `${percent} %`,
            ]),
          )),
      ...notesOn(drill).map((note) => style.faint(note)),
      ...part('by namespace', namespaceLines(drill)),
      ...part('could not start on a node that lacks the image', workloadLines(drill)),
      ...part('why images are lost', reasonLines(lost)),
      ...[...groupByUpstream(lost)].flatMap(([upstream, own]) =>
        part(
          `lost without ${upstream}`,
          own.flatMap((result) => linesOf(result, says(result), drill)),
        ),
      ),
      ...part('pulled, but another digest than runs', [
        ...lines(otherDigest, (result) => [...says(result), ...upstreamClauses(result, drill.at)]),
      ]),
      ...part('behind upstream, as far as the bucket knows', [
        ...lines(behind, (result) => [...says(result), ...upstreamClauses(result, drill.at)]),
      ]),
      ...part('the bucket and the edge disagree', [
        ...lines(disagreements, ({ verdict }) =>
          verdict.disagreement === undefined ? [] : [verdict.disagreement],
        ),
      ]),
      ...part('not known', lines(unknown, says)),
      ...part('pulled, and how far behind upstream is not known', [
        ...lines(ageUnknown, (result) => upstreamClauses(result, drill.at)),
      ]),
    ].join('\n'),
  );
}

function says({ verdict }: DrillResult): readonly string[] {
  return verdict.says;
}

/** The reason of one image stands beside it anyway. */
function reasonLines(lost: readonly DrillResult[]): readonly string[] {
  if (lost.length < 2) return [];
  return alignColumns(
    [...lossReasonsOf(lost)].map(([reason, count]) => [`  ${count}`, LOSS_REASONS[reason]]),
  );
}

/** The namespaces with the most workloads that could not start. One namespace needs no sum of its own. */
function namespaceLines({ results, lists }: Drill): readonly string[] {
  const sums = sumsByNamespace(results);
  if (sums.length < 2) return [];
  const rows = sums
    .slice(0, MAX_LISTED)
    .map((sum) => [
      `  ${namespaceText(sum, lists.length > 1)}`,
      `${sum.pulled} of ${countOf(sum.images, 'image')}`,
      `${sum.workloads.lost} of ${countOf(sum.workloads.all, 'workload')} could not start`,
    ]);
  return [...alignColumns(rows), ...moreLines(sums.length)];
}

function workloadLines({ results, lists }: Drill): readonly string[] {
  const lost = workloadsOf(results).filter(({ state }) => state === 'lost');
  return [
    ...lost
      .slice(0, MAX_LISTED)
      .map((workload) => `  ${useText(workload, lists.length > 1)}: ${lostImagesText(workload)}`),
    ...moreLines(lost.length),
  ];
}

function moreLines(count: number): readonly string[] {
  return more(count - MAX_LISTED, '; --json shows them').map((line) => `  ${line}`);
}

function part(title: string, body: readonly string[]): readonly string[] {
  return body.length === 0 ? [] : ['', title, ...body];
}

function linesOf(result: DrillResult, clauses: readonly string[], { lists }: Drill): string[] {
  const uses = usesText(result, lists.length > 1);
  return [
    `  ${nameOfImage(result)}`,
    ...(clauses.length === 0 ? [] : [`    ${clauses.join('; ')}`]),
    ...(uses === '' ? [] : [`    used by ${uses}`]),
  ];
}

/** The drill as plain data for machines. */
export function drillData(drill: Drill) {
  const { results, ...rest } = drill;
  return {
    ...rest,
    sum: sumOf(results),
    upstreams: sumsByUpstream(results),
    lossReasons: Object.fromEntries(lossReasonsOf(results)),
    namespaces: sumsByNamespace(results),
    workloads: workloadsOf(results),
    unnamedUses: unnamedUses(results),
    images: results.map(imageData),
  };
}

function imageData({ image: { reference, ...image }, verdict, upstream, login }: DrillResult) {
  return {
    reference: formatReference(reference),
    ...image,
    ...verdict,
    ...(upstream !== undefined && { upstream }),
    ...(login !== undefined && { login }),
  };
}
