/** `lifeboat approve` and `lifeboat revert`. */
import { parseDigest } from '../../../core/digest.ts';
import { parseRepository, parseTag } from '../../../core/reference.ts';
import { findManifest } from '../../../mirror-job/engine/copy/find-manifest.ts';
import { keepAligned } from '../../../mirror-job/engine/replication/replica-reconcile.ts';
import { approveTag } from '../../../mirror-job/engine/tags/approve.ts';
import type { HandOutcome } from '../../../mirror-job/engine/tags/move-by-hand.ts';
import { RepositoryState } from '../../../mirror-job/engine/tags/repository-state.ts';
import { revertTag } from '../../../mirror-job/engine/tags/revert.ts';
import type { Actor } from '../scheduler.ts';
import { TAGS, type World } from '../world.ts';
import { openStores } from './opened-stores.ts';

/** Decides first what a person wants, and does it. */
export function handMove(world: World): (actor: Actor) => Promise<void> {
  const { decisions } = world;
  const [first, ...rest] = world.upstreams;
  if (first === undefined) throw new Error('There is no upstream.');
  const upstream = decisions.oneOf([first, ...rest]);
  const tag = decisions.oneOf(TAGS);
  const kind = decisions.oneOf<'revert' | 'approve'>(['revert', 'approve']);
  const wanted =
    kind === 'approve' || decisions.happens(3) ? decisions.oneOf(upstream.content.images) : undefined;
  const name = `${upstream.repository}:${tag}`;
  return async (actor) => {
    world.scheduler.note(`${actor.name}: ${kind} ${name} ${wanted ?? ''}`);
    const { begun, ended } = world.handsOn(name);
    world.handsOn(name).begun += 1;
    // Until it says how it ended, nobody knows whether it was done.
    world.byHand.set(name, undefined);
    const { environment, replicas, leave } = await openStores(world, actor, {
      align: (_, all) => keepAligned(all),
      isFenced: true,
    });
    const repository = parseRepository(upstream.repository);
    const move = { repository, tag: parseTag(tag), reason: undefined, by: undefined };
    const to = wanted === undefined ? undefined : parseDigest(wanted);
    let outcome: HandOutcome | undefined;
    try {
      const state = await RepositoryState.open(environment, repository);
      if (kind === 'revert') outcome = await revertTag(environment, state, { ...move, to });
      else {
        const target = to === undefined ? undefined : await findManifest(environment, repository, to);
        if (target !== undefined)
          outcome = await approveTag(environment, state, { ...move, target, isListed: false });
      }
    } finally {
      // A run may have caught a store up meanwhile, from a state before this write.
      await replicas.publishStatusAgain().catch(() => undefined);
      await leave();
    }
    if (outcome === undefined) return;
    const hands = world.handsOn(name);
    // One that died or failed never ends, because a store may do later what it has sent.
    const isAlone = begun === ended && hands.begun === begun + 1;
    hands.ended += 1;
    world.byHand.set(
      name,
      isAlone ? { repository: upstream.repository, tag, kind, digest: outcome.digest } : undefined,
    );
  };
}
