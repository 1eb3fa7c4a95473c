/**
 * `state/<name>/running.json`: the instance of the latest run. Two runs at once do no harm, but they ask upstreams for everything
 * twice.
 */
import { isObject, encodeJson, parseJson } from '../../core/json.ts';
import { stateKey } from '../../core/layout.ts';
import type { Store } from '../engine/store/store.ts';

/** A run that is older does not count any more, whatever its instance says: somebody may have paused it. */
const MAX_AGE_MS = 24 * 3_600_000;

interface RunningNote {
  readonly instance: string;
  /** ISO 8601, UTC. */
  readonly begun: string;
  /** The first run that was left out because of it; undefined if none was. */
  readonly leftOut?: string;
}

/** Another run that is still going. */
export interface OtherRun {
  readonly instance: string;
  /** Whether another run than this one was left out because of it before. */
  readonly isTold: boolean;
}

/**
 * Notes that a run has begun, unless another one is still going.
 * @param name the configuration's
 * @param instance the run's own
 * @param isRunning whether an instance exists and has not ended
 * @returns the other run
 * @throws {StoreError}
 */
export async function claimRun(
  store: Pick<Store, 'get' | 'put'>,
  name: string,
  instance: string,
  now: Date,
  isRunning: (instance: string) => Promise<boolean>,
): Promise<OtherRun | undefined> {
  const key = stateKey(name, 'running.json');
  const stored = await store.get(key);
  const other = stored === undefined ? undefined : decode(stored.bytes);
  const isFresh = other !== undefined && now.getTime() - Date.parse(other.begun) < MAX_AGE_MS;
  if (isFresh && other.instance !== instance && (await isRunning(other.instance))) {
    return inTheWay(store, key, instance, other, stored?.etag ?? '');
  }
  const note: RunningNote = { instance, begun: now.toISOString() };
  const condition =
    stored === undefined ? ({ ifNoneMatch: '*' } as const) : ({ ifMatch: stored.etag } as const);
  const written = await store.put(key, encodeJson(note), { contentType: 'application/json', condition });
  if (written === 'written') return undefined;
  // Another run has claimed it between the two calls, or this one has: a write may have been repeated by its client.
  const latest = await store.get(key);
  const winner = latest === undefined ? undefined : decode(latest.bytes);
  if (latest === undefined || winner === undefined || winner.instance === instance) return undefined;
  return inTheWay(store, key, instance, winner, latest.etag);
}

/** Notes the first run that is left out, so that it alone tells of it. Of two at once, both may. */
async function inTheWay(
  store: Pick<Store, 'put'>,
  key: string,
  instance: string,
  other: RunningNote,
  etag: string,
): Promise<OtherRun> {
  const { leftOut } = other;
  if (leftOut !== undefined) return { instance: other.instance, isTold: leftOut !== instance };
  const note: RunningNote = { ...other, leftOut: instance };
  await store.put(key, encodeJson(note), { contentType: 'application/json', condition: { ifMatch: etag } });
  return { instance: other.instance, isTold: false };
}

/** @returns undefined for anything else: then nobody is in the way */
function decode(bytes: Uint8Array): RunningNote | undefined {
  try {
    const value = parseJson(bytes);
    if (!isObject(value)) return undefined;
    const { instance, begun, leftOut } = value;
    if (typeof instance !== 'string' || typeof begun !== 'string') return undefined;
    return { instance, begun, ...(typeof leftOut === 'string' && { leftOut }) };
  } catch {
    return undefined;
  }
}
