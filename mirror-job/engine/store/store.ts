/**
 * The interface of a bucket for the engine. Each call either does what it says or throws a StoreError. "Absent" and
 * "somebody else was first" are results, and a store that failed never returns either. Every store passes
 * test/mirror-job/support/store-contract.ts.
 */

import type { Timekeeper } from '../support/server-clock.ts';

export interface StoredObject {
  readonly bytes: Uint8Array;
  readonly etag: string;
  readonly contentType: string | undefined;
}

/** Writes only if the object still has this ETag, or only if there is no object. */
export type Condition = { readonly ifMatch: string } | { readonly ifNoneMatch: '*' };

export interface PutOptions {
  readonly contentType: string;
  readonly condition?: Condition;
}

/** `conflict`: the condition did not hold, and nothing was written. */
export type PutResult = 'written' | 'conflict';

/**
 * A multipart upload. Its object appears at once and whole when `complete` returns, and never if it is aborted. The
 * parts may be written in any order and at the same time.
 */
export interface Upload {
  /**
   * @param number from 1. Each part but the last has the same size
   * @throws {UploadLostError}
   */
  putPart(number: number, bytes: Uint8Array): Promise<void>;
  /** Makes the object of the parts that were written, in the order of their numbers. @throws {UploadLostError} */
  complete(): Promise<void>;
  /** It is no error if the upload is gone already. */
  abort(): Promise<void>;
}

/** A multipart upload of any run that was begun and neither completed nor aborted. */
export interface OpenUpload extends Pick<Upload, 'abort'> {
  readonly key: string;
  readonly begun: Date;
}

export interface Store {
  /** The name in messages, with endpoint, bucket and prefix. */
  readonly name: string;
  /** @returns undefined if there is no such object */
  get(key: string): Promise<StoredObject | undefined>;
  /** @returns the size in bytes; undefined if there is no such object */
  size(key: string): Promise<number | undefined>;
  /** @throws {ConditionRefusedError} */
  put(key: string, bytes: Uint8Array, options: PutOptions): Promise<PutResult>;
  /** @returns at most `limit` keys that start with `prefix`, in order */
  list(prefix: string, limit: number): Promise<readonly string[]>;
  /** Begins a multipart upload, for an object that is too large for one `put`. */
  beginUpload(key: string, contentType: string): Promise<Upload>;
  /** The uploads to keys that start with `prefix`; empty if the provider cannot list them. */
  openUploads(prefix: string): Promise<readonly OpenUpload[]>;
}

/** A store that is only read, also in pieces of a large object. */
export interface ReadableStore extends Pick<Store, 'name' | 'get' | 'size' | 'list'>, Timekeeper {
  /**
   * @returns the bytes of an object from `offset` on; undefined if there is no such object
   * @throws {StoreError}, also while the bytes are read
   */
  stream(key: string, offset: number): Promise<AsyncIterable<Uint8Array> | undefined>;
}

/** An object as a listing has it. */
export interface ListedObject {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  readonly etag: string;
  /** When it was written, if the listing says so. */
  readonly written?: Date | undefined;
}

/** A store that can be compared with another one and copied from. */
export interface ComparableStore extends Store, ReadableStore {
  /** Every object whose key starts with `prefix`, in any order. @throws {StoreError}, also between two objects */
  entries(prefix: string): AsyncIterable<ListedObject>;
}

/**
 * A store of which objects can be deleted. No layer has the method, so nothing but pruning can delete anything
 * (docs/decisions/0174-two-sweeps-and-a-fence.md).
 */
export interface PrunableStore extends ComparableStore {
  /** It is no error if there is no such object. */
  delete(key: string): Promise<void>;
}

/** The store did not do what it was asked for. The message names the store, the call and the key. */
export class StoreError extends Error {
  override readonly name: string = 'StoreError';
}

/** The stores disagree, and a person has to decide, because no run can tell which one is right. */
export class UndecidedError extends StoreError {
  override readonly name = 'UndecidedError';
}

/** A write was refused because it had a condition, of which this store honours none. */
export class ConditionRefusedError extends StoreError {
  override readonly name = 'ConditionRefusedError';
  /** The store's answer, such as `501 NotImplemented`. */
  readonly answer: string;

  constructor(message: string, answer: string, options?: ErrorOptions) {
    super(message, options);
    this.answer = answer;
  }
}

/** The call was given up because the run has to stop. The store may be healthy, because such a call takes long. */
export class StoppedError extends StoreError {
  override readonly name = 'StoppedError';
}

/** The upload is gone, because another run that completed the same blob cleared it, or a lifecycle rule did. */
export class UploadLostError extends StoreError {
  override readonly name = 'UploadLostError';
}
