/** A manifest that is stored, as the engine remembers it for the rest of the run. */
import type { Descriptor } from '../../../core/descriptor.ts';
import type { Digest } from '../../../core/digest.ts';
import type { Manifest } from '../../../core/manifest.ts';
import { referrerDescriptor } from '../../../core/referrers.ts';
import { MemoryBudget } from '../support/memory-budget.ts';
import type { ChosenPlatforms } from '../selection/platform-choice.ts';

/**
 * Bytes of manifests that a run remembers, for all its repositories: enough for tags that lie near each other to
 * share what they have in common, and little beside the blobs' buffers.
 */
const REMEMBERED_BYTES = 16 * 1024 * 1024;

/**
 * A stored manifest below an index or an image. Its text and its parsed form are left out, because they would stay in memory
 * until the last of its siblings is stored.
 */
export interface StoredPart {
  readonly digest: Digest;
  readonly children: readonly StoredPart[];
  readonly platforms: ChosenPlatforms;
  /** Its entry in its subject's list of referrers; undefined if it names no subject. */
  readonly referrer: { readonly subject: Digest; readonly descriptor: Descriptor } | undefined;
}

/** A stored manifest, with what is stored below it. */
export interface StoredManifest {
  readonly manifest: Manifest;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The children that are stored: an index for a subset of platforms names more. */
  readonly children: readonly StoredPart[];
  /** The platforms of the whole tree: which were taken, and which were left out. */
  readonly platforms: ChosenPlatforms;
}

export function partOf({ digest, children, platforms, manifest, size }: StoredManifest): StoredPart {
  const { subject } = manifest;
  const referrer =
    subject === undefined
      ? undefined
      : { subject: subject.digest, descriptor: referrerDescriptor(manifest, digest, size) };
  return { digest, children, platforms, referrer };
}

/** @returns the memory that all copiers of a run share */
export function createMemoryBudget(): MemoryBudget {
  return new MemoryBudget(REMEMBERED_BYTES);
}

/** @returns an estimate of the bytes in memory: the text, its parsed form, and the parts below it */
export function weigh({ size, children }: StoredManifest): number {
  return 1000 + 3 * size + children.reduce((sum, child) => sum + weighPart(child), 0);
}

function weighPart({ children, referrer }: StoredPart): number {
  const own = 1000 + 3 * (referrer?.descriptor.size ?? 0);
  return children.reduce((sum, child) => sum + weighPart(child), own);
}
