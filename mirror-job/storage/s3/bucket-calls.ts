/** The calls to a bucket that are answered in XML, and those that find AWS's own address and keys. Every key has the prefix. */
import type { ListedObject } from '../../engine/store/store.ts';
import type { Keys } from './request-signer.ts';

/** An upload as S3 lists it. */
export interface ListedUpload {
  readonly key: string;
  readonly id: string;
  readonly begun: Date;
}

export interface ListedPage {
  readonly objects: readonly ListedObject[];
  /** Undefined after the last page. */
  readonly next: string | undefined;
}

/** They throw an error that `refusalOf` understands, and what a connection throws. */
export interface BucketCalls {
  /** @returns the keys of the configuration's provider, renewed before they expire */
  keys(): Promise<Keys>;
  /** @returns the bucket's address, which ends in a slash */
  address(): Promise<URL>;
  /** @param limit the most objects of the page */
  listPage(prefix: string, limit: number | undefined, token: string | undefined): Promise<ListedPage>;
  /** @returns the upload's id */
  beginUpload(key: string, contentType: string): Promise<string>;
  /** @param etags by the number of a part, in any order */
  completeUpload(key: string, upload: string, etags: ReadonlyMap<number, string>): Promise<void>;
  /** It is no error if the upload is gone already. */
  abortUpload(key: string, upload: string): Promise<void>;
  /** @returns none if the provider cannot list them */
  openUploads(prefix: string): Promise<readonly ListedUpload[]>;
}
