/** The bucket itself, in memory. It tells which keys have changed, so that only these are checked after a step. */
import type { StoredObject } from '../../mirror-job/engine/store/store.ts';
import { MemoryStore } from '../mirror-job/support/memory-store.ts';

class WatchedObjects extends Map<string, StoredObject> {
  /** The keys that were written or deleted, with the object of before. */
  readonly changed = new Map<string, StoredObject | undefined>();
  /** The keys of new objects, the newest last. */
  readonly created: string[] = [];

  override set(key: string, object: StoredObject): this {
    const before = this.get(key);
    if (before === undefined) this.created.push(key);
    if (!this.changed.has(key)) this.changed.set(key, before);
    return super.set(key, object);
  }

  override delete(key: string): boolean {
    if (!this.changed.has(key)) this.changed.set(key, this.get(key));
    return super.delete(key);
  }
}

export class WatchedStore extends MemoryStore {
  override readonly objects = new WatchedObjects();
  /** Until when it does not answer. */
  awayUntilMs = 0;

  /** @returns the keys that have changed since the last call, each with the object of before */
  takeChanges(): ReadonlyMap<string, StoredObject | undefined> {
    const { changed } = this.objects;
    if (changed.size === 0) return NOTHING;
    const taken = new Map(changed);
    changed.clear();
    return taken;
  }

  /** @returns the newest keys, which a stale list lacks */
  newest(count: number): ReadonlySet<string> {
    return new Set(this.objects.created.slice(-count));
  }
}

const NOTHING: ReadonlyMap<string, StoredObject | undefined> = new Map();
