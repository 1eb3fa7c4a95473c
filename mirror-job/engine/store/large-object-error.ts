/** An object of the bucket that has more bytes than any of its kind, and what to do about it. docs/decisions/0099-small-objects.md */
import { kindOfKey } from '../../../core/key-kind.ts';
import { repositoryIndexKey } from '../../../core/layout.ts';
import { maxSizeOf } from '../../../core/object-size.ts';
import { StoreError } from './store.ts';

/** Asking again would not help. */
export class LargeObjectError extends StoreError {
  override readonly name = 'LargeObjectError';
  /** The message without the next step, for a run that replaces the object. */
  readonly fact: string;
  /** The stored object's. */
  readonly etag: string;

  /** @param store how messages call it */
  constructor(store: string, key: string, etag: string) {
    const fact = `${store}: could not read ${key}: it has more than ${maxSizeOf(key)} bytes, which no object of its kind has.`;
    super(`${fact} ${nextStepFor(key)}`);
    this.fact = fact;
    this.etag = etag;
  }
}

/** Whether an error, or the one that it was made from, is a LargeObjectError. */
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
    // Written only with a manifest that is new to the repository.
    case 'link':
    // Not read whole.
    case 'blob':
    // `lifeboat.json`
    case undefined:
      return 'Bring its earlier version back: no run makes it anew.';
  }
}
