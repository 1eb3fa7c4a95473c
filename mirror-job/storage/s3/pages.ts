/** Reads the lists of a bucket, which come in pages. Providers end their lists in different ways. */
import type { ListedUpload } from './bucket-calls.ts';
import { isCalled, OddAnswerError, statusOf } from './s3-error.ts';

/**
 * @param next the token in the page; empty for none
 * @param token that of the page itself
 * @returns the token of the next page; undefined after the last one
 * @throws {OddAnswerError} for a page that leads to itself, because half a list would pass for a whole one
 */
export function tokenAfter(
  isTruncated: boolean | undefined,
  next: string,
  token: string | undefined,
): string | undefined {
  // Some servers send an empty token with the last page, which would lead to the first page again.
  if (isTruncated === false || next === '') return undefined;
  if (next === token) throw new OddAnswerError('the pages of the list lead in a circle');
  return next;
}

/** @returns undefined for a text that is no time */
export function timeOf(text: string | undefined): Date | undefined {
  const time = new Date(text ?? '');
  return Number.isNaN(time.getTime()) ? undefined : time;
}

/** The place in the list of uploads where a page begins. */
export interface UploadMarker {
  readonly key: string;
  readonly id: string | undefined;
}

export interface UploadsPage {
  readonly uploads: readonly ListedUpload[];
  /** Undefined after the last page. */
  readonly next: UploadMarker | undefined;
}

/**
 * @param pageFrom reads the page that begins at a place; undefined for the first page
 * @returns all open uploads; none if the provider cannot list them
 */
export async function readUploads(
  pageFrom: (marker: UploadMarker | undefined) => Promise<UploadsPage>,
): Promise<ListedUpload[]> {
  const all: ListedUpload[] = [];
  let marker: UploadMarker | undefined;
  for (;;) {
    try {
      const { uploads, next } = await pageFrom(marker);
      all.push(...uploads);
      // A server that says "more" without a new marker would be asked the same for ever.
      const isSame = next?.key === marker?.key && next?.id === marker?.id;
      if (next === undefined || next.key === '' || isSame) return all;
      marker = next;
    } catch (error) {
      // A provider that cannot list uploads clears them by its own rules. No run depends on the list.
      if (statusOf(error) === 501 || isCalled(error, 'NotImplemented')) return all;
      throw error;
    }
  }
}

/** Aborts an upload. It is no error if the upload is gone already. */
export async function abortIfOpen(abort: () => Promise<void>): Promise<void> {
  try {
    await abort();
  } catch (error) {
    if (!isCalled(error, 'NoSuchUpload')) throw error;
  }
}
