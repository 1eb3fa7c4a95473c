/** Holds a bucket in memory, so that a test can make any single call fail, and see which calls were made. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  UploadLostError,
  type ListedObject,
  type OpenUpload,
  type PrunableStore,
  type PutOptions,
  type PutResult,
  type StoredObject,
  type Upload,
} from '../../../mirror-job/engine/store/store.ts';

export type StoreCall =
  | 'get'
  | 'stream'
  | 'size'
  | 'put'
  | 'delete'
  | 'list'
  | 'entries'
  | 'beginUpload'
  | 'putPart'
  | 'completeUpload'
  | 'abortUpload'
  | 'openUploads';

interface BegunUpload {
  readonly key: string;
  readonly contentType: string;
  readonly begun: Date;
  readonly parts: Map<number, Uint8Array>;
}

export class MemoryStore implements PrunableStore {
  readonly name: string;
  readonly objects = new Map<string, StoredObject>();
  readonly #written = new Map<string, Date>();
  readonly uploads = new Map<string, BegunUpload>();
  /** The calls in the order in which they began, each as `<call> <key>`. */
  readonly calls: string[] = [];
  /** Runs before each call does anything. If it throws, the call throws the same error. */
  before: (call: StoreCall, key: string) => void | Promise<void> = () => {};
  /** The conditions that this store ignores. */
  ignores: ReadonlySet<'ifMatch' | 'ifNoneMatch'> = new Set();
  now: () => Date = () => new Date(0);
  #ids = 0;

  constructor(name = 'The bucket in memory') {
    this.name = name;
  }

  async get(key: string): Promise<StoredObject | undefined> {
    await this.#begin('get', key);
    const object = this.objects.get(key);
    // The bytes are copied, because a caller may change the bytes that it has read over a network.
    return object === undefined ? undefined : { ...object, bytes: new Uint8Array(object.bytes) };
  }

  async stream(key: string, offset: number): Promise<AsyncIterable<Uint8Array> | undefined> {
    await this.#begin('stream', key);
    const bytes = this.objects.get(key)?.bytes.subarray(offset);
    return bytes === undefined ? undefined : Readable.from(bytes.length === 0 ? [] : [bytes]);
  }

  async size(key: string): Promise<number | undefined> {
    await this.#begin('size', key);
    return this.objects.get(key)?.bytes.length;
  }

  async put(key: string, bytes: Uint8Array, { contentType, condition }: PutOptions): Promise<PutResult> {
    await this.#begin('put', key);
    const present = this.objects.get(key);
    if (condition !== undefined) {
      if ('ifMatch' in condition) {
        if (!this.ignores.has('ifMatch') && present?.etag !== condition.ifMatch) return 'conflict';
      } else if (!this.ignores.has('ifNoneMatch') && present !== undefined) return 'conflict';
    }
    this.#store(key, bytes, contentType);
    return 'written';
  }

  async delete(key: string): Promise<void> {
    await this.#begin('delete', key);
    this.objects.delete(key);
  }

  async list(prefix: string, limit: number): Promise<readonly string[]> {
    await this.#begin('list', prefix);
    return [...this.objects.keys()]
      .filter((key) => key.startsWith(prefix))
      .toSorted()
      .slice(0, limit);
  }

  async *entries(prefix: string): AsyncGenerator<ListedObject> {
    await this.#begin('entries', prefix);
    for (const key of [...this.objects.keys()].toSorted()) {
      const object = this.objects.get(key);
      if (object === undefined || !key.startsWith(prefix)) continue;
      yield { key, size: object.bytes.length, etag: object.etag, written: this.#written.get(key) };
    }
  }

  async beginUpload(key: string, contentType: string): Promise<Upload> {
    await this.#begin('beginUpload', key);
    this.#ids += 1;
    const id = `upload-${this.#ids}`;
    this.uploads.set(id, { key, contentType, begun: this.now(), parts: new Map() });
    return {
      putPart: (number, bytes) => this.#putPart(key, id, number, bytes),
      complete: () => this.#complete(key, id),
      abort: () => this.#abort(key, id),
    };
  }

  async #putPart(key: string, id: string, number: number, bytes: Uint8Array): Promise<void> {
    await this.#begin('putPart', `${key} ${number}`);
    this.#upload(id).parts.set(number, new Uint8Array(bytes));
  }

  async #complete(key: string, id: string): Promise<void> {
    await this.#begin('completeUpload', key);
    const { contentType, parts } = this.#upload(id);
    const inOrder = [...parts].toSorted(([one], [other]) => one - other);
    this.#store(key, Buffer.concat(inOrder.map(([, bytes]) => bytes)), contentType);
    this.uploads.delete(id);
  }

  async #abort(key: string, id: string): Promise<void> {
    await this.#begin('abortUpload', key);
    this.uploads.delete(id);
  }

  async openUploads(prefix: string): Promise<readonly OpenUpload[]> {
    await this.#begin('openUploads', prefix);
    return [...this.uploads]
      .filter(([, { key }]) => key.startsWith(prefix))
      .map(([id, { key, begun }]) => ({ key, begun, abort: () => this.#abort(key, id) }));
  }

  /** Returns an object's JSON. @throws if there is no such object */
  json(key: string): unknown {
    const object = this.objects.get(key);
    if (object === undefined) throw new Error(`There is no ${key}.`);
    return JSON.parse(Buffer.from(object.bytes).toString('utf8'));
  }

  /** Returns the keys that contain a text, in sorted order. */
  keys(containing = ''): string[] {
    return [...this.objects.keys()].filter((key) => key.includes(containing)).toSorted();
  }

  #upload(id: string): BegunUpload {
    const upload = this.uploads.get(id);
    if (upload === undefined) throw new UploadLostError(`There is no upload ${id}.`);
    return upload;
  }

  /** Stores an object. An ETag covers the body alone, as on S3. */
  #store(key: string, bytes: Uint8Array, contentType: string): void {
    const etag = `"${createHash('md5').update(bytes).digest('hex')}"`;
    // `slice` would not do, because it gives another view of the same bytes if they are a Buffer.
    this.objects.set(key, { bytes: new Uint8Array(bytes), etag, contentType });
    this.#written.set(key, this.now());
  }

  async #begin(call: StoreCall, key: string): Promise<void> {
    this.calls.push(`${call} ${key}`);
    await this.before(call, key);
  }
}
