import type { Store, StoredObject } from './store.ts';

/**
 * The same store, which tells of each answer as soon as it begins: before the body of an object is read.
 * @param onAnswer the object is handed on once this resolves
 */
export function watchedStore(
  store: Store,
  onAnswer: (object: StoredObject | undefined) => void | Promise<void>,
): Store {
  return {
    number: store.number,
    location: store.location,
    async get(key, options) {
      const object = await store.get(key, options);
      await onAnswer(object);
      return object;
    },
    urlFor: (key) => store.urlFor(key),
  };
}
