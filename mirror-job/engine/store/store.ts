/**
 * What the engine asks of a bucket. Each call either does what it says, or throws a StoreError: "absent" and
 * "somebody else was first" are answers, a store that failed is never taken for either.
 */

import type { Timekeeper } from '../support/server-clock.ts';

export interface StoredObject {
  readonly bytes: Uint8Array;
  readonly etag: string;
  readonly contentType: string | undefined;
}

/** Write only if the object is still the one with this ETag, or only if there is none. */
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
  /** How messages call it: endpoint, bucket and prefix. */
  readonly name: string;
  get(key: string): Promise<StoredObject | undefined>;
  /** @returns the size in bytes, or undefined when there is no such object */
  size(key: string): Promise<number | undefined>;
  /** @throws {ConditionRefusedError} */
  put(key: string, bytes: Uint8Array, options: PutOptions): Promise<PutResult>;
  /** Keys that start with `prefix`, in order, at most `limit`. */
  list(prefix: string, limit: number): Promise<readonly string[]>;
  /** Begins a multipart upload, for an object that is too large for one `put`. */
  beginUpload(key: string, contentType: string): Promise<Upload>;
  /** The uploads to keys that start with `prefix`; empty if the provider cannot list them. */
  openUploads(prefix: string): Promise<readonly OpenUpload[]>;
}

/** A store that is only read, and from which a large object is read piece by piece. */
export interface ReadableStore extends Pick<Store, 'name' | 'get' | 'size' | 'list'>, Timekeeper {
  /**
   * The bytes of an object from `offset` on.
   * @returns undefined when there is no such object. @throws {StoreError}, also while it is read
   */
  stream(key: string, offset: number): Promise<AsyncIterable<Uint8Array> | undefined>;
}

/** What a listing says of an object. */
export interface ListedObject {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  readonly etag: string;
}

/** A store that can be compared with another one, and copied from. */
export interface ComparableStore extends Store, ReadableStore {
  /** Every object whose key starts with `prefix`, in no order that counts. @throws {StoreError}, also in between */
  entries(prefix: string): AsyncIterable<ListedObject>;
}

/** The store did not do what it was asked; the message names the store, the call and the key. */
export class StoreError extends Error {
  override readonly name: string = 'StoreError';
}

/** The stores disagree, and no run can tell which one is right: a person has to decide. */
export class UndecidedError extends StoreError {
  override readonly name = 'UndecidedError';
}

/** A write was refused because it had a condition at all: this store honours none. */
export class ConditionRefusedError extends StoreError {
  override readonly name = 'ConditionRefusedError';
  /** The store's answer, such as `501 NotImplemented`. */
  readonly answer: string;

  constructor(message: string, answer: string, options?: ErrorOptions) {
    super(message, options);
    this.answer = answer;
  }
}

/** The call was given up because the run has to stop, and takes long by its nature: the store may be well. */
export class StoppedError extends StoreError {
  override readonly name = 'StoppedError';
}

/** The upload is not there any more: another run completed the same blob and cleared it, or a lifecycle rule did. */
export class UploadLostError extends StoreError {
  override readonly name = 'UploadLostError';
}
