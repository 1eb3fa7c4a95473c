/** Shows a drill to people: the sum, what would be lost, what is stale, and what is not known. */
import {
  groupByUpstream,
  isComplete,
  sumOf,
  sumsByUpstream,
  type Drill,
  type DrillResult,
} from '../../cluster/drill/drill.ts';
import { formatReference } from '../../core/reference.ts';
import { headline, nameOfImage, notesOn, partsOf, upstreamClauses, usesText } from './drill-words.ts';
import { more } from './failure-lines.ts';
import { alignColumns, shortenDigests, type Style } from './style.ts';

/** The most images of each part but the first: what is lost is listed whole. */
const MAX_LISTED = 20;

export function describeDrill(drill: Drill, style: Style): string {
  const { lost, otherDigest, behind, disagreements, unknown, ageUnknown } = partsOf(drill);
  const sums = sumsByUpstream(drill.results);
  const upstreams = drill.chosen.length > 0 ? drill.chosen : sums.map(({ upstream }) => upstream);
  const lines = (results: readonly DrillResult[], clauses: (result: DrillResult) => readonly string[]) => [
    ...results.slice(0, MAX_LISTED).flatMap((result) => linesOf(result, clauses(result), drill)),
    ...more(results.length - MAX_LISTED, '; --json shows them').map((line) => `  ${line}`),
  ];
  return shortenDigests(
    [
      (lost.length > 0 || !isComplete(drill) ? style.bad : style.good)(headline(drill, upstreams)),
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
    images: results.map(imageData),
  };
}

function imageData({ image: { reference, ...image }, verdict, upstream }: DrillResult) {
  return {
    reference: formatReference(reference),
    ...image,
    ...verdict,
    ...(upstream !== undefined && { upstream }),
  };
}
