/** Does the next step of pruning one bucket: condemns a plan, sweeps, or gives the plan up. */
import { randomUUID } from 'node:crypto';
import type { PrunableBucket } from '../assembly/prunable-stores.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { cancelPrune } from '../engine/maintenance/cancel.ts';
import { condemn } from '../engine/maintenance/condemn.ts';
import type { ReadPlan } from '../engine/maintenance/prune-plan.ts';
import { readPruneState } from '../engine/maintenance/prune-state-object.ts';
import { policies } from '../engine/maintenance/repository-policy.ts';
import { DEFAULT_RETENTION } from '../engine/maintenance/retention.ts';
import { sweep } from '../engine/maintenance/sweep.ts';
import type { Clock } from '../engine/runtime.ts';
import type { StepResult } from '../terminal/prune-text.ts';
import { readPruneScope } from './prune-scope.ts';

export interface StepOptions {
  readonly configuration: Configuration;
  /** The plan of `--apply`; undefined to go on with the one that was applied. */
  readonly plan: ReadPlan | undefined;
  readonly cancel: boolean;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * @returns undefined if the plan leaves the bucket out
 * @throws {PruneRefusedError}, {BucketObjectInvalidError} and {StoreError}
 */
export async function applyStep(
  bucket: PrunableBucket,
  options: StepOptions,
): Promise<StepResult | undefined> {
  const { configuration, plan, cancel, clock, signal } = options;
  const { store, id } = bucket;
  if (cancel) {
    return { step: 'cancelled', hadPlan: await cancelPrune(store, clock) };
  }
  const { state } = await readPruneState(store);
  const readPolicy = async () => policies(await readPruneScope(store, configuration, clock.now()));
  const isApplied =
    state !== undefined && state.phase !== 'idle' && (plan === undefined || state.plan === plan.id);
  if (plan === undefined || isApplied) {
    const swept = await sweep({
      store,
      clock,
      signal,
      readPolicy,
      name: configuration.name,
      sweeper: randomUUID(),
    });
    return { step: 'swept', ...swept };
  }
  const keys = plan.keys.get(id);
  if (keys === undefined) return undefined;
  const condemned = await condemn({
    store,
    clock,
    policyOf: await readPolicy(),
    retention: configuration.retention ?? DEFAULT_RETENTION,
    generation: randomUUID(),
    plan: { id: plan.id, keys },
    name: configuration.name,
  });
  return { step: 'condemned', ...condemned };
}
