/** Compares two walks that should have found the same repository. */
import type { Digest } from './content.ts';
import type { Walk, WalkedObject } from './walk-registry.ts';

export interface CompareOptions {
  /** The tags and objects that are left out of the comparison. */
  readonly ignoreTag?: (tag: string) => boolean;
  readonly ignoreObject?: (digest: Digest) => boolean;
}

/** @returns one sentence per difference. The Content-Type of blobs is not compared */
export function compareWalks(first: Walk, second: Walk, options: CompareOptions = {}): string[] {
  const { ignoreTag = () => false, ignoreObject = () => false } = options;
  return [
    ...compareMaps('tag', first.tags, second.tags, String, ignoreTag),
    ...compareMaps('object', first.objects, second.objects, objectText, ignoreObject),
    ...compareMaps('referrers of', first.referrers, second.referrers, (all) => all.join(', '), ignoreObject),
  ];
}

function objectText({ kind, mediaType, size, sha256 }: WalkedObject): string {
  return `${kind}, ${kind === 'blob' ? '' : `${mediaType}, `}${size} bytes, sha256:${sha256}`;
}

function compareMaps<T>(
  what: string,
  first: ReadonlyMap<string, T>,
  second: ReadonlyMap<string, T>,
  text: (value: T) => string,
  ignore: (key: string) => boolean,
): string[] {
  const keys = [...new Set([...first.keys(), ...second.keys()])].filter((key) => !ignore(key)).toSorted();
  return keys.flatMap((key) => {
    const [left, right] = [first.get(key), second.get(key)];
    if (left === undefined) return [`${what} ${key}: only in the second`];
    if (right === undefined) return [`${what} ${key}: only in the first`];
    return text(left) === text(right) ? [] : [`${what} ${key}: ${text(left)} ≠ ${text(right)}`];
  });
}
