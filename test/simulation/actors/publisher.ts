/** The publisher of the images: moves tags of the upstream, forward and back, deletes them, and brings them back. */
import type { Actor } from '../scheduler.ts';
import { TAGS, type World } from '../world.ts';

export function publisher(world: World): (actor: Actor) => Promise<void> {
  const { decisions, scheduler } = world;
  const changes = 1 + decisions.choose(4);
  return async (actor) => {
    for (let change = 0; change < changes; change += 1) {
      const [upstream = world.upstreams[0]] = world.upstreams.slice(decisions.choose(world.upstreams.length));
      if (upstream === undefined) return;
      const tag = decisions.oneOf(TAGS);
      const isDeleted = decisions.happens(6);
      const digest = decisions.oneOf(upstream.content.images);
      const what = `${upstream.repository}:${tag} ${isDeleted ? 'is deleted' : `is at ${digest}`}`;
      await scheduler.call(actor, what, async () => {
        if (isDeleted) upstream.delete(tag, scheduler.nowMs);
        else if (upstream.tags.get(tag) !== digest) upstream.move(tag, digest);
      });
    }
  };
}
