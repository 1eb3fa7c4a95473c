/** The lists of condemned keys, which are objects of their own because there may be many keys. */
import { BucketObjectInvalidError, parseObjectAt } from '../../../core/bucket-object.ts';
import { encodeJson } from '../../../core/json.ts';
import { kindOfKey } from '../../../core/key-kind.ts';
import { pruneListKey } from '../../../core/layout.ts';
import type { SweepStage } from '../store/prune-state.ts';
import { StoreError, type Store } from '../store/store.ts';

const KEYS_PER_LIST = 20_000;

/** @returns the sweep that deletes a key; undefined for a key that is never pruned */
export function stageOf(key: string): SweepStage | undefined {
  switch (kindOfKey(key)?.kind) {
    case 'link':
    case 'blob':
      return 'bytes';
    case 'tag':
    case 'tag list':
    case 'index':
    case 'movement':
    case 'referrers':
    case 'manifest':
      return 'names';
    default:
      return undefined;
  }
}

/** @returns the number of lists. @throws {StoreError} */
export async function writeCondemned(
  store: Pick<Store, 'put'>,
  generation: string,
  keys: readonly string[],
): Promise<number> {
  const parts = Math.ceil(keys.length / KEYS_PER_LIST);
  for (let part = 1; part <= parts; part += 1) {
    const own = keys.slice((part - 1) * KEYS_PER_LIST, part * KEYS_PER_LIST);
    await store.put(pruneListKey(generation, part), encodeJson({ keys: own }), {
      contentType: 'application/json',
    });
  }
  return parts;
}

/** @throws {BucketObjectInvalidError}, and {StoreError} also for a list that is missing */
export async function readCondemned(
  store: Pick<Store, 'name' | 'get'>,
  { generation, parts }: { readonly generation: string; readonly parts: number },
): Promise<ReadonlySet<string>> {
  const condemned = new Set<string>();
  for (let part = 1; part <= parts; part += 1) {
    const key = pruneListKey(generation, part);
    const object = await store.get(key);
    if (object === undefined) {
      throw new StoreError(
        `${store.name}: ${key} is missing, so nothing is deleted. Run "lifeboat prune --cancel", and make a new plan.`,
      );
    }
    const { keys } = parseObjectAt(key, object.bytes);
    if (!Array.isArray(keys)) throw new BucketObjectInvalidError(key, 'it has no list of keys.');
    for (const one of keys as readonly unknown[]) {
      // A list that somebody has changed must not lead to the deletion of anything else.
      if (typeof one !== 'string' || stageOf(one) === undefined) {
        throw new BucketObjectInvalidError(key, 'it lists a key that is never pruned.');
      }
      condemned.add(one);
    }
  }
  return condemned;
}
