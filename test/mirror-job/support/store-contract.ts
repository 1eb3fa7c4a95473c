/**
 * Tests everything for which the engine relies on a store. Every store passes these tests: the one in memory, S3
 * servers, several stores as one.
 */
import { createHash } from 'node:crypto';
import { beforeEach, expect, test } from 'vitest';
import { DEFAULT_LIMITS } from '../../../mirror-job/engine/runtime.ts';
import {
  UploadLostError,
  type ComparableStore,
  type PrunableStore,
  type Store,
} from '../../../mirror-job/engine/store/store.ts';
import { BufferPool } from '../../../mirror-job/engine/transfer/buffer-pool.ts';
import { uploadBlob } from '../../../mirror-job/engine/transfer/upload.ts';
import { bytesOf as collect, randomBlob } from '../../support/content.ts';

const MEBIBYTE = 1024 * 1024;
/** The smallest size that S3 takes for all parts but the last. */
const PART_BYTES = 5 * MEBIBYTE;
const TEXT = 'text/plain';

export interface ContractOptions {
  /** False for a provider that cannot list uploads, such as R2. */
  readonly listsUploads?: boolean;
  /** How often an object is replaced while others read it; 100 by default. A slow store gets a smaller number. */
  readonly replacements?: number;
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

async function textOf(store: Store, key: string): Promise<string | undefined> {
  const object = await store.get(key);
  return object === undefined ? undefined : new TextDecoder().decode(object.bytes);
}

async function itemsOf<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** @returns each key once, because each of several stores lists its own upload */
async function openUploadsOf(store: Store, prefix: string): Promise<string[]> {
  return [...new Set((await store.openUploads(prefix)).map(({ key }) => key))];
}

function versionOf(index: number): Uint8Array {
  return bytesOf(`version ${index} `.repeat(500));
}

/**
 * Registers the tests that every store passes.
 * @param open returns an empty store. It is called once per test
 */
export function storeContract(
  open: () => Store | Promise<Store>,
  { listsUploads = true, replacements = 100 }: ContractOptions = {},
): void {
  let store: Store;
  beforeEach(async () => {
    store = await open();
  });

  test('a written object is read with its bytes, its size and its type, and a missing one gives undefined', async () => {
    expect(await store.put('a/b', bytesOf('hello'), { contentType: TEXT })).toBe('written');
    const object = await store.get('a/b');
    expect(object).toMatchObject({ contentType: TEXT });
    expect(new Uint8Array(object?.bytes ?? [])).toEqual(bytesOf('hello'));
    expect(await store.size('a/b')).toBe(5);
    expect([await store.get('a/c'), await store.size('a/c')]).toEqual([undefined, undefined]);
    expect([await store.get('a'), await store.size('a')]).toEqual([undefined, undefined]);
  });

  test('an empty object exists, with the size 0', async () => {
    await store.put('empty', new Uint8Array(), { contentType: TEXT });
    expect(await store.size('empty')).toBe(0);
    expect(await textOf(store, 'empty')).toBe('');
  });

  test('a later write replaces the bytes, the type and the ETag', async () => {
    await store.put('key', bytesOf('first'), { contentType: TEXT });
    const first = await store.get('key');
    await store.put('key', bytesOf('the second'), { contentType: 'application/json' });
    const second = await store.get('key');
    expect([await textOf(store, 'key'), second?.contentType]).toEqual(['the second', 'application/json']);
    expect(await store.size('key')).toBe(10);
    expect(second?.etag).not.toBe(first?.etag);
  });

  test.each(['a b', "$&+,;=@!'()*~", '100%25', 'ü', 'v1.2.3-rc.1_x'])(
    'the key “%s” names one object, however it is encoded on its way',
    async (name) => {
      const key = `repositories/a.b_5000/${name}/x`;
      await store.put(key, bytesOf(name), { contentType: TEXT });
      expect([await textOf(store, key), await store.size(key)]).toEqual([name, bytesOf(name).length]);
      expect(await store.list('', 10)).toEqual([key]);
    },
  );

  test('the caller may change the bytes of a write and of a read afterwards', async () => {
    const bytes = Buffer.from('hello');
    await store.put('key', bytes, { contentType: TEXT });
    bytes.fill(0);
    const read = await store.get('key');
    read?.bytes.fill(0);
    expect(await textOf(store, 'key')).toBe('hello');
  });

  test('If-None-Match: * writes a key only once', async () => {
    const options = { contentType: TEXT, condition: { ifNoneMatch: '*' as const } };
    expect(await store.put('once', bytesOf('first'), options)).toBe('written');
    expect(await store.put('once', bytesOf('second'), options)).toBe('conflict');
    expect(await textOf(store, 'once')).toBe('first');
  });

  test('If-Match writes over the object that was read, and over nothing else', async () => {
    await store.put('guarded', bytesOf('first'), { contentType: TEXT });
    const ifMatch = (await store.get('guarded'))?.etag ?? '';
    const options = { contentType: TEXT, condition: { ifMatch } };
    expect(await store.put('guarded', bytesOf('second'), options)).toBe('written');
    expect(await store.put('guarded', bytesOf('third'), options)).toBe('conflict');
    expect(await store.put('absent', bytesOf('x'), options)).toBe('conflict');
    expect([await textOf(store, 'guarded'), await textOf(store, 'absent')]).toEqual(['second', undefined]);
  });

  test.each(['If-None-Match', 'If-Match'])(
    'exactly one of several writers that race for one key wins: %s',
    async (header) => {
      if (header === 'If-Match') await store.put('race', bytesOf('first'), { contentType: TEXT });
      const etag = (await store.get('race'))?.etag;
      const condition = etag === undefined ? { ifNoneMatch: '*' as const } : { ifMatch: etag };
      const results = await Promise.all(
        Array.from({ length: 8 }, (_, index) =>
          store.put('race', bytesOf(String(index)), { contentType: TEXT, condition }),
        ),
      );
      expect(results.toSorted()).toEqual([...Array.from({ length: 7 }, () => 'conflict'), 'written']);
      expect(await textOf(store, 'race')).toBe(String(results.indexOf('written')));
    },
  );

  test('a read while an object is replaced returns the ETag of the body that it returns', async () => {
    await store.put('replaced', versionOf(0), { contentType: TEXT });
    const over = new AbortController();
    const torn: string[] = [];
    const read = async () => {
      while (!over.signal.aborted) {
        const { bytes, etag } = (await store.get('replaced')) ?? { bytes: new Uint8Array(), etag: '' };
        const md5 = createHash('md5').update(bytes).digest('hex');
        if (etag !== `"${md5}"`) torn.push(`${etag} ${md5}`);
        // The pause is needed, because a store in memory answers without ever giving way to timers and sockets.
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const readers = Array.from({ length: 8 }, read);
    for (let index = 1; index <= replacements; index += 1) {
      await store.put('replaced', versionOf(index), { contentType: TEXT });
    }
    over.abort();
    await Promise.all(readers);
    expect(torn).toEqual([]);
  });

  test('list returns the keys below a prefix, in order, and no more than the limit', async () => {
    for (const key of ['x/2', 'x/1', 'y/1', 'x/3', 'xy']) {
      await store.put(key, bytesOf(key), { contentType: TEXT });
    }
    expect(await store.list('x/', 10)).toEqual(['x/1', 'x/2', 'x/3']);
    expect(await store.list('x/', 2)).toEqual(['x/1', 'x/2']);
    expect(await store.list('x', 10)).toEqual(['x/1', 'x/2', 'x/3', 'xy']);
    expect(await store.list('', 10)).toEqual(['x/1', 'x/2', 'x/3', 'xy', 'y/1']);
    expect(await store.list('z/', 10)).toEqual([]);
  });

  test('a multipart upload becomes an object, whole, only when it is completed', async () => {
    const first = await collect(randomBlob('part 1', PART_BYTES));
    const second = await collect(randomBlob('part 2', PART_BYTES));
    const third = await collect(randomBlob('part 3', 1000));
    await store.put('blobs/large', bytesOf('before'), { contentType: 'text/html' });
    const upload = await store.beginUpload('blobs/large', TEXT);
    await upload.putPart(2, second);
    await Promise.all([upload.putPart(3, third), upload.putPart(1, first)]);
    expect(await store.size('blobs/large')).toBe(6);
    expect(await openUploadsOf(store, 'blobs/')).toEqual(listsUploads ? ['blobs/large'] : []);
    expect(await store.openUploads('other/')).toEqual([]);
    await upload.complete();
    const stored = await store.get('blobs/large');
    expect(Buffer.from(stored?.bytes ?? []).equals(Buffer.concat([first, second, third]))).toBe(true);
    expect([await store.size('blobs/large'), stored?.contentType]).toEqual([2 * PART_BYTES + 1000, TEXT]);
    expect(await store.openUploads('blobs/')).toEqual([]);
  });

  test('the caller may reuse the bytes of a part as soon as the part is written', async () => {
    const upload = await store.beginUpload('blobs/reused', TEXT);
    const bytes = Buffer.from('hello');
    await upload.putPart(1, bytes);
    bytes.fill(0);
    await upload.complete();
    expect(await textOf(store, 'blobs/reused')).toBe('hello');
  });

  test('an aborted upload leaves nothing, and every later call on it fails with UploadLostError', async () => {
    const upload = await store.beginUpload('blobs/aborted', TEXT);
    await upload.putPart(1, bytesOf('x'));
    await upload.abort();
    await upload.abort();
    await expect(upload.putPart(1, bytesOf('x'))).rejects.toBeInstanceOf(UploadLostError);
    await expect(upload.complete()).rejects.toBeInstanceOf(UploadLostError);
    expect(await store.size('blobs/aborted')).toBeUndefined();
    expect(await store.openUploads('blobs/')).toEqual([]);
  });

  test('an upload that another run left is aborted from the list, if the provider lists it', async () => {
    const upload = await store.beginUpload('blobs/left', TEXT);
    await upload.putPart(1, bytesOf('x'));
    for (const listed of await store.openUploads('blobs/')) await listed.abort();
    expect(await store.openUploads('blobs/')).toEqual([]);
    const ending = upload.complete().then(
      () => 'completed',
      (error: unknown) => (error instanceof UploadLostError ? 'lost' : error),
    );
    expect(await ending).toBe(listsUploads ? 'lost' : 'completed');
    expect(await store.size('blobs/left')).toBe(listsUploads ? undefined : 1);
  });

  test('a stream that throws at its very end leaves neither a blob nor an upload', async () => {
    const size = 12 * MEBIBYTE;
    async function* body(): AsyncGenerator<Uint8Array> {
      yield* randomBlob('body', size).open();
      throw new Error('the digest is another one');
    }
    const environment = {
      store,
      buffers: new BufferPool(64 * MEBIBYTE, PART_BYTES),
      limits: { ...DEFAULT_LIMITS, partSize: PART_BYTES },
      log: { info: () => {}, warn: () => {} },
    };
    await expect(uploadBlob(environment, 'blobs/wrong', size, body(), TEXT)).rejects.toThrow('another one');
    expect(await store.size('blobs/wrong')).toBeUndefined();
    expect(await store.openUploads('blobs/')).toEqual([]);
  });
}

/**
 * Registers the same tests, and those for which catching up, exporting rely on a bucket.
 * @param open has the same meaning as in `storeContract`
 */
export function bucketContract(
  open: () => ComparableStore | Promise<ComparableStore>,
  options?: ContractOptions,
): void {
  storeContract(open, options);

  test('entries returns the size and the ETag of every object below a prefix', async () => {
    const store = await open();
    for (const key of ['x/1', 'x/22', 'y/1']) await store.put(key, bytesOf(key), { contentType: TEXT });
    const entries = async (prefix: string) =>
      (await itemsOf(store.entries(prefix)))
        .map(({ key, size, etag }) => ({ key, size, etag }))
        .toSorted((one, other) => (one.key < other.key ? -1 : 1));
    const expected = async (key: string) => ({ key, size: key.length, etag: (await store.get(key))?.etag });
    expect(await entries('x/')).toEqual([await expected('x/1'), await expected('x/22')]);
    expect((await entries('')).map(({ key }) => key)).toEqual(['x/1', 'x/22', 'y/1']);
    expect(await entries('z/')).toEqual([]);
  });

  test('entries come in the order of their keys, because pruning holds one repository at a time', async () => {
    const store = await open();
    for (const key of ['a/_x', 'a/b/_x', 'a/1/_x', 'a/_y', 'a/B', 'a-b']) {
      await store.put(key, bytesOf(key), { contentType: TEXT });
    }
    const keys = (await itemsOf(store.entries(''))).map(({ key }) => key);
    expect(keys).toEqual(['a-b', 'a/1/_x', 'a/B', 'a/_x', 'a/_y', 'a/b/_x']);
  });

  test('stream reads an object from an offset on, and returns undefined for a missing one', async () => {
    const store = await open();
    const blob = await collect(randomBlob('streamed', MEBIBYTE));
    await store.put('blobs/x', blob, { contentType: TEXT });
    await store.put('blobs/empty', new Uint8Array(), { contentType: TEXT });
    const read = async (key: string, offset: number) => {
      const body = await store.stream(key, offset);
      return body === undefined ? undefined : Buffer.concat(await itemsOf(body));
    };
    expect((await read('blobs/x', 0))?.equals(blob)).toBe(true);
    expect((await read('blobs/x', 1000))?.equals(blob.subarray(1000))).toBe(true);
    expect([await read('blobs/empty', 0), await read('blobs/none', 0)]).toEqual([Buffer.alloc(0), undefined]);
  });
}

/**
 * Registers the same tests, and those for which pruning relies on a bucket.
 * @param open has the same meaning as in `storeContract`
 */
export function prunableContract(
  open: () => PrunableStore | Promise<PrunableStore>,
  options?: ContractOptions,
): void {
  bucketContract(open, options);

  test('entries say when each object was written', async () => {
    const store = await open();
    await store.put('x/1', bytesOf('1'), { contentType: TEXT });
    const [entry] = await itemsOf(store.entries('x/'));
    expect(entry?.written).toBeInstanceOf(Date);
  });

  test('a deleted object is gone for every call, and may be deleted and written again', async () => {
    const store = await open();
    for (const key of ['x/1', 'x/2']) await store.put(key, bytesOf(key), { contentType: TEXT });
    await store.delete('x/1');
    await store.delete('x/1');
    await store.delete('never/there');
    expect([await store.get('x/1'), await store.size('x/1')]).toEqual([undefined, undefined]);
    expect([await store.list('x/', 10), (await itemsOf(store.entries('x/'))).length]).toEqual([['x/2'], 1]);
    const condition = { ifNoneMatch: '*' as const };
    expect(await store.put('x/1', bytesOf('again'), { contentType: TEXT, condition })).toBe('written');
    expect(await textOf(store, 'x/1')).toBe('again');
  });
}
