/** How long each call to a store that hangs can delay a run that has to stop. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ShutdownDeadlineStore } from '../../../../mirror-job/engine/store/shutdown-deadline-store.ts';
import type { Clock } from '../../../../mirror-job/engine/runtime.ts';
import type { OpenUpload, Upload } from '../../../../mirror-job/engine/store/store.ts';
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

interface Hanging {
  readonly memory: MemoryStore;
  readonly store: ShutdownDeadlineStore;
  readonly stop: AbortController;
  /** An upload that was begun while the store still answered, and the same one from the list of open uploads. */
  readonly upload: Upload;
  readonly listed: OpenUpload;
}

/** A store that has answered until now and hangs from now on. */
async function hanging(): Promise<Hanging> {
  const memory = new MemoryStore();
  const stop = new AbortController();
  const store = new ShutdownDeadlineStore(memory, clock, stop.signal);
  const upload = await store.beginUpload('key', 'text/plain');
  const [listed] = await store.openUploads('key');
  if (listed === undefined) throw new Error('there is no open upload');
  memory.before = () => new Promise(() => {});
  return { memory, store, stop, upload, listed };
}

/** @returns the outcome so far: `pending`, or the error */
function watch(promise: Promise<unknown>): () => string {
  let state = 'pending';
  promise.catch((error: unknown) => {
    state = String(error);
  });
  return () => state;
}

const LARGE = new Uint8Array(1024 * 1024);

const TEXT = { contentType: 'text/plain' };

/** @param isLong whether even a healthy store may need longer for it */
const CALLS: [string, (hung: Hanging) => Promise<unknown>, sentence: string, isLong?: true][] = [
  ['get', ({ store }) => store.get('key'), 'read key'],
  ['size', ({ store }) => store.size('key'), 'look at key'],
  ['put', ({ store }) => store.put('key', new Uint8Array(), TEXT), 'write key'],
  ['put of much', ({ store }) => store.put('key', LARGE, TEXT), 'write key', true],
  ['list', ({ store }) => store.list('key', 1), 'list key'],
  ['list of all', ({ store }) => store.list('', 1), 'list it'],
  ['beginUpload', ({ store }) => store.beginUpload('key', 'text/plain'), 'begin an upload to key'],
  ['putPart', ({ upload }) => upload.putPart(3, new Uint8Array()), 'upload part 3 of key', true],
  ['complete', ({ upload }) => upload.complete(), 'complete the upload to key', true],
  ['abort', ({ upload }) => upload.abort(), 'abort the upload to key'],
  ['abort of a listed upload', ({ listed }) => listed.abort(), 'abort the upload to key'],
  ['openUploads', ({ store }) => store.openUploads('key'), 'list the uploads below key'],
];

test.each(CALLS)(
  '%s has no time limit until the run has to stop, and a short one then',
  async (_name, call, what, isLong) => {
    const hung = await hanging();
    const { stop, memory } = hung;
    const late = `${isLong === true ? 'StoppedError' : 'StoreError'}: The bucket in memory: could not ${what} in the time that a run has to stop.`;
    const before = watch(call(hung));
    await vi.advanceTimersByTimeAsync(600_000);
    expect(before()).toBe('pending');

    stop.abort();
    const after = watch(call(hung));
    await vi.advanceTimersByTimeAsync(1999);
    expect([before(), after()]).toEqual(['pending', 'pending']);
    await vi.advanceTimersByTimeAsync(1);
    expect([before(), after()]).toEqual([late, 'pending']);
    const atTheEnd = watch(call(hung));
    await vi.advanceTimersByTimeAsync(1499);
    expect([after(), atTheEnd()]).toEqual(['pending', 'pending']);
    await vi.advanceTimersByTimeAsync(1);
    expect([after(), atTheEnd()]).toEqual([late, late]);
    // There is still time for another store.
    const last = watch(call(hung));
    await vi.advanceTimersByTimeAsync(1499);
    expect(last()).toBe('pending');
    await vi.advanceTimersByTimeAsync(1);
    expect(last()).toBe(late);

    const calls = memory.calls.length;
    await expect(call(hung)).rejects.toThrow(late.replace(/^\w+: /, ''));
    expect(memory.calls.length).toBe(calls);
  },
);

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
