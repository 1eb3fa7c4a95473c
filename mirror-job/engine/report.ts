/** What a run did, for people and machines. Written to `state/<name>/last-run.json`. */
import type { Digest } from '../../core/digest.ts';
import type { Repository, Tag } from '../../core/reference.ts';
import type { UpstreamReport } from './source.ts';
import type { CopyCounts } from './tally.ts';

/** What became of one tag, or of one digest of the configuration. */
export type Outcome =
  | { readonly result: 'unchanged'; readonly digest: Digest }
  | { readonly result: 'created'; readonly digest: Digest }
  | { readonly result: 'moved'; readonly digest: Digest; readonly from: Digest }
  | Held
  /** Upstream has no such tag any more. What is mirrored stays. */
  | { readonly result: 'gone'; readonly digest: Digest; readonly since: string }
  | { readonly result: 'failed'; readonly error: string }
  /** Left for the next run: the budget is used up, or the run had to stop. */
  | { readonly result: 'skipped'; readonly reason: string };

/** Upstream's tag is elsewhere, and ours does not follow. What upstream shows is stored, and can be had by digest. */
export interface Held {
  readonly result: 'held';
  /** Where ours stands. */
  readonly digest: Digest;
  readonly upstream: Digest;
  /** A sentence. */
  readonly reason: string;
  /** What moves it: a sentence. */
  readonly next: string;
}

/** What somebody has to look at although nothing failed: a run that has one ends with exit code 1. */
export interface Finding {
  readonly kind:
    | 'immutable-changed'
    | 'mass-disappearance'
    | 'list-too-short'
    | 'too-many-referrers'
    | 'object-lost'
    | 'caught-up';
  readonly repository: Repository;
  /** Undefined where it is about many. */
  readonly tag?: Tag;
  /** Of `caught-up`: the store whose tags changed, as messages call it. */
  readonly store?: string;
  /** Of `caught-up`: all tags that changed. */
  readonly tags?: readonly TagChange[];
  /** Sentences, with the next step. */
  readonly message: string;
}

/** How a tag changed in a store that was caught up. */
export interface TagChange {
  readonly tag: Tag;
  /** Undefined if the store did not have the tag, or its object could not be read. */
  readonly from?: Digest | undefined;
  /** The same as `from` if only the hold or the date of the movement changed. */
  readonly to: Digest;
}

export interface ItemReport {
  readonly repository: Repository;
  /** A tag or, for what the configuration names by digest, that digest; undefined for the repository as a whole. */
  readonly reference: Tag | Digest | undefined;
  readonly outcome: Outcome;
}

export interface RunReport extends CopyCounts {
  readonly run: string;
  /** ISO 8601, UTC. */
  readonly begun: string;
  readonly ended: string;
  readonly counts: OutcomeCounts;
  /** Whether the run was told to stop before it was through. */
  readonly interrupted: boolean;
  readonly upstreams: readonly UpstreamReport[];
  /** Only where several are filled; the primary first. */
  readonly stores?: readonly StoreReport[];
  /** All but the unchanged ones. */
  readonly items: readonly ItemReport[];
  readonly findings: readonly Finding[];
}

/** What became of one store, where several are filled. */
export interface StoreReport {
  /** As messages call it. */
  readonly name: string;
  /** `behind`: it lacks something, and the next run that can use it catches it up. */
  readonly state: 'in step' | 'behind';
  /** ISO 8601, UTC. */
  readonly since?: string;
  readonly reason?: string;
  /** True if no run catches it up before somebody has done what `reason` says. */
  readonly undecided?: boolean;
  /** What this run has copied to it from another store, to catch it up. */
  readonly copied?: { readonly objects: number; readonly bytes: number };
}

/** How many tags and digests have each outcome. */
export type OutcomeCounts = Readonly<Record<Outcome['result'], number>>;

const RESULTS = ['unchanged', 'created', 'moved', 'held', 'gone', 'failed', 'skipped'] as const;

export function countOutcomes(items: readonly ItemReport[]): OutcomeCounts {
  const counts = { unchanged: 0, created: 0, moved: 0, held: 0, gone: 0, failed: 0, skipped: 0 };
  for (const { outcome } of items) counts[outcome.result] += 1;
  return counts;
}

export function sumCounts(all: readonly OutcomeCounts[]): OutcomeCounts {
  const sum = { unchanged: 0, created: 0, moved: 0, held: 0, gone: 0, failed: 0, skipped: 0 };
  for (const counts of all) for (const result of RESULTS) sum[result] += counts[result];
  return sum;
}

/**
 * The exit code of a run, or of a plan: 1 if something failed or was found, a store is behind, or it had to stop. What was
 * skipped or held was meant to be.
 */
export function exitCodeOf({
  counts,
  findings,
  interrupted,
  stores = [],
}: Pick<RunReport, 'counts' | 'findings' | 'interrupted' | 'stores'>): 0 | 1 {
  const isInStep = stores.every(({ state }) => state !== 'behind');
  return counts.failed === 0 && findings.length === 0 && isInStep && !interrupted ? 0 : 1;
}
