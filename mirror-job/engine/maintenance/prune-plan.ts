/** A plan of pruning: for each store all that would be deleted, and why. People review it, and a later call applies it. */
import { isTime } from '../../../core/bucket-object.ts';
import { isObject, parseJson } from '../../../core/json.ts';
import type { Tag } from '../../../core/reference.ts';
import type { Clock } from '../runtime.ts';
import { underWayIn, type PruneUnderWay } from '../store/prune-state.ts';
import type { ComparableStore } from '../store/store.ts';
import { refusalOfShare } from './condemn.ts';
import { stageOf } from './condemned-keys.ts';
import { markBucket, type BucketTotals } from './mark-bucket.ts';
import type { Unneeded } from './mark-repository.ts';
import { readPruneState } from './prune-state-object.ts';
import type { PolicyOf } from './repository-policy.ts';

const VERSION = 1;

export interface JudgedTag {
  readonly tag: Tag;
  /** False if it goes. True if it would go but for its age. */
  readonly stays: boolean;
  readonly why: string;
}

export interface PlannedRepository {
  readonly repository: string;
  readonly tags: readonly JudgedTag[];
  readonly unneeded: readonly Unneeded[];
}

export interface StorePlan {
  /** The store's name in messages. */
  readonly store: string;
  /** The id of the bucket. */
  readonly bucket: string;
  readonly total: BucketTotals;
  readonly goes: BucketTotals;
  /** An earlier plan that was applied and has not come to its end. As long as there is one, no other can be applied. */
  readonly underWay?: PruneUnderWay;
  /** A sentence, if the plan cannot be applied because too much would go; left out otherwise. */
  readonly refusal?: string;
  /** Those of which something goes, or nearly does. */
  readonly repositories: readonly PlannedRepository[];
  /** Those of which something goes and that no run of the configuration looks at. A person has to confirm them. */
  readonly unlisted: readonly string[];
  /** Blobs, which repositories share. */
  readonly blobs: readonly Unneeded[];
  /** How many repositories are left as they are, by the reason. */
  readonly untouched: Readonly<Record<string, number>>;
}

export interface PrunePlan {
  readonly version: typeof VERSION;
  /** Unique. */
  readonly id: string;
  /** The configuration's name. */
  readonly configuration: string;
  /** ISO 8601, UTC. */
  readonly made: string;
  readonly stores: readonly StorePlan[];
}

export interface PlanOptions {
  readonly store: Pick<ComparableStore, 'name' | 'get' | 'entries'>;
  readonly bucket: string;
  readonly policyOf: PolicyOf;
  readonly clock: Pick<Clock, 'now'>;
  readonly maxDeletePercent: number;
  readonly signal: AbortSignal;
}

/** @throws {IncompleteImageError}, {BucketObjectInvalidError} and {StoreError} */
export async function planStore(options: PlanOptions): Promise<StorePlan> {
  const { store, bucket, policyOf, clock, maxDeletePercent, signal } = options;
  const underWay = underWayIn((await readPruneState(store)).state);
  const repositories: PlannedRepository[] = [];
  const unlisted: string[] = [];
  const blobs: Unneeded[] = [];
  const untouched: Record<string, number> = {};
  const goes = { objects: 0, bytes: 0 };
  const count = ({ size }: Unneeded): void => {
    goes.objects += 1;
    goes.bytes += size;
  };
  const total = await markBucket(
    { store, policyOf, now: clock.now(), onProgress: () => signal.throwIfAborted() },
    {
      repository: (repository, mark) => {
        mark.unneeded.forEach(count);
        const tags = mark.tags.map(({ tag, stays, why }) => ({ tag, stays, why }));
        if (mark.unneeded.length + tags.length > 0) {
          repositories.push({ repository, tags, unneeded: mark.unneeded });
        }
        const policy = policyOf(repository);
        const isListed = typeof policy !== 'string' && policy.isListed;
        if (!isListed && mark.unneeded.length > 0) unlisted.push(repository);
      },
      untouched: (_, why) => {
        untouched[why] = (untouched[why] ?? 0) + 1;
      },
      blob: (one) => {
        count(one);
        blobs.push(one);
      },
    },
  );
  const refusal = refusalOfShare(goes, total, maxDeletePercent);
  return {
    store: store.name,
    bucket,
    total,
    goes,
    ...(underWay !== undefined && { underWay }),
    ...(refusal !== undefined && { refusal }),
    repositories,
    unlisted,
    blobs,
    untouched,
  };
}

export function newPlan(fields: Omit<PrunePlan, 'version'>): PrunePlan {
  return { version: VERSION, ...fields };
}

/** A plan as `--apply` needs it. */
export interface ReadPlan extends Pick<PrunePlan, 'id' | 'configuration' | 'made'> {
  /** By the id of the bucket: the keys that may go. */
  readonly keys: ReadonlyMap<string, ReadonlySet<string>>;
  /** The repositories that a person has to confirm, sorted. */
  readonly unlisted: readonly string[];
}

/** @returns a sentence that says why the bytes are not a plan, or the plan */
export function readPlan(bytes: Uint8Array): ReadPlan | string {
  let json: unknown;
  try {
    json = parseJson(bytes);
  } catch {
    return 'it is not JSON.';
  }
  if (!isObject(json) || json['version'] !== VERSION)
    return 'it is not a plan of "lifeboat prune" of this version.';
  const { id, configuration, made, stores } = json;
  if (
    typeof id !== 'string' ||
    typeof configuration !== 'string' ||
    !isTime(made) ||
    !Array.isArray(stores)
  ) {
    return 'it lacks its id, its configuration, its time or its stores.';
  }
  const keys = new Map<string, ReadonlySet<string>>();
  const unlisted = new Set<string>();
  for (const store of stores as readonly unknown[]) {
    if (!isObject(store) || typeof store['bucket'] !== 'string') return 'it has a store without its bucket.';
    const own = keysOf(store);
    if (typeof own === 'string') return own;
    keys.set(store['bucket'], own);
    if (!Array.isArray(store['unlisted'])) return 'it has a store without its lists.';
    for (const name of store['unlisted'] as readonly unknown[]) unlisted.add(String(name));
  }
  return { id, configuration, made, keys, unlisted: [...unlisted].toSorted() };
}

function keysOf({ repositories, blobs }: Readonly<Record<string, unknown>>): Set<string> | string {
  if (!Array.isArray(repositories) || !Array.isArray(blobs)) return 'it has a store without its lists.';
  const keys = new Set<string>();
  const lists = [
    blobs as readonly unknown[],
    ...(repositories as readonly unknown[]).map((one) => (isObject(one) ? one['unneeded'] : undefined)),
  ];
  for (const list of lists) {
    if (!Array.isArray(list)) return 'it has a repository without its list.';
    for (const one of list as readonly unknown[]) {
      const key = isObject(one) ? one['key'] : undefined;
      if (typeof key !== 'string' || stageOf(key) === undefined)
        return 'it lists a key that is never pruned.';
      keys.add(key);
    }
  }
  return keys;
}
