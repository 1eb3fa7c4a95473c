/** Shows whether the runtimes of a node would ask the edge. */
import type { Verdict } from '../../cluster/check/verdict.ts';
import { alignColumns } from './style.ts';

const ASKED: Readonly<Record<Verdict['asked'], string>> = {
  first: 'asked first',
  last: 'asked when the upstream fails',
  no: 'NOT ASKED',
};

/** A table, and below it each reason once, with the registries that it is for. */
export function describeVerdicts(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ runtime, upstream, asked, tags }) =>
    asked === 'no'
      ? [runtime, upstream, ASKED.no]
      : [runtime, upstream, ASKED[asked], tags ? 'tags and digests' : 'digests only'],
  );
  const reasons = new Map<string, string[]>();
  for (const { runtime, upstream, reasons: own } of verdicts) {
    for (const reason of own) {
      const key = `${runtime}: ${reason}`;
      reasons.set(key, [...(reasons.get(key) ?? []), upstream]);
    }
  }
  const lines = [...reasons.keys()].map((reason) => `! ${reason}`);
  return `${[...alignColumns(rows), ...(lines.length > 0 ? ['', ...lines] : [])].join('\n')}\n`;
}
