/**
 * `state/_stores.json`: which of the stores that are filled together are in step. Each store keeps the statuses that
 * were written while it could be reached. So a store that was away does not know that it is behind, but the others do.
 * status-evidence.ts decides which statuses count. docs/ and messages to users call a status a note.
 */
import { isTime } from '../../../core/bucket-object.ts';
import { encodeJson, isObject, parseJson } from '../../../core/json.ts';

export interface ReplicaStatus {
  /** The store that the status is about, as messages call it: endpoint, bucket and prefix. */
  readonly store: string;
  /** The bucket's own id, so that another bucket in its place is not taken for it; undefined if it is not known. */
  readonly id: string | undefined;
  /** Whether it has everything that the other stores in step have. */
  readonly inStep: boolean;
  /** When it became so. ISO 8601, UTC. */
  readonly since: string;
  /** When it was last written. ISO 8601, UTC. Orders the statuses that different stores hold of one store. */
  readonly at: string;
  /** The run that last wrote it. It differs after each change, so that a run which has read an older status notices. */
  readonly run: string;
  /** Why it is behind. */
  readonly reason?: string | undefined;
  /**
   * Whether it is behind only because a run left it out until a person decides. Such a status is never signed, and does
   * not count against the store once people list it first.
   */
  readonly undecided?: boolean | undefined;
  /** Shows that the job wrote the status; missing if the store that it is about has no stable secret. */
  readonly signature?: string | undefined;
}

/** @returns none if the object cannot be read. A store without a status is compared, so that is safe */
export function decodeStatuses(bytes: Uint8Array): ReplicaStatus[] {
  try {
    const json = parseJson(bytes);
    const stores: unknown = isObject(json) ? json['stores'] : undefined;
    return Array.isArray(stores)
      ? newestStatuses(stores.flatMap((one: unknown) => readStatus(one) ?? []))
      : [];
  } catch {
    return [];
  }
}

/**
 * Keeps one status per store, as the job writes them; more than one is somebody else's work. The newest one is kept,
 * because it settles the earlier ones. Of two with the same time it is the last one, as in any JSON object.
 */
function newestStatuses(statuses: readonly ReplicaStatus[]): ReplicaStatus[] {
  const newest = new Map<string, ReplicaStatus>();
  for (const status of statuses) {
    const other = newest.get(status.store);
    if (other === undefined || status.at >= other.at) newest.set(status.store, status);
  }
  return [...newest.values()];
}

function readStatus(value: unknown): ReplicaStatus | undefined {
  if (!isObject(value)) return undefined;
  // Earlier versions did not write `at`.
  const { store, id, inStep, since, at = since, run, reason, undecided, signature } = value;
  if (typeof store !== 'string' || typeof inStep !== 'boolean') return undefined;
  if (!isTime(since) || !isTime(at) || typeof run !== 'string') return undefined;
  return {
    store,
    id: typeof id === 'string' ? id : undefined,
    inStep,
    since,
    at,
    run,
    reason: typeof reason === 'string' ? reason : undefined,
    undecided: undecided === true ? true : undefined,
    signature: typeof signature === 'string' ? signature : undefined,
  };
}

export function encodeStatuses(statuses: Iterable<ReplicaStatus>): Uint8Array<ArrayBuffer> {
  const stores = [...statuses].toSorted((a, b) => (a.store < b.store ? -1 : 1));
  return encodeJson({ stores });
}

/**
 * Makes a time that is later than that of each status it replaces, whatever the clocks of earlier runs were.
 * @param latest the latest time of a status about the same store
 */
export function certifiedAt(now: Date, latest: string | undefined): string {
  const next = latest === undefined ? 0 : Date.parse(latest) + 1;
  return new Date(Math.max(now.getTime(), next)).toISOString();
}
