/** Several writers change one object: in turn within this process, and under conditions across processes. */
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { updateObject, withObject } from '../../../../mirror-job/engine/store/compare-and-swap.ts';
import { KeyQueue } from '../../../../mirror-job/engine/store/key-queue.ts';
import { StoreError } from '../../../../mirror-job/engine/store/store.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const TYPE = 'text/plain';

const append =
  (text: string) =>
  (bytes: Uint8Array | undefined): Uint8Array =>
    Buffer.from(`${bytes === undefined ? '' : Buffer.from(bytes).toString()}${text}`);

const textOf = (store: MemoryStore, key: string) =>
  Buffer.from(store.objects.get(key)?.bytes ?? []).toString();

const putsOf = (store: MemoryStore, key: string) =>
  store.calls.filter((call) => call === `put ${key}`).length;

/** A store whose calls take a while, as over a network. */
function slowStore(): MemoryStore {
  const store = new MemoryStore();
  store.before = () => setTimeout(1);
  return store;
}

/** Changes the object before each write of this process, as another process would. @returns the number of changes so far */
function contend(store: MemoryStore, key: string, most: number): () => number {
  let changes = 0;
  store.before = (call, one) => {
    if (call !== 'put' || one !== key || changes === most) return;
    changes += 1;
    store.objects.set(key, {
      bytes: Buffer.from(`theirs ${changes} `),
      etag: `"theirs ${changes}"`,
      contentType: TYPE,
    });
  };
  return () => changes;
}

test('a hundred changes at once: none is lost or refused, and those that wait are written together', async () => {
  const store = slowStore();
  const names = Array.from({ length: 100 }, (_, index) => `${index} `);
  await Promise.all(names.map((name) => updateObject(store, 'key', TYPE, append(name))));
  expect(textOf(store, 'key')).toBe(names.join(''));
  // The first write has the first change, the second one has all that came during the first.
  expect(store.calls).toEqual(['get key', 'put key', 'get key', 'put key']);
});

test('changes of different objects do not wait for each other', async () => {
  const store = slowStore();
  const order: string[] = [];
  const slow = updateObject(store, 'slow', TYPE, async (bytes) => {
    await setTimeout(50);
    order.push('slow');
    return append('x')(bytes);
  });
  await updateObject(store, 'fast', TYPE, append('x'));
  order.push('fast');
  await slow;
  expect(order).toEqual(['fast', 'slow']);
});

test('a change may wait for the change of another object', async () => {
  const store = slowStore();
  await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      updateObject(store, 'outer', TYPE, async (bytes) => {
        await updateObject(store, 'inner', TYPE, append(`${index}`));
        return append(`${index}`)(bytes);
      }),
    ),
  );
  expect([textOf(store, 'outer'), textOf(store, 'inner')]).toEqual(['0123456789', '0123456789']);
});

test('a change that fails fails alone, and a change with nothing to write accepts what the others write', async () => {
  const store = slowStore();
  const results = await Promise.allSettled([
    updateObject(store, 'key', TYPE, append('a')),
    updateObject(store, 'key', TYPE, append('b')),
    updateObject(store, 'key', TYPE, () => {
      throw new Error('It cannot be read.');
    }),
    updateObject(store, 'key', TYPE, () => undefined),
    updateObject(store, 'key', TYPE, append('c')),
  ]);
  expect(results.map((one) => (one.status === 'rejected' ? String(one.reason) : 'done'))).toEqual([
    'done',
    'done',
    'Error: It cannot be read.',
    'done',
    'done',
  ]);
  expect(textOf(store, 'key')).toBe('abc');
});

test('a store that fails fails all changes that were to be written together, and none that comes after', async () => {
  const store = slowStore();
  let puts = 0;
  store.before = async (call) => {
    await setTimeout(1);
    if (call === 'put') puts += 1;
    if (call === 'put' && puts === 2) throw new StoreError('It is ill.');
  };
  const results = await Promise.allSettled(
    ['a', 'b', 'c'].map((name) => updateObject(store, 'key', TYPE, append(name))),
  );
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
  await updateObject(store, 'key', TYPE, append('d'));
  expect(textOf(store, 'key')).toBe('ad');
});

test('a change succeeds after another process was first 20 times', async () => {
  const store = new MemoryStore();
  const changes = contend(store, 'key', 20);
  await updateObject(store, 'key', TYPE, append('ours'));
  expect([changes(), textOf(store, 'key')]).toEqual([20, 'theirs 20 ours']);
});

test('the error names another writer, and not the store, when another process is always first', async () => {
  const store = new MemoryStore();
  contend(store, 'key', Infinity);
  await expect(updateObject(store, 'key', TYPE, append('ours'))).rejects.toThrow(
    'The bucket in memory: key could not be written: another writer changed it in each of the 24 attempts of this run. Run again when the other run has ended.',
  );
});

test.each([
  ['If-Match', true],
  ['If-None-Match', false],
])('the error names the store when it refuses %s though nobody else is at work', async (header, isThere) => {
  class RefusingStore extends MemoryStore {
    override async put(): Promise<'conflict'> {
      return 'conflict';
    }
  }
  const store = new RefusingStore();
  if (isThere) store.objects.set('key', { bytes: Buffer.from('x'), etag: '"e"', contentType: TYPE });
  await expect(updateObject(store, 'key', TYPE, append('ours'))).rejects.toThrow(
    `The bucket in memory: key could not be written: the store refused the write 24 times as if somebody had changed the object, but each read gave the same object. The store does not honour ${header}.`,
  );
});

test('no other work comes between a read and the write that follows from it', async () => {
  const store = slowStore();
  const condition = { ifNoneMatch: '*' } as const;
  const results = await Promise.all(
    Array.from({ length: 10 }, () =>
      withObject(store, 'key', async () =>
        (await store.get('key')) === undefined
          ? store.put('key', Buffer.from('x'), { contentType: TYPE, condition })
          : 'there',
      ),
    ),
  );
  expect(results).toEqual(['written', ...Array(9).fill('there')]);
  expect(putsOf(store, 'key')).toBe(1);
});

test('a queue keeps nothing for a key without work, also after work that failed', async () => {
  const queue = new KeyQueue();
  const work = Array.from({ length: 100 }, (_, index) =>
    queue.run(`key ${index % 10}`, async () => {
      await setTimeout(1);
      if (index % 3 === 0) throw new Error('no');
      return index;
    }),
  );
  expect(queue.size).toBe(10);
  const results = await Promise.allSettled(work);
  expect(results.filter(({ status }) => status === 'rejected').length).toBe(34);
  expect(results[1]).toEqual({ status: 'fulfilled', value: 1 });
  await setTimeout(0);
  expect(queue.size).toBe(0);
});
