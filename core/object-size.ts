/**
 * The size limits, in bytes and in values, of objects that are read whole. Without them, everybody who can write into a
 * bucket could fill the memory of the job, or of the edge, with one object. docs/decisions/0099
 */
import { kindOfKey } from './key-kind.ts';
import { clusterOfKey, IDENTITY_KEY, isDescriptionKey, isStateKey, STORES_KEY } from './layout.ts';
import { MAX_MANIFEST_BYTES, MAX_MANIFEST_VALUES } from './manifest.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** The limit of an object with a few fields. The longest field is a reason for people. */
const RECORD_BYTES = 64 * KIB;

/**
 * The most bytes that the object at a key may have. Blobs have no limit of their own, because they are not read whole. A key
 * that is not in the layout has the largest limit.
 */
export function maxSizeOf(key: string): number {
  // The stores' object has one note per store, each with a reason of limited length.
  if (key === IDENTITY_KEY || key === STORES_KEY) return RECORD_BYTES;
  // 50,000 images with three uses each.
  if (clusterOfKey(key) !== undefined) return 64 * MIB;
  // Sums, and twenty names of each kind.
  if (isStateKey(key, 'last-drill.json')) return RECORD_BYTES;
  // 50 runs with 32 upstreams each.
  if (isStateKey(key, 'runs.json')) return 4 * MIB;
  // 10,000 repositories with the longest names; or 1,000 tags. The writer of a description leaves out what exceeds it.
  if (isStateKey(key, 'overview.json') || isDescriptionKey(key)) return 8 * MIB;
  switch (kindOfKey(key)?.kind) {
    case 'link':
    case 'movement':
      return RECORD_BYTES;
    case 'manifest':
      return MAX_MANIFEST_BYTES;
    case 'tag':
      // A record with the manifest as base64.
      return Math.ceil(MAX_MANIFEST_BYTES / 3) * 4 + RECORD_BYTES;
    case 'tag list':
    case 'referrers':
      // Enough for 100,000 tags of 128 characters, and for the largest page of referrers that is read from a registry.
      return 16 * MIB;
    case 'index':
    case 'state':
    case 'blob':
    case undefined:
      // An index of 100,000 long tags, each with one candidate, has 123 MB.
      return 128 * MIB;
  }
}

/** The most values that the JSON of the object at a key may have. They are limited because `{}` takes twenty times its bytes in memory. */
export function maxValuesOf(key: string): number {
  // 50,000 images with three uses each, and fewer with more.
  if (clusterOfKey(key) !== undefined) return 2_000_000;
  // 1,000 tags with 32 platforms each.
  if (isDescriptionKey(key)) return 500_000;
  switch (kindOfKey(key)?.kind) {
    case 'index':
      // The shortest entries have more than 30 bytes per value, so no index of 128 MiB has more.
      return 4_500_000;
    case 'tag list':
      // An index of 128 MiB has fewer tags than this.
      return 500_000;
    default:
      // Enough for a list of 1,000 referrers with 200 annotations each, and for a catalogue of 250,000 repositories.
      return MAX_MANIFEST_VALUES;
  }
}
