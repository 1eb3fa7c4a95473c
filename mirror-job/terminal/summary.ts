/** What a run did, for people: what changed in a table, what failed as sentences, and one line of counts. */
import type { ItemReport, RunReport } from '../engine/report.ts';
import { alignColumns, formatBytes, formatDuration, type Style } from './style.ts';

export function summarize(report: RunReport, style: Style): string {
  const changed = report.items.filter(({ outcome }) => outcome.result !== 'failed');
  const failed = report.items.filter(({ outcome }) => outcome.result === 'failed');
  return [
    ...alignColumns(changed.map((item) => rowOf(item, style))),
    ...failed.map((item) => `${style.bad('failed')}  ${nameOf(item)}\n        ${reasonOf(item)}`),
    countsOf(report, style),
  ].join('\n');
}

function rowOf(item: ItemReport, style: Style): string[] {
  const { outcome } = item;
  switch (outcome.result) {
    case 'moved':
      return [
        style.good('moved'),
        nameOf(item),
        style.faint(`${short(outcome.from)} → ${short(outcome.digest)}`),
      ];
    case 'created':
    case 'unchanged':
      return [style.good(outcome.result), nameOf(item), style.faint(short(outcome.digest))];
    case 'failed':
      return [style.bad('failed'), nameOf(item), outcome.error];
  }
}

function nameOf({ repository, reference }: ItemReport): string {
  if (reference === undefined) return repository;
  return `${repository}${reference.includes(':') ? '@' : ':'}${reference}`;
}

function reasonOf({ outcome }: ItemReport): string {
  return outcome.result === 'failed' ? outcome.error : '';
}

function countsOf(report: RunReport, style: Style): string {
  const { created, moved, unchanged, failed } = report.counts;
  const tags = [
    `${created} created`,
    `${moved} moved`,
    `${unchanged} unchanged`,
    failed > 0 ? style.bad(`${failed} failed`) : '0 failed',
  ].join(', ');
  const { copied, present } = report.blobs;
  const time = formatDuration(Date.parse(report.ended) - Date.parse(report.begun));
  const stopped = report.interrupted
    ? style.bad(' Stopped before it was through; the next run goes on from here.')
    : '';
  return `${tags} · ${copied} blobs copied (${formatBytes(report.bytes)}), ${present} already there · ${time}.${stopped}`;
}

/** Enough of a digest to recognise it. */
function short(digest: string): string {
  return digest.slice(0, digest.indexOf(':') + 13);
}
