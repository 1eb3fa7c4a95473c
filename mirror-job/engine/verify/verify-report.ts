/** The report of `lifeboat verify`. */
import type { StoreDifference } from './store-difference.ts';
import type { Repaired } from './repair.ts';
import type { StoreResult } from './verify-store.ts';

/** A tag that upstream has otherwise. It is no damage: the next run decides about it. */
export interface Drift {
  readonly image: string;
  /** A clause, such as `upstream has moved it`. */
  readonly how: string;
}

export interface DriftReport {
  readonly tags: number;
  readonly drifts: readonly Drift[];
  /** Images for which upstream could not be asked: sentences. */
  readonly unknown: readonly string[];
}

export interface VerifyReport {
  /** The configuration's name. */
  readonly mirror: string;
  readonly mode: 'quick' | 'deep';
  /** ISO 8601, UTC. */
  readonly begun: string;
  readonly ended: string;
  /** After repairs. */
  readonly stores: readonly StoreResult[];
  readonly repaired: readonly Repaired[];
  readonly differences: readonly StoreDifference[];
  readonly drift?: DriftReport;
}

/** Whether something is wrong, as far as it is known. */
export function isDamaged({ stores, differences }: VerifyReport): boolean {
  return (
    stores.some(({ problemCount }) => problemCount > 0) ||
    differences.some(({ differenceCount }) => differenceCount > 0)
  );
}

/** Whether everything of the stores could be looked at. Drift is no damage, so an upstream that is away is not counted. */
export function isKnown({ stores, differences }: VerifyReport): boolean {
  return (
    stores.every(({ unknownCount }) => unknownCount === 0) &&
    differences.every(({ unknown }) => unknown === undefined)
  );
}

/** 0: whole. 1: not known. 3: something is wrong, whether or not all is known. */
export function exitCodeOfVerify(report: VerifyReport): 0 | 1 | 3 {
  if (isDamaged(report)) return 3;
  return isKnown(report) ? 0 : 1;
}
