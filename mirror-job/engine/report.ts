/** The report of a run, for people and machines. It is written to `state/<name>/last-run.json`. */
import { isDigest, type Digest } from '../../core/digest.ts';
import { brief } from '../../core/printable.ts';
import { formatReference, type Repository, type Tag } from '../../core/reference.ts';
import type { UpstreamReport } from './source.ts';
import { SkippedError } from './support/skipped-error.ts';
import type { CopyCounts } from './tally.ts';

/** The outcome of one tag, or of one digest that the configuration names. */
export type Outcome =
  | { readonly result: 'unchanged'; readonly digest: Digest }
  | { readonly result: 'created'; readonly digest: Digest }
  | { readonly result: 'moved'; readonly digest: Digest; readonly from: Digest }
  | Held
  /** Upstream has no such tag any more. The mirrored one stays. */
  | { readonly result: 'gone'; readonly digest: Digest; readonly since: string }
  | { readonly result: 'failed'; readonly error: string }
  /** It is left for the next run, because the budget is used up or the run had to stop. */
  | { readonly result: 'skipped'; readonly reason: string };

/**
 * Turns an error into the outcome of a tag. Once the run was told to stop, every error counts as skipped, because stopping
 * causes most of them.
 * @param signal the run's; a SkippedError as its reason gives the sentence
 */
export function outcomeOf(error: unknown, { aborted, reason }: AbortSignal): Outcome {
  if (aborted) {
    const sentence = reason instanceof SkippedError ? reason.message : undefined;
    return { result: 'skipped', reason: sentence ?? 'The run was stopped before this was done.' };
  }
  if (error instanceof SkippedError) return { result: 'skipped', reason: error.message };
  return { result: 'failed', error: brief(error instanceof Error ? error.message : String(error)) };
}

/** Upstream's tag has moved, and ours does not follow. Upstream's digest is stored, and can be pulled by digest. */
export interface Held {
  readonly result: 'held';
  /** Our tag's digest, which stays. */
  readonly digest: Digest;
  readonly upstream: Digest;
  /** A sentence that says why the tag is held. */
  readonly reason: string;
  /** A sentence that says what moves the tag. */
  readonly next: string;
  /** From when on it moves by itself; left out if somebody has to move it. ISO 8601, UTC. */
  readonly until?: string;
}

/** Somebody has to look at this although nothing failed, so a run with a finding ends with exit code 1. */
export interface Finding {
  readonly kind:
    | 'immutable-changed'
    | 'mass-disappearance'
    | 'list-too-short'
    | 'too-many-referrers'
    | 'object-lost'
    | 'index-lost'
    | 'caught-up'
    | 'in-use-list';
  /** Left out for `in-use-list`, which is about a cluster. */
  readonly repository?: Repository;
  /** For `in-use-list`: the cluster's name; left out if a rule matches no list. */
  readonly cluster?: string;
  /** Undefined if the finding is about several tags. */
  readonly tag?: Tag;
  /** For `caught-up`: the name of the store whose tags changed. */
  readonly store?: string;
  /** For `caught-up`: all tags that changed. */
  readonly tags?: readonly TagChange[];
  /** Sentences, with the next step. */
  readonly message: string;
}

/** The change of a tag in a store that was caught up. */
export interface TagChange {
  readonly tag: Tag;
  /** Undefined if the store did not have the tag, or its object could not be read. */
  readonly from?: Digest | undefined;
  /** Equal to `from` if only the hold or the date of the movement changed. */
  readonly to: Digest;
}

export interface ItemReport {
  readonly repository: Repository;
  /** A tag, or a digest that the configuration names; undefined for the repository as a whole. */
  readonly reference: Tag | Digest | undefined;
  readonly outcome: Outcome;
}

/** Formats the item's reference; the repository alone, if the item is about all of it. */
export function formatItem({ repository, reference }: Pick<ItemReport, 'repository' | 'reference'>): string {
  if (reference === undefined) return formatReference({ repository, tag: undefined, digest: undefined });
  return isDigest(reference)
    ? formatReference({ repository, tag: undefined, digest: reference })
    : formatReference({ repository, tag: reference, digest: undefined });
}

export interface RunReport extends CopyCounts {
  readonly run: string;
  /** ISO 8601, UTC. */
  readonly begun: string;
  readonly ended: string;
  readonly counts: OutcomeCounts;
  /** Whether the run was told to stop before it was done. */
  readonly interrupted: boolean;
  readonly upstreams: readonly UpstreamReport[];
  /** The primary first; left out where only one store is filled. */
  readonly stores?: readonly StoreReport[];
  /** All items but the unchanged ones, which are only counted. */
  readonly items: readonly ItemReport[];
  readonly findings: readonly Finding[];
  /** Sentences about the run as a whole; left out where there is none. Only a job that runs as a Worker has any. */
  readonly warnings?: readonly string[];
  /** How many items and findings are counted but not listed, because a job that runs as a Worker cannot carry more. */
  readonly unlisted?: number;
}

/** The state of one of several stores at the end of a run. */
export interface StoreReport {
  /** The store's name in messages. */
  readonly name: string;
  /** `behind`: it lacks something, and the next run that can use it catches it up. */
  readonly state: 'in step' | 'behind';
  /** ISO 8601, UTC. */
  readonly since?: string;
  readonly reason?: string;
  /** True if no run can catch it up before somebody does what `reason` says. */
  readonly undecided?: boolean;
  /** The objects that this run copied to it from another store, to catch it up. */
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
 * The exit code of a run, or of a plan: 1 if something failed or was found, a store is behind, or the run had to stop. Skipped
 * and held items do not count, because the operator wants them so.
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
