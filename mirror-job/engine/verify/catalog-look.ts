/** Looks at the catalogues a second time, and at the repositories that they seem to have wrong: a run may have been at work meanwhile. */
import { isStateKey, STATE } from '../../../core/layout.ts';
import type { Repository } from '../../../core/reference.ts';
import type { ComparableStore } from '../store/store.ts';
import { createLimit } from '../support/limit.ts';
import { listRepository, type RepositoryListing } from './bucket-listing.ts';
import { checkCatalogs, type FoundRepository } from './catalog-check.ts';
import type { CheckedStore } from './checked-store.ts';
import type { Problem } from './problem.ts';
import { tryRepository } from './repair-derived.ts';
import type { RepositoryVerdict } from './repository-check.ts';

const REPOSITORIES_AT_ONCE = 8;

export interface CatalogLook {
  readonly store: ComparableStore;
  readonly checked: CheckedStore;
  /** The configuration's name. */
  readonly name: string;
  /** The repositories as the first look has found them. Those that are looked at again are changed. */
  readonly repositories: Map<Repository, FoundRepository>;
  /** Checks a repository that a catalogue has. */
  readonly lookAt: (
    listing: RepositoryListing,
  ) => Promise<Pick<RepositoryVerdict, 'problems' | 'serving' | 'since'>>;
}

/**
 * @param problems those that the first look has found
 * @returns the problems that are left, and the tags that a repository has lost with all the rest of it
 * @throws {StoreError}
 */
export async function lookAgain(
  problems: readonly Problem[],
  { store, checked, name, repositories, lookAt }: CatalogLook,
): Promise<readonly Problem[]> {
  const named = new Set(problems.flatMap(({ repository, repositories: some = [] }) => repository ?? some));
  const lost: Problem[] = [];
  const look = async (text: string): Promise<void> => {
    const repository = tryRepository(text);
    if (repository === undefined) return;
    const listing = await listRepository(store, repository);
    if (repositories.get(repository)?.serving === 'images' && listing.tags.size > 0) return;
    const { problems: found, serving, since } = await lookAt(listing);
    repositories.set(repository, { serving, since });
    // The rest is known already, or is what a run is just writing.
    lost.push(...found.filter(({ kind }) => kind === 'tag-missing'));
  };
  const atOnce = createLimit(REPOSITORIES_AT_ONCE);
  await Promise.all([...named].map((text) => atOnce(() => look(text))));
  const keys: string[] = [];
  for await (const { key } of store.entries(STATE)) if (isStateKey(key, 'catalog.json')) keys.push(key);
  return [...lost, ...(await checkCatalogs(checked, name, repositories, keys))];
}
