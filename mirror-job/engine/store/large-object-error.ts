/** The error for an object that is larger than any of its kind, with the next step. docs/decisions/0099-small-objects.md */
import { kindOfKey } from '../../../core/key-kind.ts';
import { repositoryIndexKey } from '../../../core/layout.ts';
import { maxSizeOf } from '../../../core/object-size.ts';
import { StoreError } from './store.ts';

/** Reading the object again would not help. */
export class LargeObjectError extends StoreError {
  override readonly name = 'LargeObjectError';
  /** The message without the next step, for a run that replaces the object. */
  readonly fact: string;
  /** The ETag of the stored object. */
  readonly etag: string;

  /** @param store the name of the store */
  constructor(store: string, key: string, etag: string) {
    const fact = `${store}: could not read ${key}: it has more than ${maxSizeOf(key)} bytes, which no object of its kind has.`;
    super(`${fact} ${nextStepFor(key)}`);
    this.fact = fact;
    this.etag = etag;
  }
}

/** @returns whether an error or its cause is a LargeObjectError */
export function isLargeObject(error: Error): boolean {
  return error instanceof LargeObjectError || error.cause instanceof LargeObjectError;
}

function nextStepFor(key: string): string {
  const kind = kindOfKey(key);
  switch (kind?.kind) {
    case 'state':
      return 'Delete it: the next run makes it anew.';
    case 'index':
      return 'Delete it: the next run makes it anew from the tags.';
    case 'movement':
      return 'Delete it: only the history of its tag needs it.';
    case 'tag':
      return `Delete it and ${repositoryIndexKey(kind.repository)}, and run "lifeboat sync". If the tag was held, hold it again.`;
    case 'tag list':
    case 'referrers':
    case 'manifest':
      return `Delete it and ${repositoryIndexKey(kind.repository)}, and run "lifeboat sync".`;
    // Links are written only with a manifest that is new to the repository.
    case 'link':
    // Blobs are not read as one object.
    case 'blob':
    // `lifeboat.json`
    case undefined:
      return 'Bring its earlier version back: no run makes it anew.';
  }
}
