/**
 * The part of a run's report that one step or instance returns. Parts are joined into the whole, and stay within what a step
 * and an instance may return. Pure.
 */
import type { HeldLine, RepositoryLine } from '../../core/overview.ts';
import { parseRepository } from '../../core/reference.ts';
import {
  countOutcomes,
  sumCounts,
  type Finding,
  type ItemReport,
  type OutcomeCounts,
} from '../engine/report.ts';
import type { RepositoryResult } from '../engine/run/mirror-repository.ts';
import type { RequestCounts, UpstreamReport } from '../engine/source.ts';
import { sumCopied, type CopyCounts } from '../engine/tally.ts';

/** The most bytes of all lists of a part. A step and an instance may return 1 MiB. */
const MAX_LISTED_BYTES = 400_000;
/** The most bytes of lines of the overview and of names of repositories that have none, together. */
const MAX_LINES_BYTES = 500_000;

export interface RunPart {
  readonly counts: OutcomeCounts;
  readonly copied: CopyCounts;
  readonly items: readonly ItemReport[];
  readonly findings: readonly Finding[];
  /** How many items and findings are counted but not listed, because there are too many. */
  readonly unlisted: number;
  /** The repositories that have nothing to pull. */
  readonly unserved: readonly string[];
  readonly upstreams: readonly UpstreamReport[];
  /** The lines of the overview. A repository whose line has no room keeps its earlier one. */
  readonly lines: readonly RepositoryLine[];
  /** The held tags of the overview, as far as there is room. */
  readonly held: readonly HeldLine[];
  /** Whether blobs were uploaded in parts, of which a killed step may have left some. */
  readonly hasUploads: boolean;
}

/** @returns the part for a repository's result. @param hasUploads as in `RunPart` */
export function partOf(
  { repository, counts, items, findings, isServed, copied, overview }: RepositoryResult,
  upstreams: readonly UpstreamReport[],
  hasUploads: boolean,
): RunPart {
  const unserved = isServed ? [] : [repository];
  const lines = overview === undefined ? [] : [overview.line];
  const held = overview?.held ?? [];
  return bounded({
    counts,
    copied,
    items,
    findings,
    unlisted: 0,
    unserved,
    upstreams,
    lines,
    held,
    hasUploads,
  });
}

/** @returns the part of repositories that could not be mirrored. @param error a sentence */
export function failedPart(repositories: readonly string[], error: string): RunPart {
  const items = repositories.map((repository) => ({
    repository: parseRepository(repository),
    reference: undefined,
    outcome: { result: 'failed', error } as const,
  }));
  return bounded({ ...joinParts([]), counts: countOutcomes(items), items, unserved: repositories });
}

export function joinParts(parts: readonly RunPart[]): RunPart {
  return bounded({
    counts: sumCounts(parts.map(({ counts }) => counts)),
    copied: sumCopied(parts.map(({ copied }) => copied)),
    items: parts.flatMap(({ items }) => items),
    findings: parts.flatMap(({ findings }) => findings),
    unlisted: parts.reduce((sum, { unlisted }) => sum + unlisted, 0),
    unserved: parts.flatMap(({ unserved }) => unserved),
    upstreams: joinUpstreams(parts.flatMap(({ upstreams }) => upstreams)),
    lines: parts.flatMap(({ lines }) => lines),
    held: parts.flatMap(({ held }) => held),
    hasUploads: parts.some(({ hasUploads }) => hasUploads),
  });
}

/**
 * Joins two attempts at the same repository. The later one says what became of each tag, but a tag that it finds unchanged may be
 * one that the earlier one has created or moved, and a finding of the earlier one may not come again.
 */
export function joinAttempts(earlier: RunPart, later: RunPart): RunPart {
  const told = new Set(later.items.map(nameOf));
  const changes = earlier.items.filter(
    ({ outcome }) => outcome.result === 'created' || outcome.result === 'moved',
  );
  const done = changes.filter((item) => !told.has(nameOf(item)));
  const counts = { ...later.counts };
  for (const result of ['created', 'moved'] as const) {
    const again = changes.filter((item) => told.has(nameOf(item)) && item.outcome.result === result).length;
    counts[result] += earlier.counts[result] - again;
    counts.unchanged -= earlier.counts[result] - again;
  }
  counts.unchanged = Math.max(0, counts.unchanged);
  /** Those of the earlier attempt that its own list was too short for. */
  const unlisted = earlier.counts.created + earlier.counts.moved - changes.length;
  const messages = new Set(later.findings.map(({ message }) => message));
  const before = earlier.findings.filter(({ message }) => !messages.has(message));
  return {
    ...joinParts([
      {
        ...earlier,
        counts: sumCounts([]),
        items: [],
        findings: [],
        unlisted,
        unserved: [],
        // An attempt that could not read the index has no line.
        ...(later.lines.length > 0 && { lines: [], held: [] }),
      },
      { ...later, counts, items: [...done, ...later.items], findings: [...before, ...later.findings] },
    ]),
  };
}

function nameOf({ repository, reference }: ItemReport): string {
  return `${repository} ${reference ?? ''}`;
}

/** The outcomes that are listed rather than others, because somebody has to know of them. */
const URGENT: ReadonlySet<ItemReport['outcome']['result']> = new Set(['failed', 'held', 'gone', 'skipped']);

/** Keeps as many findings and items as may be returned. If there are too many, the urgent ones stay. */
function bounded(part: RunPart): RunPart {
  let bytes = 0;
  const fits = (value: object): boolean => {
    // A character takes at most three bytes of UTF-8 for each of its UTF-16 units.
    bytes += 3 * JSON.stringify(value).length;
    return bytes <= MAX_LISTED_BYTES;
  };
  const findings = part.findings.filter(fits);
  const urgent = part.items.filter(({ outcome }) => URGENT.has(outcome.result)).filter(fits);
  const others = part.items.filter(({ outcome }) => !URGENT.has(outcome.result)).filter(fits);
  const kept = new Set([...urgent, ...others]);
  const { foreignLayers, ...copied } = part.copied;
  const layers = foreignLayers?.filter(fits) ?? [];
  const items = part.items.filter((item) => kept.has(item));
  // The oldest ones stay, as in the overview.
  const held = part.held.toSorted((one, other) => (one.since < other.since ? -1 : 1)).filter(fits);
  const left = part.findings.length - findings.length + (part.items.length - items.length);
  return {
    ...part,
    copied: { ...copied, ...(layers.length > 0 && { foreignLayers: layers }) },
    findings,
    items,
    unlisted: part.unlisted + left,
    lines: boundedLines(part),
    held,
  };
}

/** Keeps as many lines as there is room for beside the names of repositories without one. */
function boundedLines({ lines, unserved }: RunPart): readonly RepositoryLine[] {
  let bytes = JSON.stringify(unserved).length;
  return lines.filter((line) => {
    // A line is ASCII.
    bytes += JSON.stringify(line).length + 1;
    return bytes <= MAX_LINES_BYTES;
  });
}

/** Adds up the requests to each upstream. The latest answer about quotas counts. */
function joinUpstreams(reports: readonly UpstreamReport[]): UpstreamReport[] {
  const joined = new Map<string, UpstreamReport>();
  for (const report of reports) {
    const { name, requests, quotas, exhausted } = report;
    const before = joined.get(name);
    joined.set(
      name,
      before === undefined
        ? report
        : {
            name,
            requests: sumRequests(before.requests, requests),
            quotas: quotas.length > 0 ? quotas : before.quotas,
            exhausted: exhausted ?? before.exhausted,
          },
    );
  }
  return [...joined.values()];
}

function sumRequests(one: RequestCounts, other: RequestCounts): RequestCounts {
  return {
    heads: one.heads + other.heads,
    manifestGets: one.manifestGets + other.manifestGets,
    blobGets: one.blobGets + other.blobGets,
    lists: one.lists + other.lists,
  };
}
