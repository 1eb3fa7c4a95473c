/** What a part of a run hands to the whole. Pure. */
import type { Finding, ItemReport, OutcomeCounts } from '../engine/report.ts';
import { sumCounts } from '../engine/report.ts';
import type { UpstreamReport } from '../engine/source.ts';
import { sumCopied, type CopyCounts } from '../engine/tally.ts';
import type { StepResult } from './step-result.ts';

/** A step and an instance may return 1 MiB. A part keeps below half of it, whatever there is to report. */
const MAX_LISTED_BYTES = 400_000;

export interface RunPart {
  readonly counts: OutcomeCounts;
  readonly copied: CopyCounts;
  readonly items: readonly ItemReport[];
  readonly findings: readonly Finding[];
  /** The items and findings that are counted but not listed, because there are too many. */
  readonly unlisted: number;
  readonly served: readonly string[];
  readonly upstreams: readonly UpstreamReport[];
}

/** @returns the part of a run that one step has done */
export function partOf({ result, upstreams }: Omit<StepResult, 'deferred'>): RunPart {
  const { repository, counts, items, findings, isServed, copied } = result;
  return bounded({
    counts,
    copied,
    items,
    findings,
    unlisted: 0,
    served: isServed ? [repository] : [],
    upstreams,
  });
}

export function joinParts(parts: readonly RunPart[]): RunPart {
  return bounded({
    counts: sumCounts(parts.map(({ counts }) => counts)),
    copied: sumCopied(parts.map(({ copied }) => copied)),
    items: parts.flatMap(({ items }) => items),
    findings: parts.flatMap(({ findings }) => findings),
    unlisted: parts.reduce((sum, { unlisted }) => sum + unlisted, 0),
    served: parts.flatMap(({ served }) => served),
    upstreams: joinUpstreams(parts.flatMap(({ upstreams }) => upstreams)),
  });
}

/** @returns what a round has copied and requested. A later round of the same repository tells what became of its tags */
export function outcomesForgotten({ copied, upstreams }: RunPart): RunPart {
  return { ...joinParts([]), copied, upstreams };
}

/** What somebody has to know comes first, so that it is listed. */
const URGENT: ReadonlySet<ItemReport['outcome']['result']> = new Set(['failed', 'held', 'gone', 'skipped']);

/** Keeps as many findings and items as may be returned, the urgent ones first. */
function bounded(part: RunPart): RunPart {
  let bytes = 0;
  const fits = (value: object): boolean => {
    bytes += 3 * JSON.stringify(value).length;
    return bytes <= MAX_LISTED_BYTES;
  };
  const findings = part.findings.filter(fits);
  const urgent = part.items.filter(({ outcome }) => URGENT.has(outcome.result)).filter(fits);
  const others = part.items.filter(({ outcome }) => !URGENT.has(outcome.result)).filter(fits);
  const items = [...urgent, ...others];
  const left = part.findings.length - findings.length + (part.items.length - items.length);
  return left === 0 ? part : { ...part, findings, items, unlisted: part.unlisted + left };
}

/** Adds up the requests to each upstream. Of what it said about quotas the latest answer counts. */
function joinUpstreams(reports: readonly UpstreamReport[]): UpstreamReport[] {
  const joined = new Map<string, UpstreamReport>();
  for (const report of reports) {
    const { name, requests, quotas, exhausted } = report;
    const before = joined.get(name);
    if (before === undefined) {
      joined.set(name, report);
      continue;
    }
    joined.set(name, {
      name,
      requests: {
        heads: before.requests.heads + requests.heads,
        manifestGets: before.requests.manifestGets + requests.manifestGets,
        blobGets: before.requests.blobGets + requests.blobGets,
        lists: before.requests.lists + requests.lists,
      },
      quotas: quotas.length > 0 ? quotas : before.quotas,
      exhausted: exhausted ?? before.exhausted,
    });
  }
  return [...joined.values()];
}
