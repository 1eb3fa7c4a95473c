/**
 * `state/<name>/scrub.json`: how far the scrub of stored objects has come, and which of them are known to be lost. It is
 * derived: without it the scrub begins anew.
 */
import { isDigest, type Digest } from '../../core/digest.ts';
import { encodeJson, isObject, parseJson } from '../../core/json.ts';

/** An object that the store lacks, or has in another size, although the job has stored it. */
export interface LostObject {
  readonly repository: string;
  /** The manifest of the tag or the pin that needs it. */
  readonly root: Digest;
  readonly kind: 'blob' | 'manifest';
  readonly digest: Digest;
  /** Bytes; 0 for a manifest. */
  readonly size: number;
}

export interface ScrubState {
  /**
   * The object that was looked at last: the repository, then the digests from the root manifest down to the object.
   * Empty at the beginning.
   */
  readonly after: readonly string[];
  readonly lost: readonly LostObject[];
}

/** A hundred lost objects and a path of eighteen digests have 700 values. */
const MAX_VALUES = 10_000;

export const NEW_SCRUB: ScrubState = { after: [], lost: [] };

export function encodeScrub({ after, lost }: ScrubState): Uint8Array<ArrayBuffer> {
  return encodeJson({ after, lost });
}

/** @returns undefined for what cannot be read */
export function decodeScrub(bytes: Uint8Array): ScrubState | undefined {
  try {
    const json = parseJson(bytes, MAX_VALUES);
    if (!isObject(json)) return undefined;
    const { after, lost } = json;
    if (!Array.isArray(after) || !after.every((one) => typeof one === 'string')) return undefined;
    if (!Array.isArray(lost)) return undefined;
    return { after, lost: lost.flatMap((one: unknown) => readLost(one) ?? []) };
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
