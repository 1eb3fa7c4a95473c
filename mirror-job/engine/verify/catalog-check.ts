/** Checks the catalogues of all configurations that fill a bucket against the repositories that it serves. */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import { decodeCatalog } from '../../../core/catalog.ts';
import { isStateKey, repositoryIndexKey, stateKey } from '../../../core/layout.ts';
import type { Repository } from '../../../core/reference.ts';
import { tryDecode } from '../store/decode-object.ts';
import { CheckedStore, TooLarge, Unknown } from './checked-store.ts';
import { foundProblem, settled, type Problem } from './problem.ts';
import type { Serving } from './repository-check.ts';

/**
 * @param name the configuration's. A repository that no catalogue has is a problem of this one
 * @param repositories those of the bucket
 * @param stateKeys the keys of the bucket's state
 */
export async function checkCatalogs(
  store: CheckedStore,
  name: string,
  repositories: ReadonlyMap<Repository, Serving>,
  stateKeys: readonly string[],
): Promise<readonly Problem[]> {
  const keys = stateKeys.filter((key) => isStateKey(key, 'catalog.json'));
  const own = stateKey(name, 'catalog.json');
  const problems: Problem[] = [];
  const stale = (key: string, message: string, wrong: readonly string[] = []): void => {
    problems.push(settled(foundProblem({ kind: 'catalog-stale', key, message, repositories: wrong })));
  };
  const servingOf: ReadonlyMap<string, Serving> = repositories;
  const listed = new Set<string>();
  let isKnown = true;
  for (const key of keys) {
    const object = await store.get(key);
    if (object instanceof Unknown) isKnown = false;
    if (object === undefined || object instanceof Unknown) continue;
    const names = object instanceof TooLarge ? undefined : tryDecode(() => decodeCatalog(key, object.bytes));
    if (names === undefined || names instanceof BucketObjectInvalidError) {
      stale(key, 'the catalogue cannot be read.');
      isKnown = isKnown && key === own;
      continue;
    }
    for (const one of names) listed.add(one);
    const empty = names.filter((one) => (servingOf.get(one) ?? 'nothing') === 'nothing');
    if (empty.length > 0)
      stale(key, `the catalogue lists ${some(empty)}, of which the bucket has no image.`, empty);
  }
  const missing: Repository[] = [];
  for (const [repository, serving] of repositories) {
    if (serving === 'images' && !listed.has(repository)) missing.push(repository);
    // A repository that no catalogue has may be what a run is just beginning.
    if (serving === 'index lost' && listed.has(repository)) problems.push(lostIndex(repository));
  }
  if (isKnown && missing.length > 0) stale(own, `the catalogue lacks ${some(missing)}.`, missing);
  return problems;
}

function lostIndex(repository: Repository): Problem {
  const key = repositoryIndexKey(repository);
  const message =
    "the repository's index is missing, and it has no tag. Its pins, and the digests that wait for a decision, are not known.";
  return settled(foundProblem({ kind: 'index-stale', key, repository, message }));
}

function some(names: readonly string[]): string {
  const first = names.slice(0, 3).join(', ');
  return names.length > 3 ? `${first} and ${names.length - 3} more` : first;
}
