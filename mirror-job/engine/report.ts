/** What a run did, for people and machines. Written to `state/<name>/last-run.json`. */
import type { Digest } from '../../core/digest.ts';
import type { Repository, Tag } from '../../core/reference.ts';

/** What became of one tag, or of one digest of the configuration. */
export type Outcome =
  | { readonly result: 'unchanged'; readonly digest: Digest }
  | { readonly result: 'created'; readonly digest: Digest }
  | { readonly result: 'moved'; readonly digest: Digest; readonly from: Digest }
  | { readonly result: 'failed'; readonly error: string };

export interface ItemReport {
  readonly repository: Repository;
  /** A tag or, for what the configuration names by digest, that digest; undefined for the repository as a whole. */
  readonly reference: Tag | Digest | undefined;
  readonly outcome: Outcome;
}

export interface RunReport {
  readonly run: string;
  /** ISO 8601, UTC. */
  readonly begun: string;
  readonly ended: string;
  readonly counts: Readonly<Record<Outcome['result'], number>>;
  readonly blobs: { readonly copied: number; readonly present: number };
  readonly manifests: { readonly copied: number };
  /** Bytes read from sources. */
  readonly bytes: number;
  /** Whether the run was told to stop before it was through. */
  readonly interrupted: boolean;
  /** All but the unchanged ones. */
  readonly items: readonly ItemReport[];
}

export function countOutcomes(items: readonly ItemReport[]): RunReport['counts'] {
  const counts = { unchanged: 0, created: 0, moved: 0, failed: 0 };
  for (const { outcome } of items) counts[outcome.result] += 1;
  return counts;
}
