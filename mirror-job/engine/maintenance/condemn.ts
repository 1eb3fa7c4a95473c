/** Condemns the keys of a plan that are still unneeded. Nothing is deleted yet. */
import { PRUNE_LISTS, STATE } from '../../../core/layout.ts';
import type { Clock } from '../runtime.ts';
import { StoreError, type PrunableStore } from '../store/store.ts';
import { stageOf, writeCondemned } from './condemned-keys.ts';
import { markBucket, type BucketTotals } from './mark-bucket.ts';
import type { Unneeded } from './mark-repository.ts';
import { movePruneState, readPruneState } from './prune-state-object.ts';
import type { PolicyOf } from './repository-policy.ts';
import { MIN_GRACE_MS, type MirrorRetention } from './retention.ts';

export interface CondemnOptions {
  readonly store: PrunableStore;
  readonly clock: Pick<Clock, 'now'>;
  readonly policyOf: PolicyOf;
  readonly retention: Pick<MirrorRetention, 'maxDeletePercent' | 'graceMs'>;
  /** Names the condemnation. It is unique. */
  readonly generation: string;
  readonly plan: { readonly id: string; readonly keys: ReadonlySet<string> };
  /** The configuration's name. */
  readonly name: string;
}

export interface Condemned {
  readonly objects: number;
  /** Bytes. */
  readonly bytes: number;
  /** The keys of the plan that are needed by now, or gone. */
  readonly lost: readonly string[];
  /** When the first sweep may begin; undefined if nothing was condemned. ISO 8601, UTC. */
  readonly after: string | undefined;
}

/** A plan may not be applied as the bucket is now. The message is a sentence with the next step. */
export class PruneRefusedError extends Error {
  override readonly name: string = 'PruneRefusedError';
}

/** @throws {PruneRefusedError}, {BucketObjectInvalidError} and {StoreError}: then nothing was condemned */
export async function condemn(options: CondemnOptions): Promise<Condemned> {
  const { store, clock, policyOf, retention, generation, plan, name } = options;
  const held = await readPruneState(store);
  if (held.state !== undefined && held.state.phase !== 'idle') {
    throw new PruneRefusedError(
      `${store.name}: a plan was applied at ${held.state.condemned} and has not come to its end. Go on with it: "lifeboat prune --continue". Or give it up: "lifeboat prune --cancel".`,
    );
  }
  await refuseKeyWithoutDelete(store);
  const keys: string[] = [];
  let bytes = 0;
  const take = ({ key, size }: Unneeded): void => {
    if (!plan.keys.has(key) || stageOf(key) === undefined) return;
    keys.push(key);
    bytes += size;
  };
  const totals = await markBucket(
    { store, policyOf, now: clock.now() },
    { repository: (_, { unneeded }) => unneeded.forEach(take), blob: take },
  );
  const taken = new Set(keys);
  const lost = [...plan.keys].filter((key) => !taken.has(key));
  if (keys.length === 0) return { objects: 0, bytes: 0, lost, after: undefined };
  const refusal = refusalOfShare({ objects: keys.length, bytes }, totals, retention.maxDeletePercent);
  if (refusal !== undefined) throw new PruneRefusedError(`${store.name}: ${refusal}`);
  const parts = await writeCondemned(store, generation, keys);
  const now = clock.now();
  const after = new Date(now.getTime() + Math.max(retention.graceMs, MIN_GRACE_MS)).toISOString();
  const stage = keys.some((key) => stageOf(key) === 'names') ? 'names' : 'bytes';
  const condemned = now.toISOString();
  await movePruneState(store, held, {
    phase: 'condemned',
    generation,
    plan: plan.id,
    configuration: name,
    stage,
    condemned,
    after,
    parts,
  });
  return { objects: keys.length, bytes, lost, after };
}

/** @returns a sentence if the part that goes is larger than what may go at once; undefined otherwise */
export function refusalOfShare(
  part: BucketTotals,
  whole: BucketTotals,
  maxPercent: number,
): string | undefined {
  const objects = percentOf(part.objects, whole.objects);
  const bytes = percentOf(part.bytes, whole.bytes);
  if (Math.max(objects, bytes) <= maxPercent) return undefined;
  const share =
    objects >= bytes ? `${objects.toFixed(1)} % of its objects` : `${bytes.toFixed(1)} % of its bytes`;
  return `the plan would delete ${share}, more than retention.maxDeletePercent (${maxPercent}) allows. If that is right, raise maxDeletePercent for this plan.`;
}

/** S3 answers the deletion of an object that is not there in the same way, so it shows what the key may do. */
async function refuseKeyWithoutDelete(store: PrunableStore): Promise<void> {
  try {
    await store.delete(`${PRUNE_LISTS}probe`);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    throw new PruneRefusedError(
      `${error.message} Pruning needs a key that may delete objects below ${STATE}, repositories/ and blobs/; the job itself does not.`,
      { cause: error },
    );
  }
}

function percentOf(part: number, whole: number): number {
  return whole === 0 ? 0 : (100 * part) / whole;
}
