/**
 * `state/<name>/scrub.json`: how far the scrub of stored objects has come, and which objects are lost. Without it, the
 * scrub begins again from the start.
 */
import { isDigest, type Digest } from '../../../core/digest.ts';
import { encodeJson, isObject, parseJson } from '../../../core/json.ts';

/** An object that the store lacks, or has in another size, although the job has stored it. */
export interface LostObject {
  readonly repository: string;
  /** The manifest of the tag or the pin that needs it. */
  readonly root: Digest;
  readonly kind: 'blob' | 'manifest';
  readonly digest: Digest;
  /** In bytes; 0 for a manifest. */
  readonly size: number;
}

export interface ScrubState {
  /**
   * The object that was checked last: the repository, then the digests from the root manifest down to the object. Empty
   * at the start.
   */
  readonly after: readonly string[];
  /** The number of runs in a row that ended below the root manifest of `after`; undefined if it ends with the root. */
  readonly runs?: number | undefined;
  readonly lost: readonly LostObject[];
}

/** The most runs that the check of one root may take. 1,000 referrers with all of their blobs take some 60. */
export const MAX_RUNS = 100;

/** A hundred lost objects and a path of eighteen digests have 700 values. */
const MAX_VALUES = 10_000;

export const NEW_SCRUB: ScrubState = { after: [], lost: [] };

/** @param after the object at which this run has ended */
export function countRuns(before: ScrubState, after: readonly string[]): number | undefined {
  if (after.length <= 2) return undefined;
  const isSame = after[0] === before.after[0] && after[1] === before.after[1];
  return isSame ? (before.runs ?? 0) + 1 : 1;
}

export function encodeScrub({ after, runs, lost }: ScrubState): Uint8Array<ArrayBuffer> {
  return encodeJson({ after, runs, lost });
}

/** @returns undefined if it cannot be read */
export function decodeScrub(bytes: Uint8Array): ScrubState | undefined {
  try {
    const json = parseJson(bytes, MAX_VALUES);
    if (!isObject(json)) return undefined;
    const { after, runs, lost } = json;
    if (!Array.isArray(after) || !after.every((one) => typeof one === 'string')) return undefined;
    if (!Array.isArray(lost)) return undefined;
    return {
      after,
      runs: typeof runs === 'number' ? runs : undefined,
      lost: lost.flatMap((one: unknown) => readLost(one) ?? []),
    };
  } catch {
    return undefined;
  }
}

function readLost(value: unknown): LostObject | undefined {
  if (!isObject(value)) return undefined;
  const { repository, root, kind, digest, size } = value;
  if (typeof repository !== 'string' || (kind !== 'blob' && kind !== 'manifest')) return undefined;
  if (typeof root !== 'string' || !isDigest(root) || typeof digest !== 'string' || !isDigest(digest)) {
    return undefined;
  }
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return undefined;
  return { repository, root, kind, digest, size };
}
