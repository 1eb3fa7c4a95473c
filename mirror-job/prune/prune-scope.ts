/** Reads the reasons outside of a repository for which pruning must leave something: it is used, demanded, or of others. */
import { BucketObjectInvalidError } from '../../core/bucket-object.ts';
import { decodeCatalog } from '../../core/catalog.ts';
import { usedWithin, type InUseList } from '../../core/in-use-list.ts';
import { STATE, isStateKey } from '../../core/layout.ts';
import { parseReference, type Repository } from '../../core/reference.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { PruneRefusedError } from '../engine/maintenance/condemn.ts';
import type { PrunedEntry, PruneScope, UsedReference } from '../engine/maintenance/repository-policy.ts';
import type { ComparableStore } from '../engine/store/store.ts';
import { readLists } from '../in-use/bounded-lists.ts';
import { isFor, listedClusters, MAX_CLUSTERS } from '../in-use/in-use-lists.ts';
import { addUnlisted } from '../in-use/unlisted-images.ts';
import { readDemanded } from '../on-demand/demanded-images.ts';

type ReadableBucket = Pick<ComparableStore, 'name' | 'get' | 'list' | 'entries'>;

/** @throws {PruneRefusedError} for a list that cannot be read: what it protects is not known. {StoreError} */
export async function readPruneScope(
  store: ReadableBucket,
  configuration: Configuration,
  now: Date,
): Promise<PruneScope> {
  const { name, images, retention } = configuration;
  const demanded = await readDemanded(store, name);
  if (demanded.warning !== undefined) throw new PruneRefusedError(`${store.name}: ${demanded.warning}`);
  return {
    entries: images.map(({ repository, tags, digests, retention: own = retention }): PrunedEntry => ({
      repository,
      tags,
      digests,
      retention: own === false ? undefined : own,
    })),
    retention,
    listed: await readListed(store, configuration, now),
    used: [...(await readUsed(store, configuration)), ...demanded.references.map(parseUsed)],
    others: await readOthers(store, name),
  };
}

/** Whether anything may be pruned at all. */
export function hasRetention({ images, retention }: Pick<Configuration, 'images' | 'retention'>): boolean {
  return (
    retention !== undefined ||
    images.some((image) => image.retention !== undefined && image.retention !== false)
  );
}

/** The repositories that runs mirror, whether the configuration lists them or not. */
async function readListed(
  store: ReadableBucket,
  configuration: Configuration,
  now: Date,
): Promise<ReadonlySet<Repository>> {
  const { images } = (await addUnlisted(store, configuration, now)).configuration;
  return new Set(images.map(({ repository }) => repository));
}

async function readUsed(store: ReadableBucket, { inUse }: Configuration): Promise<UsedReference[]> {
  const { clusters, areMore } = await listedClusters(store);
  if (areMore) {
    throw new PruneRefusedError(
      `${store.name} has in-use lists of more than ${MAX_CLUSTERS} clusters, and not all can be read. Delete those of clusters that are gone.`,
    );
  }
  const { lists, leftOut } = await readLists(store, clusters);
  if (leftOut.length > 0) {
    throw new PruneRefusedError(
      `${store.name}: the in-use lists of ${leftOut.join(', ')} are too large to be read beside the others. Delete those of clusters that are gone.`,
    );
  }
  return [...lists].flatMap(([cluster, list]) => {
    if (list instanceof BucketObjectInvalidError) {
      throw new PruneRefusedError(
        `${store.name}: the object ${list.key} cannot be used: ${list.reason} What ${cluster} runs is not known, so nothing is pruned. Write the list anew: "lifeboat images --cluster ${cluster} --publish"`,
      );
    }
    return usedBy(list, keepOf(inUse, cluster));
  });
}

/** Without a rule for the cluster, all of its list counts. */
function keepOf(rules: Configuration['inUse'], cluster: string): number {
  const own = rules.filter((rule) => isFor(rule, cluster));
  return own.length === 0 ? Infinity : Math.max(...own.map(({ keepMs }) => keepMs));
}

/** Also what only a text names: that it may be another thing is no reason to delete it. */
function usedBy(list: InUseList, keepMs: number): UsedReference[] {
  const images = keepMs === Infinity ? list.images : usedWithin(list, keepMs);
  return images.flatMap(({ reference, digest }) => {
    const used = parseUsed(reference);
    return digest === undefined ? [used] : [used, { ...used, digest }];
  });
}

function parseUsed(text: string): UsedReference {
  const { repository, tag, digest } = parseReference(text);
  return { repository, tag, digest };
}

/** Several configurations may fill one bucket, and only each one's own file says what it wants. */
async function readOthers(store: ReadableBucket, name: string): Promise<Map<string, string>> {
  const others = new Map<string, string>();
  for await (const { key } of store.entries(STATE)) {
    const [, other = ''] = key.split('/');
    if (other === name || !isStateKey(key, 'catalog.json')) continue;
    const object = await store.get(key);
    if (object === undefined) continue;
    for (const repository of decodeCatalog(key, object.bytes)) others.set(repository, other);
  }
  return others;
}
