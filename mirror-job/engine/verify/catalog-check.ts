/** Checks the catalogues of all configurations that fill a bucket against the repositories that it serves. */
import { BucketObjectInvalidError, isTime, parseObjectAt } from '../../../core/bucket-object.ts';
import { decodeCatalog } from '../../../core/catalog.ts';
import { isStateKey, repositoryIndexKey, stateKey } from '../../../core/layout.ts';
import type { Repository } from '../../../core/reference.ts';
import { tryDecode } from '../store/decode-object.ts';
import { CheckedStore, TooLarge, Unknown } from './checked-store.ts';
import { foundProblem, settled, type Problem } from './problem.ts';
import type { Serving } from './repository-check.ts';

/** The findings of a check about one repository. */
export interface FoundRepository {
  readonly serving: Serving;
  /** When the first of its tags and pins came. ISO 8601, UTC. */
  readonly since?: string | undefined;
}

/**
 * @param name the configuration's. A repository that no catalogue has is a problem of this one
 * @param repositories those of the bucket
 * @param stateKeys the keys of the bucket's state
 */
export async function checkCatalogs(
  store: CheckedStore,
  name: string,
  repositories: ReadonlyMap<Repository, FoundRepository>,
  stateKeys: readonly string[],
): Promise<readonly Problem[]> {
  const keys = stateKeys.filter((key) => isStateKey(key, 'catalog.json'));
  const own = stateKey(name, 'catalog.json');
  const problems: Problem[] = [];
  const stale = (key: string, message: string, wrong: readonly string[] = []): void => {
    problems.push(settled(foundProblem({ kind: 'catalog-stale', key, message, repositories: wrong })));
  };
  const found: ReadonlyMap<string, FoundRepository> = repositories;
  const serving = [...repositories].flatMap(([repository, { serving: what }]) =>
    what === 'images' ? [repository] : [],
  );
  const listed = new Set<string>();
  let isKnown = true;
  for (const key of keys) {
    const object = await store.get(key);
    if (object instanceof Unknown) isKnown = false;
    if (object === undefined || object instanceof Unknown) continue;
    const names = object instanceof TooLarge ? undefined : tryDecode(() => decodeCatalog(key, object.bytes));
    if (names === undefined || names instanceof BucketObjectInvalidError) {
      // All repositories that this configuration fills are missing in its own one, also those that another one lists.
      stale(key, 'the catalogue cannot be read.', key === own ? serving : []);
      isKnown = false;
      continue;
    }
    for (const one of names) listed.add(one);
    const empty = names.filter((one) => (found.get(one)?.serving ?? 'nothing') === 'nothing');
    if (empty.length > 0)
      stale(key, `the catalogue lists ${some(empty)}, of which the bucket has no image.`, empty);
  }
  const unlisted = serving.filter((repository) => !listed.has(repository));
  // A run writes the catalogue at its end, so a repository that is newer than the last run may be of one that is under way.
  const ended = unlisted.length === 0 ? undefined : await lastEnd(store, name);
  const missing = unlisted.filter((one) => !(ended !== undefined && (found.get(one)?.since ?? '') > ended));
  for (const [repository, { serving: what }] of repositories) {
    // A repository that no catalogue has may be what a run is just beginning.
    if (what === 'index lost' && listed.has(repository)) problems.push(lostIndex(repository));
  }
  if (isKnown && missing.length > 0) stale(own, `the catalogue lacks ${some(missing)}.`, missing);
  return problems;
}

/** @returns when the last run of the configuration ended; undefined if nothing tells. ISO 8601, UTC */
async function lastEnd(store: CheckedStore, name: string): Promise<string | undefined> {
  const key = stateKey(name, 'last-run.json');
  const object = await store.get(key);
  if (object === undefined || object instanceof Unknown || object instanceof TooLarge) return undefined;
  const report = tryDecode(() => parseObjectAt(key, object.bytes));
  if (report instanceof BucketObjectInvalidError) return undefined;
  return isTime(report['ended']) ? report['ended'] : undefined;
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
