/** Repairs a catalogue, and decides which repositories it may name: docs/decisions/0202-whose-catalogue.md */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import { decodeCatalog } from '../../../core/catalog.ts';
import { descriptionKey, stateKey } from '../../../core/layout.ts';
import type { Repository } from '../../../core/reference.ts';
import type { Environment } from '../environment.ts';
import { tryDecode } from '../store/decode-object.ts';
import { LargeObjectError } from '../store/large-object-error.ts';
import type { Store } from '../store/store.ts';
import type { Problem } from './problem.ts';
import { hasImage, rebuildCatalog, tryRepository } from './repair-derived.ts';
import { FROM_BUCKET, type RepairOutcome } from './repair-objects.ts';

export interface CatalogOwner {
  /** The configuration's name. */
  readonly name: string;
  /** Whether the configuration mirrors a repository. */
  readonly selects: (repository: Repository) => boolean;
}

/** @throws {StoreError} */
export async function repairCatalog(
  environment: Environment,
  { key, repositories = [] }: Pick<Problem, 'key' | 'repositories'>,
  owner: CatalogOwner,
): Promise<RepairOutcome> {
  const { store } = environment;
  const isReadable = await canRead(store, key);
  if (key !== stateKey(owner.name, 'catalog.json')) {
    if (!isReadable) return { failure: ofAnother(key) };
    await rebuildCatalog(environment, key, repositories, false);
    return FROM_BUCKET;
  }
  const own: string[] = [];
  const others: string[] = [];
  const left: string[] = [];
  for (const name of repositories) {
    const repository = tryRepository(name);
    const isOwn = repository !== undefined && (await owns(store, repository, owner));
    (isOwn ? own : others).push(name);
    if (!isOwn && repository !== undefined && (await hasImage(store, repository))) left.push(name);
  }
  await rebuildCatalog(environment, key, own, true);
  await rebuildCatalog(environment, key, others, false);
  // A catalogue that could not be read was about to get all repositories of the bucket.
  if (left.length === 0 || !isReadable) return FROM_BUCKET;
  return {
    failure: `the configuration "${owner.name}" does not select ${left.slice(0, 3).join(', ')}${left.length > 3 ? ` and ${left.length - 3} more` : ''}, so that the next run of the configuration that does has to write it into its own catalogue.`,
  };
}

/** A repository that was taken off the configuration stays in its catalogue until it is pruned. Its description shows whose it was. */
async function owns(
  store: Pick<Store, 'get'>,
  repository: Repository,
  { name, selects }: CatalogOwner,
): Promise<boolean> {
  return selects(repository) || (await store.get(descriptionKey(name, repository))) !== undefined;
}

/** A list that is shorter than it was would let prune take what the other configuration mirrors. */
function ofAnother(key: string): string {
  const [, other = ''] = key.split('/');
  return `it is of the configuration "${other}", and only that one knows what it lists. The next run of that configuration writes it anew. Until then nothing is pruned.`;
}

async function canRead(store: Pick<Store, 'get'>, key: string): Promise<boolean> {
  try {
    const object = await store.get(key);
    if (object === undefined) return true;
    return !(tryDecode(() => decodeCatalog(key, object.bytes)) instanceof BucketObjectInvalidError);
  } catch (error) {
    if (error instanceof LargeObjectError) return false;
    throw error;
  }
}
