/** Checks the texts that say where a store is. The options of `lifeboat init` take the same texts as the file. */
import { folderPrefix } from '../../core/layout.ts';

/** A colon stands between a tenant of Ceph and its bucket. */
const BUCKET = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,254}$/;
/** The edge takes the same parts, as its variable S3_PREFIX. */
const PREFIX_PART = /^[A-Za-z0-9._-]+$/;

/**
 * @param endpoint an address of http or https
 * @returns a sentence, which quotes nothing, because a wrong address may have a secret in it; undefined for an address
 *   that can be used
 */
export function endpointProblem(endpoint: string): string | undefined {
  if (endpoint.includes('@')) {
    return 'it must be an address alone: keys belong in accessKeyId and secretAccessKey.';
  }
  const [, sign] = /([?#])/.exec(endpoint) ?? [];
  if (sign === undefined) return undefined;
  const part = sign === '?' ? 'query' : 'fragment';
  return `it must have no ${part}: leave out the ${sign} and what follows it, as in https://s3.example.com.`;
}

/** @returns a sentence; undefined for a name that a bucket can have */
export function bucketProblem(bucket: string): string | undefined {
  if (BUCKET.test(bucket) && !bucket.includes('..')) return undefined;
  return `"${bucket}" is not a name that a bucket can have: it has letters, digits, ".", "_" and "-", begins with a letter or a digit, and has no two dots side by side, as in lifeboat-mirror. A folder of the bucket goes into prefix.`;
}

/**
 * Refuses prefixes that the edge would refuse, and parts that HTTP clients take out of a URL before they send it.
 * @returns a sentence; undefined for a folder that can be used
 */
export function prefixProblem(prefix: string): string | undefined {
  const parts = folderPrefix(prefix).split('/').slice(0, -1);
  if (parts.every((part) => PREFIX_PART.test(part) && part !== '.' && part !== '..')) return undefined;
  return `"${prefix}" is not a folder of a bucket: its parts have letters, digits, ".", "_" and "-", and a "/" stands between two of them, as in mirrors/team-a. No part is empty, "." or "..".`;
}
