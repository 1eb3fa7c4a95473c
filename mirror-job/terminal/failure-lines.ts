/** Describes failed and skipped items in sentences. */
import { compareNaturally } from '../engine/selection/natural-order.ts';
import { formatItem, type ItemReport, type RunReport } from '../engine/report.ts';
import { shortenDigests, type Style } from './style.ts';

const MAX_REASONS = 50;
/** The most names that share a row or a reason, and the most sentences that differ by a tag or a digest alone. */
export const MAX_NAMES = 5;
const DIGEST = /\bsha\d+[:-][0-9a-f]{64,}/g;

type Items = Pick<RunReport, 'items'>;

interface Group {
  readonly items: readonly ItemReport[];
  /** The reason of the first item. */
  readonly reason: string;
  /** Whether the other items have the same reason, and not only a similar one. */
  readonly isShared: boolean;
}

/** Groups the items by their reason, because a registry that is down is one problem, however many items fail by it. */
export function failureLines(report: Items, style: Style): string[] {
  const groups = groupsOf(report);
  return [
    ...groups.slice(0, MAX_REASONS).flatMap((group) => groupLines(group, style)),
    ...more(groups.length - MAX_REASONS, ' reasons'),
  ];
}

/** Whether `failureLines` leaves anything out. */
export function areFailuresCut(report: Items): boolean {
  const groups = groupsOf(report);
  return groups.length > MAX_REASONS || groups.some(({ items }) => items.length > MAX_NAMES);
}

function groupsOf({ items }: Items): Group[] {
  const failed = sortedByName(items.filter((item) => reasonOf(item) !== undefined));
  return [...Map.groupBy(failed, patternOf).values()].flatMap((alike): Group[] => {
    const reasons = [...Map.groupBy(alike, (item) => reasonOf(item) ?? '')];
    if (reasons.length > MAX_NAMES) return [{ items: alike, reason: reasons[0]?.[0] ?? '', isShared: false }];
    return reasons.map(([reason, those]) => ({ items: those, reason, isShared: true }));
  });
}

function groupLines({ items, reason, isShared }: Group, style: Style): string[] {
  const names = [
    ...items.slice(0, MAX_NAMES).map(nameOf),
    ...more(items.length - MAX_NAMES, isShared ? ' for the same reason' : ''),
  ];
  const word = items[0]?.outcome.result === 'skipped' ? 'skipped' : style.bad('failed ');
  return [
    ...names.map((name, index) => `${index === 0 ? word : '       '}  ${name}`),
    `         ${isShared ? '' : 'each for a tag or digest of its own; the first: '}${reason}`,
  ];
}

/** @param what with a space before it, unless it is empty */
export function more(count: number, what: string): string[] {
  return count > 0 ? [`… and ${count} more${what}`] : [];
}

function reasonOf({ outcome }: ItemReport): string | undefined {
  if (outcome.result === 'skipped') return outcome.reason;
  return outcome.result === 'failed' ? outcome.error : undefined;
}

/** The pattern is the same for reasons that differ only by a digest, or by the item's own tag in a request's path. */
function patternOf(item: ItemReport): string {
  const reason = (reasonOf(item) ?? '').replaceAll(DIGEST, '…');
  const { reference, outcome } = item;
  const masked =
    reference === undefined ? reason : reason.replaceAll(`manifests/${reference}`, 'manifests/…');
  return `${outcome.result} ${masked}`;
}

export function nameOf(item: ItemReport): string {
  return shortenDigests(formatItem(item));
}

/** Sorts items as people expect: `1.9` is before `1.10`. The report has them in the order of the configuration. */
export function sortedByName(items: readonly ItemReport[]): ItemReport[] {
  return items.toSorted((one, other) => compareNaturally(formatItem(one), formatItem(other)));
}
