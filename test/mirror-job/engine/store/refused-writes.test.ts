/** If a store refuses a write, nothing of another writer is lost, and the error blames the right one. */
import { expect, test } from 'vitest';
import { updateObject, refusedError } from '../../../../mirror-job/engine/store/compare-and-swap.ts';
import { MemoryStore } from '../../support/memory-store.ts';

test.for([undefined, 'before '])(
  'an object that held %j is not written over what another writer puts there at the same moment',
  async (held) => {
    const store = new MemoryStore();
    const put = (text: string) =>
      store.objects.set('key', { bytes: Buffer.from(text), etag: `"${text}"`, contentType: 'text/plain' });
    if (held !== undefined) put(held);
    store.before = (call) => {
      if (call !== 'put') return;
      store.before = () => {};
      put('theirs ');
    };
    await updateObject(store, 'key', 'text/plain', (bytes) =>
      Buffer.concat([bytes ?? new Uint8Array(), Buffer.from('ours')]),
    );
    expect(Buffer.from(store.objects.get('key')?.bytes ?? []).toString()).toBe('theirs ours');
  },
);

function object(etag: string, text: string) {
  return { etag, bytes: new Uint8Array(Buffer.from(text)), contentType: undefined };
}

const OTHER_WRITER =
  'a store: the/key could not be written: another writer changed it in each of the 3 attempts of this run. Run again when the other run has ended.';
function ofTheStore(header: string): string {
  return `a store: the/key could not be written: the store refused the write 3 times as if somebody had changed the object, but each read gave the same object. The store does not honour ${header}.`;
}

const one = object('"1"', 'a');

test.for<readonly [string, Parameters<typeof refusedError>[3], string]>([
  ['it was never there', [undefined, undefined, undefined], ofTheStore('If-None-Match')],
  ['it was the same each time', [one, object('"1"', 'a'), one], ofTheStore('If-Match')],
  ['its ETag changed', [one, object('"2"', 'a'), one], OTHER_WRITER],
  ['its bytes changed', [one, one, object('"1"', 'b')], OTHER_WRITER],
  ['its length changed', [one, object('"1"', 'ab'), one], OTHER_WRITER],
  ['it came', [undefined, one, one], OTHER_WRITER],
  ['it went', [one, one, undefined], OTHER_WRITER],
  ['fewer writes were refused than there were attempts', [one, one], OTHER_WRITER],
])('an object could not be written, and %s', ([, refused, message]) => {
  expect(refusedError({ name: 'a store' }, 'the/key', 3, refused).message).toBe(message);
});
