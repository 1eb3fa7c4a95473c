/** The `retention` of the configuration, as pruning takes it. */
import type { TagPattern } from '../selection/selection.ts';

/** The shortest time between condemning and the first sweep: longer than a run's note counts, and than the edge's memory. */
export const MIN_GRACE_MS = 25 * 3_600_000;

/** The longest one: what is to stay for longer needs no plan that was applied. */
export const MAX_GRACE_MS = 90 * 24 * 3_600_000;

export interface Retention {
  /** How many digests of each tag stay, the current one included. */
  readonly history: number;
  /** How long a tag, a digest or a pin stays after it was needed last. */
  readonly keepMs: number;
  /** Tags that stay whatever happens. */
  readonly keep: readonly TagPattern[];
}

/** The settings of the whole mirror. */
export interface MirrorRetention extends Retention {
  /** The most of the bucket's objects, or of its bytes, that one plan may delete. Percent. */
  readonly maxDeletePercent: number;
  /** How long keys stay condemned before the first sweep. */
  readonly graceMs: number;
}

/** The value of each key that the configuration leaves out. */
export const DEFAULT_RETENTION: MirrorRetention = {
  history: 10,
  keepMs: 90 * 24 * 3_600_000,
  keep: [],
  maxDeletePercent: 10,
  graceMs: 48 * 3_600_000,
};

/** @returns the retention that keeps what any of them keeps */
export function mostGenerous(all: readonly Retention[]): Retention | undefined {
  if (all.length === 0) return undefined;
  return {
    history: Math.max(...all.map(({ history }) => history)),
    keepMs: Math.max(...all.map(({ keepMs }) => keepMs)),
    keep: all.flatMap(({ keep }) => keep),
  };
}
