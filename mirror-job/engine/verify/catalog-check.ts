/** Checks the catalogues of all configurations that fill a bucket against the repositories that it serves. */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import { decodeCatalog } from '../../../core/catalog.ts';
import { isStateKey, stateKey } from '../../../core/layout.ts';
import type { Repository } from '../../../core/reference.ts';
import { tryDecode } from '../store/decode-object.ts';
import { CheckedStore, TooLarge, Unknown } from './checked-store.ts';
import { foundProblem, settled, type Problem } from './problem.ts';

/**
 * @param name the configuration's. A repository that no catalogue has is a problem of this one
 * @param served the repositories that have a tag or a pin
 * @param stateKeys the keys of the bucket's state
 */
export async function checkCatalogs(
  store: CheckedStore,
  name: string,
  served: ReadonlySet<Repository>,
  stateKeys: readonly string[],
): Promise<readonly Problem[]> {
  const keys = stateKeys.filter((key) => isStateKey(key, 'catalog.json'));
  const own = stateKey(name, 'catalog.json');
  const problems: Problem[] = [];
  const stale = (key: string, message: string, repositories: readonly string[] = []): void => {
    problems.push(settled(foundProblem({ kind: 'catalog-stale', key, message, repositories })));
  };
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
    const empty = names.filter((one) => !isIn(served, one));
    if (empty.length > 0)
      stale(key, `the catalogue lists ${some(empty)}, of which the bucket has no image.`, empty);
  }
  const missing = [...served].filter((repository) => !listed.has(repository));
  if (isKnown && missing.length > 0) stale(own, `the catalogue lacks ${some(missing)}.`, missing);
  return problems;
}

function isIn(served: ReadonlySet<string>, name: string): boolean {
  return served.has(name);
}

function some(names: readonly string[]): string {
  const first = names.slice(0, 3).join(', ');
  return names.length > 3 ? `${first} and ${names.length - 3} more` : first;
}
