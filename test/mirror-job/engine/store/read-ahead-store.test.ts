/** Objects that are read ahead are read once, and never hide a later write. */
import { expect, test } from 'vitest';
import { ReadAheadStore } from '../../../../mirror-job/engine/store/read-ahead-store.ts';
import { StoreError } from '../../../../mirror-job/engine/store/store.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = async (store: ReadAheadStore, key: string) =>
  new TextDecoder().decode((await store.get(key))?.bytes ?? bytes('absent'));

test('each key is read at once, and the result goes to the first reader', async () => {
  const bucket = new MemoryStore();
  await bucket.put('a', bytes('old'), { contentType: 'text/plain' });
  bucket.calls.length = 0;
  // Two entries of a configuration share an index.
  const store = new ReadAheadStore(bucket, ['a', 'b', 'a']);
  expect(bucket.calls).toEqual(['get a', 'get b']);
  expect([await text(store, 'a'), await text(store, 'b')]).toEqual(['old', 'absent']);
  expect(bucket.calls.length).toBe(2);

  await bucket.put('a', bytes('new'), { contentType: 'text/plain' });
  expect([await text(store, 'a'), await text(store, 'c')]).toEqual(['new', 'absent']);
});

test('a key that was written meanwhile is read anew', async () => {
  const store = new ReadAheadStore(new MemoryStore(), ['a']);
  await store.put('a', bytes('written'), { contentType: 'text/plain' });
  expect(await text(store, 'a')).toBe('written');
});

test('a read that failed fails the first reader, once', async () => {
  class Failing extends MemoryStore {
    isDown = true;
    override async get(key: string) {
      if (this.isDown) throw new StoreError('it is down.');
      return super.get(key);
    }
  }
  const bucket = new Failing();
  const store = new ReadAheadStore(bucket, ['a']);
  bucket.isDown = false;
  await expect(store.get('a')).rejects.toThrow('it is down.');
  expect(await store.get('a')).toBeUndefined();
});
