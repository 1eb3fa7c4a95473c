/** What is remembered of a digest that a tag is moved to by hand: it goes along to the tag's new place. */
import type { Repository, Tag } from '../../../core/reference.ts';
import type { IndexEntry, TagEntry } from '../../../core/repository-index.ts';
import type { Environment } from '../environment.ts';
import type { StoredManifest } from '../copy/manifest-copy.ts';
import { readMovements } from './movement-log.ts';
import { findStoredPlatforms } from '../copy/stored-platforms.ts';

/** An entry of the index, or what stands in for one. */
export type DigestRecord = IndexEntry | Pick<TagEntry, 'firstSeen' | 'platforms' | 'sightings'>;

/** Records of a tag's history that are looked through. */
const MAX_RECORDS = 100;

/**
 * From the repository's index, under this tag before any other; what it has forgotten, from the tag's history and
 * from the manifests that are there.
 * @throws {StoreError}
 */
export async function findDigestRecord(
  environment: Pick<Environment, 'store' | 'log' | 'clock'>,
  entries: readonly IndexEntry[],
  repository: Repository,
  tag: Tag,
  target: StoredManifest,
): Promise<DigestRecord> {
  const alike = entries.filter(({ digest }) => digest === target.digest);
  const entry = alike.find((one) => 'tag' in one && one.tag === tag) ?? alike[0];
  if (entry !== undefined) return entry;
  const movements = await readMovements(environment, repository, tag, MAX_RECORDS);
  const seen = movements.findLast(({ from, to }) => from === target.digest || to === target.digest);
  return {
    firstSeen: seen?.at ?? environment.clock.now().toISOString(),
    platforms: await findStoredPlatforms(environment.store, repository, target.manifest),
  };
}
