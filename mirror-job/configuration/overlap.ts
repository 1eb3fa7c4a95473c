/**
 * A tag is one pointer: two sources that both fill it would move it back and forth, each run. So whoever serves
 * two sources under one name has to say which tag is whose.
 */
import { maySelect } from '../engine/selection/selection.ts';
import type { ImageConfiguration } from './configuration.ts';
import type { Problems } from './problems.ts';

export function findOverlaps(images: readonly ImageConfiguration[], problems: Problems): void {
  const entries = images.map((image, index) => ({ image, index, from: JSON.stringify(image.source) }));
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
  const place = other.line === undefined ? 'another entry' : `line ${other.line}`;
  const tag =
    one.tags.explicit.find((name) => maySelect(other.tags, name)) ??
    other.tags.explicit.find((name) => maySelect(one.tags, name));
  if (tag !== undefined) {
    return `it selects the tag "${tag}" of ${one.repository}, and ${place} selects the same tag from another source. Leave the tag out of one of the two, or give one of them another name.`;
  }
  // Whether two patterns share a tag is known only when upstream has listed them, which is too late to ask.
  return one.tags.rules !== undefined && other.tags.rules !== undefined
    ? `its patterns and those of ${place} may select the same tag of ${one.repository} from different sources. List the tags of one of the two by name, or give one of them another name.`
    : undefined;
}
