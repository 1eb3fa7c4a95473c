/** Writes what a run's report says into the Worker's log, where alerts and `wrangler tail` find it. */
import { formatItem, type ItemReport, type RunReport } from '../engine/report.ts';
import type { Log } from '../engine/runtime.ts';
import { countOf } from '../engine/support/count-of.ts';

/** An upstream that is down fails hundreds of tags by one reason; the report has all of them. */
const MAX_REASONS = 20;
/** The most names in one line. */
const MAX_NAMES = 3;

/** Logs a line with the counts, and a warning for each finding and for each reason for which something failed. */
export function logReport({ run, counts, items, findings }: RunReport, log: Log): void {
  const said = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([result, count]) => `${count} ${result}`);
  log.info(`The run ${run} has ended: ${said.length === 0 ? 'it had nothing to do' : said.join(', ')}.`);
  for (const { repository, message } of findings) {
    const subject = repository === undefined ? '' : `${formatItem({ repository, reference: undefined })}: `;
    log.warn(`${subject}${message}`);
  }
  const reasons = Map.groupBy(items.filter(hasFailed), ({ outcome }) => outcome.error);
  for (const [reason, those] of [...reasons].slice(0, MAX_REASONS)) {
    log.warn(`${namesOf(those)} failed: ${reason}`);
  }
  if (reasons.size > MAX_REASONS) {
    log.warn(`${countOf(reasons.size - MAX_REASONS, 'more reason')} of failures: the report has them.`);
  }
}

type FailedItem = ItemReport & { readonly outcome: { readonly result: 'failed' } };

function hasFailed(item: ItemReport): item is FailedItem {
  return item.outcome.result === 'failed';
}

function namesOf(items: readonly FailedItem[]): string {
  const names = items.slice(0, MAX_NAMES).map(formatItem);
  const others = items.length - names.length;
  return others > 0 ? `${names.join(', ')} and ${others} more` : names.join(', ');
}
