/**
 * Writes a drill as one page of HTML, which needs no other file and runs no script. Every text of a list or a bucket is escaped:
 * whoever names an image or a namespace must not be able to write markup.
 */
import {
  sumOf,
  sumsByUpstream,
  lossReasonsOf,
  type Drill,
  type DrillResult,
  type Sum,
} from '../../cluster/drill/drill.ts';
import { LOSS_REASONS, OUTCOMES } from '../../cluster/drill/judge.ts';
import { sumsByNamespace, workloadsOf } from '../../cluster/drill/workloads.ts';
import { brief, printable } from '../../core/printable.ts';
import { countOf } from '../engine/support/count-of.ts';
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
import { shortenDigests } from './style.ts';

/** Markup that is finished, as opposed to a text that has to be escaped. */
type Html = string;

export function drillPage(made: Drill): string {
  const drill = shownDrill(made);
  const { lost, otherDigest, behind, disagreements, unknown } = partsOf(drill);
  const sums = sumsByUpstream(drill.results);
  const upstreams = drill.chosen.length > 0 ? drill.chosen : sums.map(({ upstream }) => upstream);
  // The percent sign stays with its number.
  const title = escapeHtml(headline(made, upstreams)).replace(' %', '&nbsp;%');
  const all = (result: DrillResult) => [...says(result), ...upstreamClauses(result, drill.at)];
  const { images } = sumOf(drill.results);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<p class="kind">Lifeboat drill of ${escapeHtml(drill.mirror)}, ${escapeHtml(minuteText(drill.at))}</p>
<h1>${title}</h1>
${alarmsOn(made)
  .map((alarm) => `<p class="alarm">${escapeHtml(alarm)}</p>`)
  .join('\n')}
${bar(drill)}
<ul class="notes">
${notesOn(drill)
  .map((note) => `<li>${escapeHtml(note)}</li>`)
  .join('\n')}
</ul>
${tableSection({
  id: 'upstreams',
  title: 'By upstream',
  columns: ['Upstream', 'Would be pulled', 'Lost', 'Not known'],
  rows: sums.length < 2 ? [] : sums.map((sum) => row(sum.upstream, sumCells(sum))),
})}
${namespaceSection(drill)}
${workloadSection(drill)}
${reasonSection(lost)}
${section('lost', 'Would be lost', lost, says, drill)}
${section('other', 'Pulled, but another digest than runs', otherDigest, all, drill)}
${section('behind', 'Behind upstream, as far as the bucket knows', behind, all, drill)}
${section('disagree', 'The bucket and the edge disagree', disagreements, ({ verdict }) => [verdict.disagreement ?? ''], drill)}
${section('unknown', 'Not known', unknown, says, drill)}
<details>
<summary>Every image (${images})</summary>
${section('all', 'Every image', drill.results, (result) => [OUTCOMES[result.verdict.outcome], ...all(result)], drill)}
</details>
</main>
</body>
</html>
`;
}

function says({ verdict }: DrillResult): readonly string[] {
  return verdict.says;
}

/** Escapes a text for content and for quoted attributes, and shows what cannot be printed. */
function escapeHtml(text: string): Html {
  return printable(brief(shortenDigests(text))).replaceAll(
    /[&<>"']/g,
    (character) => `&#${character.charCodeAt(0)};`,
  );
}

function minuteText(time: string): string {
  return `${time.slice(0, 16).replace('T', ' ')} UTC`;
}

/** A picture of the sum, which the heading says in words. */
function bar({ results }: Drill): Html {
  const { images, outcomes } = sumOf(results);
  if (images === 0) return '';
  const parts = Object.entries(outcomes).filter(([, count]) => count > 0);
  const pieces = parts.map(
    ([outcome, count]) => `<span class="${outcome}" style="flex-grow:${count}"></span>`,
  );
  const legend = Object.entries(OUTCOMES).flatMap(([outcome, words]) =>
    parts
      .filter(([name]) => name === outcome)
      .map(([name, count]) => `<li><span class="key ${name}"></span>${count} ${escapeHtml(words)}</li>`),
  );
  return `<div class="bar" aria-hidden="true">${pieces.join('')}</div>\n<ul class="legend">${legend.join('')}</ul>`;
}

type Cells = readonly (readonly [label: string, text: string])[];

function sumCells({ images, pulled, percent, lost, outcomes }: Sum): Cells {
  return [
    ['Would be pulled', `${pulled} of ${images} (${percent} %)`],
    ['Lost', String(lost)],
    ['Not known', String(outcomes.unknown)],
  ];
}

/** @returns nothing without rows */
function tableSection({
  id,
  title,
  count,
  columns,
  rows,
}: {
  readonly id: string;
  readonly title: string;
  readonly count?: string;
  readonly columns: readonly string[];
  readonly rows: readonly Html[];
}): Html {
  if (rows.length === 0) return '';
  const counted = count === undefined ? '' : ` <span class="count">${count}</span>`;
  return `<section aria-labelledby="${id}">\n<h2 id="${id}">${title}${counted}</h2>\n${table(id, columns, rows)}\n</section>`;
}

function namespaceSection({ results, lists }: Drill): Html {
  const rows = sumsByNamespace(results).map((sum) =>
    row(namespaceText(sum, lists.length > 1), [
      ...sumCells(sum),
      ['Workloads that could not start', `${sum.workloads.lost} of ${sum.workloads.all}`],
    ]),
  );
  const columns = ['Namespace', 'Would be pulled', 'Lost', 'Not known', 'Workloads that could not start'];
  return tableSection({ id: 'namespaces', title: 'By namespace', columns, rows });
}

function workloadSection({ results, lists }: Drill): Html {
  const lost = workloadsOf(results).filter(({ state }) => state === 'lost');
  return tableSection({
    id: 'workloads',
    title: 'Could not start on a node that lacks the image',
    count: countOf(lost.length, 'workload'),
    columns: ['Workload', 'Images that would be lost'],
    rows: lost.map((workload) =>
      row(useText(workload, lists.length > 1), [['Images that would be lost', lostImagesText(workload)]]),
    ),
  });
}

function reasonSection(lost: readonly DrillResult[]): Html {
  if (lost.length < 2) return '';
  const rows = [...lossReasonsOf(lost)].map(([reason, count]) =>
    row(LOSS_REASONS[reason], [['Images', String(count)]]),
  );
  return tableSection({ id: 'reasons', title: 'Why images are lost', columns: ['Reason', 'Images'], rows });
}

/** @returns nothing for a part without images */
function section(
  id: string,
  title: string,
  results: readonly DrillResult[],
  clauses: (result: DrillResult) => readonly string[],
  { lists }: Drill,
): Html {
  if (results.length === 0) return '';
  const rows = results.map((result) =>
    row(nameOfImage(result), [
      ['Why', clauses(result).join('; ')],
      ['Used by', usesText(result, lists.length > 1)],
    ]),
  );
  const count = countOf(results.length, 'image');
  return tableSection({ id, title, count, columns: ['Image', 'Why', 'Used by'], rows });
}

/** The roles keep the table a table where the style shows its rows as blocks. */
function table(labelledBy: string, columns: readonly string[], rows: readonly Html[]): Html {
  const heads = columns.map((name) => `<th scope="col" role="columnheader">${name}</th>`).join('');
  return `<table role="table" aria-labelledby="${labelledBy}">
<thead role="rowgroup"><tr role="row">${heads}</tr></thead>
<tbody role="rowgroup">
${rows.join('\n')}
</tbody>
</table>`;
}

function row(head: string, cells: Cells): Html {
  const rest = cells
    .map(([label, text]) => `<td role="cell" data-label="${label}">${escapeHtml(text)}</td>`)
    .join('');
  return `<tr role="row"><th scope="row" role="rowheader">${escapeHtml(head)}</th>${rest}</tr>`;
}

const STYLE = `
:root { color-scheme: light dark; --back: #fff; --text: #1b1f24; --faint: #57606a; --line: #d0d7de; --good: #1a7f37; --fair: #9a6700; --bad: #cf222e; --open: #6e7781; }
@media (prefers-color-scheme: dark) {
  :root { --back: #14171b; --text: #e6e9ed; --faint: #9aa4ae; --line: #343b43; --good: #3fb950; --fair: #d29922; --bad: #ff7b72; --open: #8b949e; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
main { max-width: 72rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 1rem; text-wrap: balance; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .5rem; }
.kind, .count { color: var(--faint); font-weight: normal; }
.kind { margin: 0 0 .25rem; }
.count { font-size: .9rem; margin-left: .5rem; }
.bar { display: flex; gap: 2px; height: 1rem; border-radius: .25rem; overflow: hidden; }
.bar span { flex-basis: 4px; }
.legend, .notes { list-style: none; padding: 0; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: .5rem 0 1.25rem; font-size: .9rem; }
.notes { color: var(--faint); margin: 0; max-width: 60rem; }
.notes li { margin-bottom: .3rem; }
.alarm { border-left: .25rem solid var(--bad); padding-left: .75rem; margin: 0 0 .75rem; }
.key { display: inline-block; width: .75rem; height: .75rem; margin-right: .4rem; border-radius: .15rem; }
.served { background: var(--good); }
.other-digest { background: var(--fair); }
.platform-missing, .missing { background: var(--bad); }
.unknown { background: var(--open); }
table { width: 100%; border-collapse: collapse; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .5rem .75rem .5rem 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
thead th { color: var(--faint); font-weight: normal; border-top: 0; }
tbody th { font-weight: 600; }
summary { cursor: pointer; margin-top: 2.5rem; color: var(--faint); }
@media (min-width: 40.01rem) {
  table { table-layout: fixed; }
  thead th:first-child { width: 34%; }
  thead th:nth-child(2):nth-last-child(2) { width: 40%; }
  thead th:first-child:nth-last-child(2) { width: 50%; }
}
@media (max-width: 40rem) {
  h1 { font-size: 1.3rem; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table, tbody, tr, th, td { display: block; width: 100%; }
  tr { border-top: 1px solid var(--line); padding: .6rem 0; }
  th, td { border: 0; padding: .1rem 0; }
  td:empty { display: none; }
  td::before { content: attr(data-label) ": "; color: var(--faint); }
}
`;
