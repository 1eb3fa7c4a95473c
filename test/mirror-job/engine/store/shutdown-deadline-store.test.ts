/** A store that hangs, and a run that has to stop: what each call may still take. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ShutdownDeadlineStore } from '../../../../mirror-job/engine/store/shutdown-deadline-store.ts';
import type { Clock } from '../../../../mirror-job/engine/environment.ts';
import { MemoryStore } from '../../support/memory-store.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const clock: Pick<Clock, 'sleep'> = {
  sleep: (milliseconds) =>
    new Promise((resolve) => {
      setTimeout(resolve, milliseconds);
    }),
};

function hanging(): { memory: MemoryStore; store: ShutdownDeadlineStore; stop: AbortController } {
  const memory = new MemoryStore();
  memory.before = () => new Promise(() => {});
  const stop = new AbortController();
  return { memory, store: new ShutdownDeadlineStore(memory, clock, stop.signal), stop };
}

/** What has come of it so far: `pending`, or how it failed. */
function watch(promise: Promise<unknown>): () => string {
  let state = 'pending';
  promise.catch((error: unknown) => {
    state = String(error);
  });
  return () => state;
}

const LARGE = new Uint8Array(1024 * 1024);

/** The last one: whether a store that is well may need longer for it. */
const CALLS: [string, (store: ShutdownDeadlineStore) => Promise<unknown>, sentence: string, isLong?: true][] =
  [
    ['get', (store) => store.get('key'), 'read key'],
    ['size', (store) => store.size('key'), 'look at key'],
    ['put', (store) => store.put('key', new Uint8Array(), { contentType: 'text/plain' }), 'write key'],
    ['put of much', (store) => store.put('key', LARGE, { contentType: 'text/plain' }), 'write key', true],
    ['list', (store) => store.list('key', 1), 'list key'],
    ['list of all', (store) => store.list('', 1), 'list it'],
    ['beginUpload', (store) => store.beginUpload('key', 'text/plain'), 'begin an upload to key'],
    ['putPart', (store) => store.putPart('key', 'id', 3, new Uint8Array()), 'upload part 3 of key', true],
    ['completeUpload', (store) => store.completeUpload('key', 'id', []), 'complete the upload to key', true],
    ['abortUpload', (store) => store.abortUpload('key', 'id'), 'abort the upload to key'],
    ['openUploads', (store) => store.openUploads('key'), 'list the uploads below key'],
  ];

test.each(CALLS)('%s may take its time until the run has to stop', async (_name, call, what, isLong) => {
  const { store, stop, memory } = hanging();
  const late = `${isLong === true ? 'StoppedError' : 'StoreError'}: The bucket in memory: could not ${what} in the time that a run has to stop.`;
  const before = watch(call(store));
  await vi.advanceTimersByTimeAsync(600_000);
  expect(before()).toBe('pending');

  stop.abort();
  const after = watch(call(store));
  await vi.advanceTimersByTimeAsync(1999);
  expect([before(), after()]).toEqual(['pending', 'pending']);
  await vi.advanceTimersByTimeAsync(1);
  expect([before(), after()]).toEqual([late, 'pending']);
  const atTheEnd = watch(call(store));
  await vi.advanceTimersByTimeAsync(1499);
  expect([after(), atTheEnd()]).toEqual(['pending', 'pending']);
  await vi.advanceTimersByTimeAsync(1);
  expect([after(), atTheEnd()]).toEqual([late, late]);
  // There is still time for another store.
  const last = watch(call(store));
  await vi.advanceTimersByTimeAsync(1499);
  expect(last()).toBe('pending');
  await vi.advanceTimersByTimeAsync(1);
  expect(last()).toBe(late);

  const calls = memory.calls.length;
  await expect(call(store)).rejects.toThrow(late.replace(/^\w+: /, ''));
  expect(memory.calls.length).toBe(calls);
});

test('a store that answers works as before when the run has to stop', async () => {
  const memory = new MemoryStore();
  const stop = new AbortController();
  const store = new ShutdownDeadlineStore(memory, clock, stop.signal);
  stop.abort();
  await store.put('key', new Uint8Array([1, 2, 3]), { contentType: 'text/plain' });
  expect([store.name, await store.size('key'), await store.get('none')]).toEqual([memory.name, 3, undefined]);
  memory.before = () => {
    throw new Error('refused');
  };
  await expect(store.size('key')).rejects.toThrow('refused');
});
