/**
 * How large the objects of a bucket can be that are read whole, in bytes and in values. Whoever can write a bucket could otherwise fill the
 * memory of the job, or of the edge, with one object. docs/decisions/0099
 */
import { kindOfKey } from './key-kind.ts';
import { IDENTITY_KEY, STORES_KEY } from './layout.ts';
import { MAX_MANIFEST_SIZE, MAX_MANIFEST_VALUES } from './manifest.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** A few fields, the longest of which is a reason for people. */
const RECORD = 64 * KIB;

/** The most bytes that the object at a key has. Blobs are not read whole, and a key that is none of the layout's is one of the largest. */
export function maxSizeOf(key: string): number {
  // One note per store, each with a reason that is cut.
  if (key === IDENTITY_KEY || key === STORES_KEY) return RECORD;
  switch (kindOfKey(key)?.kind) {
    case 'link':
    case 'movement':
      return RECORD;
    case 'manifest':
      return MAX_MANIFEST_SIZE;
    case 'tag':
      // The manifest as base64, beside a record.
      return Math.ceil(MAX_MANIFEST_SIZE / 3) * 4 + RECORD;
    case 'tag list':
    case 'referrers':
      // 100,000 tags of 128 characters; a page of referrers as the largest that a registry may send.
      return 16 * MIB;
    case 'index':
    case 'state':
    case 'blob':
    case undefined:
      // An index of 100,000 long tags, each with one more digest that upstream has shown, has 123 MB.
      return 128 * MIB;
  }
}

/** The most values that the JSON of the object at a key has, because an empty object takes twenty times the memory of its text. */
export function maxValuesOf(key: string): number {
  switch (kindOfKey(key)?.kind) {
    case 'index':
      // The shortest entries have more than 30 bytes per value, so no index of 128 MiB has more.
      return 4_500_000;
    case 'tag list':
      // An index of 128 MiB has fewer tags.
      return 500_000;
    default:
      // A list of 1,000 referrers with 200 annotations each, or a catalogue of 250,000 repositories.
      return MAX_MANIFEST_VALUES;
  }
}
