/** The publisher of the images: moves tags of the upstream, forward and back, deletes them, and brings them back. */
import type { Actor } from '../scheduler.ts';
import { TAGS, type World } from '../world.ts';

interface Change {
  readonly what: string;
  readonly make: () => void;
}

export function publisher(world: World): (actor: Actor) => Promise<void> {
  const changes = 1 + world.decisions.choose(4);
  return async (actor) => {
    for (let change = 0; change < changes; change += 1) {
      const { what, make } = anyChange(world);
      await world.scheduler.call(actor, what, async () => make());
    }
  };
}

/** Makes some changes before anybody looks. */
export function publishAtOnce(world: World): void {
  const changes = 1 + world.decisions.choose(4);
  for (let change = 0; change < changes; change += 1) {
    const { what, make } = anyChange(world);
    world.scheduler.note(what);
    make();
  }
}

function anyChange({ decisions, scheduler, upstreams, keeping }: World): Change {
  const [upstream = upstreams[0]] = upstreams.slice(decisions.choose(upstreams.length));
  if (upstream === undefined) throw new Error('There is no upstream.');
  const tag = decisions.oneOf(TAGS);
  const isDeleted = decisions.happens(keeping === undefined ? 6 : 3);
  const digest = decisions.oneOf(upstream.content.images);
  return {
    what: `${upstream.repository}:${tag} ${isDeleted ? 'is deleted' : `is at ${digest}`}`,
    make: () => {
      if (isDeleted) upstream.delete(tag, scheduler.nowMs);
      else if (upstream.tags.get(tag) !== digest) upstream.move(tag, digest);
    },
  };
}
