/** `lifeboat sync`. */
import { parseDigest } from '../../../core/digest.ts';
import { parseRepository } from '../../../core/reference.ts';
import { DEFAULT_SETTINGS, type Image } from '../../../mirror-job/engine/image.ts';
import type { RunReport } from '../../../mirror-job/engine/report.ts';
import { alignStores } from '../../../mirror-job/engine/replication/replica-reconcile.ts';
import { reportOnStores } from '../../../mirror-job/engine/replication/replica-report.ts';
import { runMirror } from '../../../mirror-job/engine/run/run.ts';
import type { Actor } from '../scheduler.ts';
import { ALL_TAGS } from '../selected-tags.ts';
import { SimulatedSource } from '../simulated-source.ts';
import type { World } from '../world.ts';
import { CONFIGURATION, openStores } from './opened-stores.ts';

/** @throws {StoreError} if no store is left */
export async function mirrorRun(world: World, actor: Actor): Promise<RunReport> {
  const { environment, replicas, leave } = await openStores(world, actor, {
    align: alignStores,
    isFenced: true,
  });
  const several = {
    reportStores: () => replicas.report(),
    storeFindings: () => replicas.caughtUpTags.findings(),
    replicas: () => replicas.live.map(({ store }) => store),
  };
  const whole = replicas.all.length === 1 ? environment : { ...environment, ...several };
  try {
    const report = await runMirror(whole, CONFIGURATION, imagesOf(world, actor));
    if (replicas.all.length === 1) return report;
    return await reportOnStores(whole, replicas, CONFIGURATION, report);
  } finally {
    await leave();
  }
}

function imagesOf(world: World, actor: Actor): Image[] {
  return world.upstreams.map((upstream) => ({
    ...DEFAULT_SETTINGS,
    source: new SimulatedSource(upstream, actor, world.scheduler, world.faults),
    repository: parseRepository(upstream.repository),
    tags: ALL_TAGS,
    digests: (world.keeping?.pinsOf(upstream) ?? []).map((digest) => parseDigest(digest)),
    moves: { ...DEFAULT_SETTINGS.moves, ...world.policy },
    mustBePublic: false,
    neighbours: [],
  }));
}
