import type { Store, StoredObject } from './store.ts';

/**
 * The same store, with a hook that runs when an answer begins, before the body of its object is read.
 * @param onAnswer the reader gets the object once this resolves
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
