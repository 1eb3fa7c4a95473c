/**
 * `state/_prune.json`: whether objects of the bucket are condemned, or being deleted. Pruning moves it under If-Match, and
 * every writer reads it. docs/decisions/0174-two-sweeps-and-a-fence.md
 */
import { BucketObjectInvalidError, isTime, parseObjectAt } from '../../../core/bucket-object.ts';
import { encodeJson, isObject, parseJson } from '../../../core/json.ts';
import { PRUNE_KEY } from '../../../core/layout.ts';

/** How long a note of a writer counts after it was written. A run that was killed holds up a sweep for as long. */
export const WRITER_LEASE_MS = 6 * 3_600_000;

/** The sweep that goes next: first all that leads to blobs, then the blobs. */
export type SweepStage = 'names' | 'bytes';

export interface Condemnation {
  /** Names the lists of condemned keys. */
  readonly generation: string;
  /** The id of the plan that was applied. */
  readonly plan: string;
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
      /** Until when the sweep may delete, unless it writes the state again. ISO 8601, UTC. */
      readonly until: string;
    } & Condemnation);

export function encodePruneState(state: PruneState): Uint8Array<ArrayBuffer> {
  return encodeJson({ version: 1, ...state });
}

/** @throws {BucketObjectInvalidError} */
export function decodePruneState(bytes: Uint8Array): PruneState {
  const { version, phase, ended, generation, plan, stage, condemned, after, parts, until } = parseObjectAt(
    PRUNE_KEY,
    bytes,
  );
  const refuse = (): never => {
    throw new BucketObjectInvalidError(PRUNE_KEY, 'it is not a state of pruning of this version.');
  };
  if (version !== 1) return refuse();
  if (phase === 'idle') return isTime(ended) ? { phase, ended } : refuse();
  if (typeof generation !== 'string' || !/^[\w.-]{1,100}$/.test(generation) || typeof plan !== 'string')
    return refuse();
  if ((stage !== 'names' && stage !== 'bytes') || !isTime(condemned) || !isTime(after)) return refuse();
  if (typeof parts !== 'number' || !Number.isSafeInteger(parts) || parts < 0) return refuse();
  const condemnation: Condemnation = { generation, plan, stage, condemned, after, parts };
  if (phase === 'condemned') return { phase, ...condemnation };
  return phase === 'sweeping' && isTime(until) ? { phase, ...condemnation, until } : refuse();
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
