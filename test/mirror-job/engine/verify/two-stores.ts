/** Two stores of a mirror in memory, with the notes of each other, and checks and repairs of the first one. */
import { encodeStatuses } from '../../../../mirror-job/engine/replication/replica-status.ts';
import { repairStore } from '../../../../mirror-job/engine/verify/repair.ts';
import { repairInRounds } from '../../../../mirror-job/engine/verify/repair-rounds.ts';
import { compareStores } from '../../../../mirror-job/engine/verify/store-difference.ts';
import { verifyStore, type StoreResult } from '../../../../mirror-job/engine/verify/verify-store.ts';
import { isMd5Etag } from '../../../../mirror-job/storage/s3/etag-check.ts';
import { environmentFor } from '../../support/harness.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { NAME, openStore, VerifyScene } from './verify-scene.ts';

export const APP = 'repositories/mirror.test/app';
export const TAG = `${APP}/_tags/2`;
export const INDEX = `${APP}/_index.json`;
export const LIST = `${APP}/_tags.json`;

export function copyOf(store: MemoryStore): MemoryStore {
  const copy = new MemoryStore('The other store');
  for (const [key, object] of store.objects) copy.objects.set(key, object);
  return copy;
}

/** Writes into a store what it knows of the other one. */
export async function note(store: MemoryStore, other: MemoryStore, inStep: boolean): Promise<void> {
  const at = '2026-01-01T00:00:00.000Z';
  const { id } = Object(other.json('lifeboat.json'));
  const bytes = encodeStatuses([{ store: other.name, id, inStep, since: at, at, run: 'run' }]);
  await store.put('state/_stores.json', bytes, { contentType: 'application/json' });
}

export class TwoStores {
  readonly first: MemoryStore;
  readonly other: MemoryStore;
  readonly scene: VerifyScene | undefined;

  constructor(first: MemoryStore, other: MemoryStore, scene?: VerifyScene) {
    this.first = first;
    this.other = other;
    this.scene = scene;
  }

  /** Both stores have three tags, and are in step as the first one says. */
  static async fill(): Promise<TwoStores> {
    const scene = await VerifyScene.fill(3);
    const stores = new TwoStores(scene.store, copyOf(scene.store), scene);
    await note(stores.first, stores.other, true);
    return stores;
  }

  remove(...keys: readonly string[]): void {
    for (const key of keys) this.first.objects.delete(key);
  }

  check(others: readonly MemoryStore[] = [this.other]): Promise<StoreResult> {
    return verifyStore(environmentFor(this.first), this.first, { name: NAME, isEtagOf: isMd5Etag, others });
  }

  /** Upstream has nothing. */
  async repair(others: readonly MemoryStore[] = [this.other]) {
    const environment = environmentFor(this.first);
    return repairInRounds(await this.check(others), {
      check: () => this.check(others),
      repair: (problems) =>
        repairStore(environment, this.first, problems, {
          name: NAME,
          images: new Map(),
          others,
          openStore,
          selects: () => true,
        }),
    });
  }

  async differences(): Promise<readonly string[]> {
    const { differences } = await compareStores(this.first, this.other, new AbortController().signal);
    return differences.map(({ key }) => key);
  }
}
