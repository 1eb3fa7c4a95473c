/** The store over an R2 binding keeps the contract, in workerd. */
import { env } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';
import { repositoryIndexKey } from '../../../../core/layout.ts';
import { parseRepository } from '../../../../core/reference.ts';
import { LargeObjectError } from '../../../../mirror-job/engine/store/large-object-error.ts';
import { StoreError } from '../../../../mirror-job/engine/store/store.ts';
import type { R2Binding } from '../../../../mirror-job/storage/r2/r2-binding.ts';
import { R2Store } from '../../../../mirror-job/storage/r2/r2-store.ts';
import { bucketContract } from '../../support/store-contract.ts';

const BUCKET: R2Binding = env.BUCKET;
let opened = 0;

/** Each prefix is a bucket of its own, because the tests of a file share the real one. */
function open(binding: R2Binding = BUCKET): R2Store {
  opened += 1;
  return new R2Store({ binding, bound: 'BUCKET', prefix: `store-${opened}/` });
}

describe('the store over an R2 binding', () => {
  bucketContract(() => open(), { listsUploads: false, replacements: 20 });
});

/** A binding whose calls of one method fail a few times before they reach R2. */
function failing(
  method: keyof R2Binding,
  times: number,
  error: Error,
): { binding: R2Binding; calls: () => number } {
  let calls = 0;
  const binding = new Proxy(BUCKET, {
    get(target, name) {
      const own: unknown = Reflect.get(target, name);
      if (typeof own !== 'function') return own;
      return async (...args: unknown[]) => {
        if (name === method) {
          calls += 1;
          if (calls <= times) throw error;
        }
        return Reflect.apply(own, target, args);
      };
    },
  });
  return { binding, calls: () => calls };
}

const INTERNAL = new Error('put: We encountered an internal error. Please try again. (10001)');

test.for([
  ['an internal error', INTERNAL],
  [
    'too many writes to one key',
    new Error('put: Reduce your concurrent request rate for the same object. (10058)'),
  ],
  ['a lost connection', new Error('Network connection lost.')],
] as const)('%s is called again', async ([, error]) => {
  const { binding, calls } = failing('put', 2, error);
  const store = open(binding);
  expect(await store.put('key', new Uint8Array(3), { contentType: 'text/plain' })).toBe('written');
  expect(calls()).toBe(3);
  expect(await store.size('key')).toBe(3);
});

test('an error that stays is a sentence with the bucket, the call and the key, after four calls', async () => {
  const { binding, calls } = failing('put', Infinity, INTERNAL);
  const store = open(binding);
  const put = store.put('some/key', new Uint8Array(), { contentType: 'text/plain' });
  await expect(put).rejects.toThrow(
    /^The R2 bucket that is bound as BUCKET \(prefix "store-\d+\/"\): could not write some\/key: put: We encountered/,
  );
  await expect(put).rejects.toBeInstanceOf(StoreError);
  expect(calls()).toBe(4);
});

test('an error of the call itself is not repeated', async () => {
  const { binding, calls } = failing(
    'get',
    Infinity,
    new Error('get: The specified object name is not valid. (10020)'),
  );
  await expect(open(binding).get('key')).rejects.toThrow(
    'could not read key: get: The specified object name',
  );
  expect(calls()).toBe(1);
});

test('an object that is larger than any of its kind is not read', async () => {
  const store = open();
  const key = repositoryIndexKey(parseRepository('docker.io/library/app')).replace(
    '_index.json',
    '_blobs/sha256/' + 'a'.repeat(64),
  );
  await store.put(key, new Uint8Array(100_000), { contentType: 'application/json' });
  await expect(store.get(key)).rejects.toBeInstanceOf(LargeObjectError);
});

test('a list longer than a page is whole, and a shorter limit holds', async () => {
  const store = open();
  const keys = Array.from({ length: 1005 }, (_, index) => `many/${String(index).padStart(4, '0')}`);
  for (const key of keys) await store.put(key, new Uint8Array(), { contentType: 'text/plain' });
  expect(await store.list('many/', 2000)).toEqual(keys);
  expect(await store.list('many/', 1001)).toEqual(keys.slice(0, 1001));
  let entries = 0;
  for await (const { key } of store.entries('many/')) {
    expect(key).toBe(keys[entries]);
    entries += 1;
  }
  expect(entries).toBe(1005);
});
