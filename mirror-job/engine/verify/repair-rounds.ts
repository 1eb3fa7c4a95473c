/** Repairs one store and checks it again, until a check finds nothing that a repair has not tried. */
import type { Digest } from '../../../core/digest.ts';
import type { Problem } from './problem.ts';
import type { Repaired } from './repair.ts';
import type { StoreResult } from './verify-store.ts';

export interface RepairSteps {
  /** @param suspects the blobs with wrong bytes that an earlier check has found */
  readonly check: (suspects: readonly Digest[]) => Promise<StoreResult>;
  readonly repair: (problems: readonly Problem[]) => Promise<readonly Repaired[]>;
}

/** A tag that comes back may show that a list, a description or a blob is wrong. Each further round checks the whole store. */
const MAX_ROUNDS = 3;

/**
 * @param found the problems before
 * @returns the state after the repairs, which is never better than it is known to be
 */
export async function repairInRounds(
  found: StoreResult,
  { check, repair }: RepairSteps,
): Promise<{ readonly result: StoreResult; readonly repaired: readonly Repaired[] }> {
  const repaired: Repaired[] = [];
  const tried = new Set<string>();
  let result = found;
  for (let round = 1; round <= MAX_ROUNDS; round += 1) {
    const untried = result.problems.filter((problem) => !tried.has(nameOf(problem)));
    if (untried.length === 0) break;
    for (const problem of untried) tried.add(nameOf(problem));
    const done = await repair(untried);
    repaired.push(...done);
    if (!done.some((one) => one.result === 'repaired' || one.result === 'right')) break;
    result = withFailed(await check(suspectsOf(result)), result.problems, repaired);
  }
  return { result: { ...result, ...(found.deep !== undefined && { deep: found.deep }) }, repaired };
}

/**
 * A tag that nothing names any more once its index is made anew, and a manifest that only a deep check reads, are
 * not found again.
 */
const FOUND_ONCE: ReadonlySet<Problem['kind']> = new Set(['tag-missing', 'manifest-bytes']);

/**
 * Adds the problems that no repair has mended and that the check after it cannot find.
 * @param repaired the results of all rounds so far
 */
function withFailed(
  after: StoreResult,
  before: readonly Problem[],
  repaired: readonly Repaired[],
): StoreResult {
  const results = new Map(repaired.map((one) => [placeOf(one), one.result]));
  const present = new Set(after.problems.map((one) => placeOf(one)));
  const left = before.filter(
    (one) => FOUND_ONCE.has(one.kind) && results.get(placeOf(one)) === 'failed' && !present.has(placeOf(one)),
  );
  return {
    ...after,
    problems: [...after.problems, ...left],
    problemCount: after.problemCount + left.length,
  };
}

function placeOf({ kind, key }: Pick<Problem, 'kind' | 'key'>): string {
  return `${kind} ${key}`;
}

function nameOf({ kind, key, message }: Problem): string {
  return `${kind} ${key} ${message}`;
}

/** A quick check does not see wrong bytes by itself, and the note of them in the bucket may be one that could not be written. */
function suspectsOf({ problems }: StoreResult): readonly Digest[] {
  const digests = problems.flatMap(({ kind, digest }) => (kind === 'blob-bytes' ? (digest ?? []) : []));
  return [...new Set(digests)];
}
