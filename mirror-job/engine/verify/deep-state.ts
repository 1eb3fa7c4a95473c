/**
 * `state/<name>/verify.json`: how far the hashing of all blobs has come. Blobs are hashed in the order of their keys, and the next
 * run goes on after the last one, so that the blob whose last check is the oldest always comes next.
 */
import { isDigest, type Digest } from '../../../core/digest.ts';
import { encodeJson, isObject, parseJson } from '../../../core/json.ts';

export interface DeepState {
  /** The key of the blob that was hashed last; empty at the beginning. */
  readonly after: string;
  /** Bytes that were hashed since the beginning. */
  readonly bytes: number;
  /** When this pass over all blobs began. ISO 8601, UTC. */
  readonly began: string;
  /** When the last whole pass ended; undefined if none has. ISO 8601, UTC. */
  readonly finished?: string | undefined;
  /** The blobs that had other bytes when they were hashed. They are hashed again by each run until they are right. */
  readonly damaged: readonly Digest[];
}

/** More of them mean that the store is lost. */
export const MAX_DAMAGED = 10_000;

export function encodeDeepState({ damaged, ...state }: DeepState): Uint8Array<ArrayBuffer> {
  return encodeJson({ version: 1, ...state, damaged: damaged.slice(0, MAX_DAMAGED) });
}

/** @returns undefined if it cannot be read: the pass begins again */
export function decodeDeepState(bytes: Uint8Array): DeepState | undefined {
  try {
    const json = parseJson(bytes, 2 * MAX_DAMAGED);
    if (!isObject(json)) return undefined;
    const { after, bytes: hashed, began, finished, damaged } = json;
    if (typeof after !== 'string' || typeof began !== 'string' || typeof hashed !== 'number')
      return undefined;
    return {
      after,
      bytes: hashed,
      began,
      ...(typeof finished === 'string' && { finished }),
      damaged: (Array.isArray(damaged) ? damaged : []).filter(
        (one): one is Digest => typeof one === 'string' && isDigest(one),
      ),
    };
  } catch {
    return undefined;
  }
}
