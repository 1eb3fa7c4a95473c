/** Shows the tags of a run or a plan that did not follow upstream, and the findings that somebody has to look at. */
import { isDigest } from '../../core/digest.ts';
import { formatReference } from '../../core/reference.ts';
import { MAX_NAMED } from '../engine/replication/caught-up-tags.ts';
import { countOf } from '../engine/support/count-of.ts';
import type { Finding, ItemReport, RunReport } from '../engine/report.ts';
import { sortedByName } from './failure-lines.ts';
import { alignColumns, shortDigest, shortenDigests, type Style } from './style.ts';

/** The most rows of one kind. The report has every row. */
const MAX_HELD = 20;

type Reported = Pick<RunReport, 'items' | 'findings'>;

/**
 * Shows each held tag with our digest and upstream's. The lines below it have the reason, and the command that moves
 * the tag.
 */
export function heldLines({ items }: Reported, style: Style): string[] {
  const held = sortedByName(items).flatMap((item) =>
    item.outcome.result === 'held' ? [{ item, ...item.outcome }] : [],
  );
  const lines = held
    .slice(0, MAX_HELD)
    .flatMap(({ item, digest, upstream, reason, next }) => [
      `${style.waits('held')}     ${nameOf(item)} at ${shortDigest(digest)}, upstream at ${shortDigest(upstream)}`,
      `         ${reason} ${next}`,
    ]);
  return [...lines, ...rest(held.length, 'held')];
}

/** Shows the tags that upstream has deleted, and that the mirror keeps. */
export function goneLines({ items }: Reported, style: Style): string[] {
  const gone = sortedByName(items.filter(({ outcome }) => outcome.result === 'gone'));
  const rows = gone
    .slice(0, MAX_HELD)
    .map((item) => [
      style.faint('gone   '),
      nameOf(item),
      style.faint('upstream no longer has this tag; the mirror keeps it'),
    ]);
  return [...alignColumns(rows), ...rest(gone.length, 'gone')];
}

/**
 * Shows the findings, which end a run with exit code 1 although nothing failed. Their number is limited, because a
 * catch-up may change tags of many repositories.
 */
export function findingLines({ findings }: Reported, style: Style): string[] {
  const caughtUp = findings.filter(isCaughtUp);
  const shown = [...caughtUp.slice(0, MAX_HELD), ...findings.filter((finding) => !isCaughtUp(finding))];
  return [
    ...shown.map(({ message }) => `${style.bad('finding')}  ${message}`),
    ...rest(caughtUp.length, 'repositories whose tags a catch-up changed'),
  ];
}

function isCaughtUp({ kind }: Finding): boolean {
  return kind === 'caught-up';
}

/** Returns `2 findings`, or an empty text if there is none. */
export function countFindings({ length }: RunReport['findings']): string {
  return length === 0 ? '' : countOf(length, 'finding');
}

/** Whether the lines leave anything out. */
export function isHeldCut({ items, findings }: Reported): boolean {
  const isCut = ['held', 'gone'].some(
    (result) => items.filter(({ outcome }) => outcome.result === result).length > MAX_HELD,
  );
  const isAnyCut = findings.some(({ tags = [] }) => tags.length > MAX_NAMED);
  return isCut || isAnyCut || findings.filter(isCaughtUp).length > MAX_HELD;
}

function rest(count: number, what: string): string[] {
  return count > MAX_HELD ? [`… and ${count - MAX_HELD} more ${what}`] : [];
}

function nameOf({ repository, reference }: ItemReport): string {
  const digest = reference !== undefined && isDigest(reference) ? reference : undefined;
  const tag = reference === undefined || isDigest(reference) ? undefined : reference;
  return shortenDigests(formatReference({ repository, tag, digest }));
}
