/** Finds the record of a digest that a tag is moved to by hand, because the tag's new entry takes it over. */
import type { Repository, Tag } from '../../../core/reference.ts';
import type { IndexEntry, TagEntry } from '../../../core/repository-index.ts';
import type { Environment } from '../environment.ts';
import type { StoredManifest } from '../copy/stored-manifest.ts';
import { readMovements } from './movement-log.ts';
import { findStoredPlatforms } from '../copy/stored-platforms.ts';

/** An entry of the index or, without one, as much of it as can be found out. */
export type DigestRecord = IndexEntry | Pick<TagEntry, 'firstSeen' | 'platforms' | 'sightings'>;

/** How many records of a tag's history are searched. */
const MAX_RECORDS = 100;

/**
 * Looks in the repository's index, under this tag before any other. If the index has forgotten the digest, the tag's
 * history and the stored manifests tell.
 * @throws {StoreError}
 */
export async function findDigestRecord(
  environment: Pick<Environment, 'store' | 'log' | 'clock'>,
  entries: readonly IndexEntry[],
  repository: Repository,
  tag: Tag,
  target: StoredManifest,
): Promise<DigestRecord> {
  const sameDigest = entries.filter(({ digest }) => digest === target.digest);
  const entry = sameDigest.find((one) => 'tag' in one && one.tag === tag) ?? sameDigest[0];
  if (entry !== undefined) return entry;
  const movements = await readMovements(environment, repository, tag, MAX_RECORDS);
  const oldest = movements.findLast(({ from, to }) => from === target.digest || to === target.digest);
  return {
    firstSeen: oldest?.at ?? environment.clock.now().toISOString(),
    platforms: await findStoredPlatforms(environment.store, repository, target.manifest),
  };
}
