/**
 * `state/_prune.json`: whether objects of the bucket are condemned, or being deleted. Pruning moves it under If-Match, and
 * every writer reads it. docs/decisions/0174-two-sweeps-and-a-fence.md
 */
import { BucketObjectInvalidError, isTime, parseObjectAt } from '../../../core/bucket-object.ts';
import { encodeJson, isObject, parseJson } from '../../../core/json.ts';
import { PRUNE_KEY } from '../../../core/layout.ts';

/** How long a note of a writer counts after it was written. A run that was killed holds up a sweep for as long. */
export const WRITER_LEASE_MS = 6 * 3_600_000;

/**
 * How long after its term a sweep counts as dead. Longer than a request can be on its way: S3 refuses a signature that is
 * older than 15 minutes, and the deletion of an object is never repeated under another one.
 */
export const SWEEP_DEAD_MS = 20 * 60_000;

/** The sweep that goes next: first all that leads to blobs, then the blobs. */
export type SweepStage = 'names' | 'bytes';

export interface Condemnation {
  /** Names the lists of condemned keys. */
  readonly generation: string;
  /** The id of the plan that was applied. */
  readonly plan: string;
  /** The name of the configuration whose retention it follows. */
  readonly configuration: string;
  readonly stage: SweepStage;
  /** When the keys were condemned. ISO 8601, UTC. */
  readonly condemned: string;
  /** When the sweep of this stage may begin. ISO 8601, UTC. */
  readonly after: string;
  /** The number of lists. */
  readonly parts: number;
}

export type PruneState =
  | { readonly phase: 'idle'; readonly ended: string }
  | ({ readonly phase: 'condemned' } & Condemnation)
  | ({
      readonly phase: 'sweeping';
      /** Undefined in the state of an earlier version. ISO 8601, UTC. */
      readonly begun?: string | undefined;
      /** Until when the sweep may delete, unless it writes the state again. ISO 8601, UTC. */
      readonly until: string;
      /** The id of the process that sweeps. */
      readonly sweeper: string;
    } & Condemnation);

/** A plan that was applied and has not come to its end. */
export type PruneUnderWay = Pick<Condemnation, 'condemned' | 'stage' | 'after'>;

/** @returns undefined if there is none */
export function underWayIn(state: PruneState | undefined): PruneUnderWay | undefined {
  if (state === undefined || state.phase === 'idle') return undefined;
  const { condemned, stage, after } = state;
  return { condemned, stage, after };
}

export function encodePruneState(state: PruneState): Uint8Array<ArrayBuffer> {
  return encodeJson({ version: 1, ...state });
}

/** @throws {BucketObjectInvalidError} */
export function decodePruneState(bytes: Uint8Array): PruneState {
  const { version, phase, ended, begun, until, sweeper, ...fields } = parseObjectAt(PRUNE_KEY, bytes);
  if (version !== 1) return refuse();
  if (phase === 'idle') return isTime(ended) ? { phase, ended } : refuse();
  const condemnation = readCondemnation(fields);
  if (phase === 'condemned') return { phase, ...condemnation };
  if (phase !== 'sweeping' || !isTime(until) || typeof sweeper !== 'string') return refuse();
  return { phase, ...condemnation, begun: isTime(begun) ? begun : undefined, until, sweeper };
}

function readCondemnation(fields: Readonly<Record<string, unknown>>): Condemnation {
  const { generation, plan, configuration, stage, condemned, after, parts } = fields;
  if (typeof generation !== 'string' || !/^[\w.-]{1,100}$/.test(generation)) return refuse();
  if (typeof plan !== 'string' || typeof configuration !== 'string') return refuse();
  if ((stage !== 'names' && stage !== 'bytes') || !isTime(condemned) || !isTime(after)) return refuse();
  if (typeof parts !== 'number' || !Number.isSafeInteger(parts) || parts < 0) return refuse();
  return { generation, plan, configuration, stage, condemned, after, parts };
}

/** The state in which a sweep leaves what it has not deleted. */
export function asCondemned(condemnation: Condemnation): PruneState {
  return { phase: 'condemned', ...withoutPhase(condemnation) };
}

/** @returns the fields of a condemnation alone, also of a state that has more */
export function withoutPhase({
  generation,
  plan,
  configuration,
  stage,
  condemned,
  after,
  parts,
}: Condemnation): Condemnation {
  return { generation, plan, configuration, stage, condemned, after, parts };
}

/** `state/_writers/<id>.json`: a run, or a command, that may be about to publish what it has found in the bucket. */
export interface WriterNote {
  /** ISO 8601, UTC. */
  readonly begun: string;
  /** Until when it counts as being at work, unless it is written again. ISO 8601, UTC. */
  readonly until: string;
  readonly hasEnded: boolean;
}

export function encodeWriterNote(note: WriterNote): Uint8Array<ArrayBuffer> {
  return encodeJson(note);
}

/** @returns undefined if it cannot be read */
export function decodeWriterNote(bytes: Uint8Array): WriterNote | undefined {
  try {
    const value = parseJson(bytes);
    if (!isObject(value)) return undefined;
    const { begun, until, hasEnded } = value;
    if (!isTime(begun) || !isTime(until) || typeof hasEnded !== 'boolean') return undefined;
    return { begun, until, hasEnded };
  } catch {
    return undefined;
  }
}

function refuse(): never {
  throw new BucketObjectInvalidError(PRUNE_KEY, 'it is not a state of pruning of this version.');
}
