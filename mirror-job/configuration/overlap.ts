/**
 * Refuses two sources for one tag. A tag is one pointer, so two sources that fill it would move it back and forth in each
 * run. If two sources are served under one name, the configuration has to say which tag is whose.
 */
import { maySelect } from '../engine/selection/selection.ts';
import type { ImageConfiguration } from './configuration.ts';
import type { Problems } from './problems.ts';

export function findOverlaps(images: readonly ImageConfiguration[], problems: Problems): void {
  const entries = images.map((image) => ({
    image,
    index: image.position ?? 0,
    from: JSON.stringify(image.source),
  }));
  for (const group of Map.groupBy(entries, ({ image }) => image.repository).values()) {
    for (const one of group) {
      for (const other of group) {
        const reason = one.from === other.from ? undefined : overlapOf(one.image, other.image);
        if (reason !== undefined) problems.add(['images', one.index], reason, other.index);
      }
    }
  }
}

function overlapOf(one: ImageConfiguration, other: ImageConfiguration): string | undefined {
  const otherEntry = other.line === undefined ? 'another entry' : `line ${other.line}`;
  const tag =
    one.tags.explicit.find((name) => maySelect(other.tags, name)) ??
    other.tags.explicit.find((name) => maySelect(one.tags, name));
  if (tag !== undefined) {
    return `it selects the tag "${tag}" of ${one.repository}, and ${otherEntry} selects the same tag from another source. Leave the tag out of one of the two, or give one of them another name.`;
  }
  // Two patterns may share a tag. It shows only when upstream lists its tags, and then it is too late to ask.
  return one.tags.rules !== undefined && other.tags.rules !== undefined
    ? `its patterns and those of ${otherEntry} may select the same tag of ${one.repository} from different sources. List the tags of one of the two by name, or give one of them another name.`
    : undefined;
}
