/** Shows the result of a run to people: a table of the changes, the failures as sentences, and one line of counts. */
import { countOf } from '../engine/support/count-of.ts';
import type { ItemReport, RunReport } from '../engine/report.ts';
import { MAX_NAMES, areFailuresCut, failureLines, more, nameOf, sortedByName } from './failure-lines.ts';
import { storeLines } from './store-lines.ts';
import { countFindings, findingLines, goneLines, heldLines, isHeldCut } from './held-lines.ts';
import { pullLines } from './pull-lines.ts';
import { alignColumns, formatBytes, formatDuration, shortDigest, type Style } from './style.ts';

/** A run with more changes than this gets one row per repository. */
const MAX_ROWS = 20;

/** @param whole the place of the whole report; the summary names it if it leaves something out */
export function summarize(report: RunReport, style: Style, whole: string): string {
  const changes = [...changesOf(report, 'moved'), ...changesOf(report, 'created')];
  const rows = changes.length > MAX_ROWS ? repositoryRows(changes, style) : changeRows(changes, style);
  const isCut = changes.length > MAX_ROWS || areFailuresCut(report) || isHeldCut(report);
  return [
    ...alignColumns(rows.slice(0, MAX_ROWS)),
    ...more(rows.length - MAX_ROWS, ' repositories'),
    ...pullLines(changesOf(report, 'created')).map((line) => style.faint(line)),
    ...heldLines(report, style),
    ...goneLines(report, style),
    ...failureLines(report, style),
    ...storeLines(report, style),
    ...findingLines(report, style),
    countsOf(report, style),
    ...quotaLines(report, style),
    ...(isCut ? [style.faint(`The whole report is in ${whole}.`)] : []),
    ...(report.interrupted ? [style.bad('Not finished. The next run goes on from here.')] : []),
  ].join('\n');
}

function changesOf({ items }: RunReport, result: 'moved' | 'created'): ItemReport[] {
  return sortedByName(items.filter(({ outcome }) => outcome.result === result));
}

function changeRows(items: readonly ItemReport[], style: Style): string[][] {
  return items.map((item) => {
    const { outcome } = item;
    return [
      style.good(outcome.result),
      'digest' in outcome ? style.faint(shortDigest(outcome.digest)) : '',
      'from' in outcome ? style.faint(`was ${shortDigest(outcome.from)}`) : '',
      nameOf(item),
    ];
  });
}

function repositoryRows(items: readonly ItemReport[], style: Style): string[][] {
  const groups = Map.groupBy(items, ({ repository, outcome }) => `${outcome.result} ${repository}`);
  return [...groups.values()].map((group) => {
    const names = group.slice(0, MAX_NAMES).map(nameOf);
    const [first = '', ...others] = names;
    const tags = others.map((name) => name.slice(name.lastIndexOf(':') + 1));
    return [
      style.good(group[0]?.outcome.result ?? ''),
      String(group.length).padStart(5),
      `${[first, ...tags].join(', ')}${group.length > MAX_NAMES ? ', …' : ''}`,
    ];
  });
}

function countsOf({ counts, findings, blobs, bytes, begun, ended }: RunReport, style: Style): string {
  const results = (['created', 'moved', 'unchanged', 'held', 'gone', 'skipped', 'failed'] as const)
    .filter((result) => counts[result] > 0)
    .map((result) => (result === 'failed' ? style.bad : String)(`${counts[result]} ${result}`));
  const found = countFindings(findings);
  return [
    results.length === 0 ? 'nothing to mirror' : results.join(', '),
    ...(found === '' ? [] : [style.bad(found)]),
    ...(blobs.copied > 0 ? [`${countOf(blobs.copied, 'blob')} copied (${formatBytes(bytes)})`] : []),
    ...(blobs.present > 0 ? [`${countOf(blobs.present, 'blob')} already there`] : []),
    formatDuration(Date.parse(ended) - Date.parse(begun)),
  ].join(' · ');
}

/** Shows the quotas that upstreams have left. The next run shares them with every other client of the account. */
function quotaLines({ upstreams }: RunReport, style: Style): string[] {
  return upstreams.flatMap(({ name, requests, quotas }) => {
    const left = quotas.map(({ remaining, limit }) =>
      limit === undefined ? String(remaining) : `${remaining} of ${limit}`,
    );
    if (left.length === 0) return [];
    return [
      style.faint(`${name}: ${countOf(requests.manifestGets, 'manifest GET')}, ${left.join(' and ')} left`),
    ];
  });
}
