/** Finds the objects that one store lacks or has in another version, by listings alone. */
import { kindOfKey, MUTABILITY, type KeyKind } from '../../../core/key-kind.ts';
import { BLOBS, isOfOneStore, isStateKey, REPOSITORIES, STATE } from '../../../core/layout.ts';
import type { Repository, Tag } from '../../../core/reference.ts';
import type { Origin } from './catch-up-origin.ts';
import type { ListedObject } from '../store/store.ts';

export type Difference = ListedObject & { readonly kind: KeyKind };

export class Comparison {
  /** The keys of immutable objects that the written store has by now. */
  readonly present = new Set<string>();
  readonly differences = new Map<string, Difference>();
  /** Whether the written store was filled to the end before, which its catalogue shows. */
  wasFilled = false;
  /** The tags that both have in different versions. */
  readonly tags = new Map<Repository, Set<Tag>>();

  /**
   * Lists blobs after the objects that name them, so that a manifest which another run writes meanwhile is not found
   * without its blobs.
   * @throws what listing either of them throws
   */
  async compare(from: Pick<Origin, 'entries'>, to: Pick<Origin, 'entries'>): Promise<void> {
    for (const prefix of [REPOSITORIES, BLOBS, STATE]) {
      const there = new Map<string, ListedObject>();
      for await (const one of to.entries(prefix)) there.set(one.key, one);
      if (prefix === STATE) this.wasFilled = [...there.keys()].some((key) => isStateKey(key, 'catalog.json'));
      for await (const one of from.entries(prefix)) {
        const kind = kindOfKey(one.key);
        if (kind === undefined || isOfOneStore(one.key) || isStateKey(one.key, 'probe')) continue;
        const own = there.get(one.key);
        if (own?.size === one.size && (MUTABILITY[kind.kind] === 'immutable' || own.etag === one.etag))
          this.present.add(one.key);
        else this.differences.set(one.key, { ...one, kind });
        if (kind.kind === 'tag' && own !== undefined && own.etag !== one.etag) {
          const tags = this.tags.get(kind.repository) ?? new Set();
          this.tags.set(kind.repository, tags.add(kind.tag));
        }
      }
    }
  }
}
