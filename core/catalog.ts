/**
 * `state/<name>/catalog.json`: `{"repositories": […]}`, the full names of all repositories that one configuration has
 * mirrored. The edge answers `/v2/_catalog` from it.
 */
import { BucketObjectInvalidError, parseObjectAt } from './bucket-object.ts';
import { encodeJson } from './json.ts';

/** Sorts the names bytewise, each once. */
export function encodeCatalog(repositories: Iterable<string>): Uint8Array<ArrayBuffer> {
  return encodeJson({ repositories: [...new Set(repositories)].toSorted() });
}

/** @throws {BucketObjectInvalidError} */
export function decodeCatalog(key: string, bytes: Uint8Array): readonly string[] {
  const { repositories } = parseObjectAt(key, bytes);
  if (!Array.isArray(repositories))
    throw new BucketObjectInvalidError(key, 'it has no list of repositories.');
  return repositories.map((name: unknown) => {
    if (typeof name !== 'string')
      throw new BucketObjectInvalidError(key, 'it lists an entry that is not a name.');
    return name;
  });
}
