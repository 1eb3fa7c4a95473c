/** `lifeboat images --publish` writes the list of a cluster into each store of the configuration. */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import { TooManyImagesError, type SeenImage } from '../../../core/in-use-list.ts';
import { connectStores } from '../../assembly/store-connections.ts';
import { loadConfiguration } from '../../configuration/load.ts';
import { StoreError } from '../../engine/store/store.ts';
import { countOf } from '../../engine/support/count-of.ts';
import { publishInUse } from '../../in-use/publish.ts';
import { createStoreAgents } from '../../runtime/node/agents.ts';
import { readProxies } from '../../runtime/node/proxies.ts';
import type { Session } from '../../terminal/io.ts';
import type { Progress } from '../../terminal/progress.ts';

export interface Publication {
  /** The configuration's file. */
  readonly file: string;
  readonly cluster: string;
  readonly images: readonly SeenImage[];
  /** The places that could not be read. */
  readonly unread: readonly string[];
}

/**
 * @returns whether every store has the list
 * @throws {ConfigurationError}
 */
export async function publishImages(
  { file, cluster, images, unread }: Publication,
  progress: Progress,
  { env, cwd }: Session,
): Promise<boolean> {
  if (images.length === 0) {
    progress.fail('nothing was published, because no image was seen: look at what was read.');
    return false;
  }
  const configuration = await loadConfiguration(file, env, { needsImages: false, cwd });
  const { signal } = new AbortController();
  const agents = createStoreAgents(readProxies(env));
  let isPublished = true;
  for (const store of connectStores(configuration, { agents, signal })) {
    try {
      const list = await publishInUse(store, { cluster, seen: images, unread, at: new Date() });
      const mark =
        unread.length === 0
          ? ''
          : `, and the list is marked as incomplete, because ${countOf(unread.length, 'place')} could not be read`;
      const known = list.images.length - images.length;
      const more = known > 0 ? `, beside ${known} that it had` : '';
      progress.info(
        `${store.name}: ${countOf(images.length, 'image')} of ${cluster} published${more}${mark}.`,
      );
    } catch (error) {
      const isExpected =
        error instanceof StoreError ||
        error instanceof TooManyImagesError ||
        error instanceof BucketObjectInvalidError;
      if (!isExpected) throw error;
      isPublished = false;
      const next = error instanceof BucketObjectInvalidError ? ' Delete it to begin anew.' : '';
      progress.fail(`${store.name}: the list of ${cluster} was not published: ${error.message}${next}`);
    }
  }
  return isPublished;
}
