/** `lifeboat drill --publish` writes the sums of a drill into each store of the configuration, for the pages of the edge. */
import { encodeLastDrill, type DrillSummary } from '../../../core/last-drill.ts';
import { stateKey } from '../../../core/layout.ts';
import { connectStores } from '../../assembly/store-connections.ts';
import type { Configuration } from '../../configuration/configuration.ts';
import { StoreError } from '../../engine/store/store.ts';
import { createStoreAgents } from '../../runtime/node/agents.ts';
import { readProxies } from '../../runtime/node/proxies.ts';
import type { Session } from '../../terminal/io.ts';
import type { Progress } from '../../terminal/progress.ts';

/** @returns whether every store has the sums. A store that has not is a failure that is printed */
export async function publishSums(
  summary: DrillSummary,
  configuration: Configuration,
  { progress, session }: { readonly progress: Progress; readonly session: Session },
): Promise<boolean> {
  const { signal } = new AbortController();
  const agents = createStoreAgents(readProxies(session.env));
  const key = stateKey(configuration.name, 'last-drill.json');
  const bytes = encodeLastDrill(summary);
  let isPublished = true;
  for (const store of connectStores(configuration, { agents, signal })) {
    try {
      // The drill that ends last counts, and its key may write this one object, so it reads nothing first.
      await store.put(key, bytes, { contentType: 'application/json' });
      progress.info(`${store.name}: the drill is published as ${key}.`);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      isPublished = false;
      progress.fail(`${store.name}: the drill was not published: ${error.message}`);
    }
  }
  return isPublished;
}
