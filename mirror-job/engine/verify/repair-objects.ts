/** Fetches manifests and blobs again that a check has found missing or damaged. An object that is right by now is left alone. */
import { encodeBlobLink } from '../../../core/blob-link.ts';
import { isEqual } from '../../../core/bytes.ts';
import type { Digest } from '../../../core/digest.ts';
import { blobKey, blobLinkKey } from '../../../core/layout.ts';
import type { Repository } from '../../../core/reference.ts';
import { BlobCopier } from '../copy/blob-copy.ts';
import type { Environment } from '../environment.ts';
import type { Image } from '../image.ts';
import { createRepair, type Repair } from '../scrub/scrub-repair.ts';
import type { ScrubbedObject } from '../scrub/scrub-object.ts';
import { MaskingStore } from '../store/masking-store.ts';
import { StoreError, type ComparableStore } from '../store/store.ts';
import { FairShare } from '../support/fair-share.ts';
import { hashStoredBlob } from '../transfer/stored-blob.ts';
import type { Problem } from './problem.ts';

/** `right`: nothing was written, because somebody else had mended it. */
export type RepairOutcome =
  | 'right'
  | (({ readonly from: string } | { readonly failure: string }) & {
      /** After an index was lost: the digests that no tag, pin or candidate leads to, so that pruning may take them. */
      readonly unprotected?: readonly Digest[];
    });

export const FROM_BUCKET: RepairOutcome = { from: 'the bucket itself' };

/**
 * @param store the same bucket as `environment.store`
 * @param images where objects are fetched from, by repository
 */
export async function repairObjects(
  environment: Environment,
  store: ComparableStore,
  problems: readonly Problem[],
  images: ReadonlyMap<Repository, readonly Image[]>,
): Promise<ReadonlyMap<Problem, RepairOutcome>> {
  const outcomes = new Map<Problem, RepairOutcome>();
  const masked = new Set<string>();
  const wrong: Lost[] = [];
  for (const problem of problems.filter(isLost)) {
    environment.signal.throwIfAborted();
    // The check may have been hours ago.
    if (await isRight(environment, store, problem)) outcomes.set(problem, 'right');
    else {
      wrong.push(problem);
      masked.add(problem.key);
    }
  }
  const masking = { ...environment, store: new MaskingStore(environment.store, (key) => masked.has(key)) };
  const blobs = new BlobCopier(masking, new FairShare(environment.limits.blobs));
  const repair = createRepair(masking, images, blobs);
  // Blobs first, because a manifest is written after all that it needs.
  const order = wrong.toSorted((one, other) => rank(one.object) - rank(other.object));
  const mended = new Map<string, RepairOutcome>();
  for (const problem of order) {
    environment.signal.throwIfAborted();
    const outcome = mended.get(nameOf(problem)) ?? (await mend(environment, problem, repair));
    outcomes.set(problem, outcome);
    if (outcome !== 'right' && 'from' in outcome) mended.set(nameOf(problem), outcome);
  }
  // A source of one repository mends a blob for all.
  for (const problem of order) {
    const outcome = mended.get(nameOf(problem));
    if (outcome !== undefined) outcomes.set(problem, outcome);
  }
  return outcomes;
}

/** A problem of an object that can be fetched again. */
type Lost = Problem & { readonly object: ScrubbedObject };

function isLost(problem: Problem): problem is Lost {
  return problem.object !== undefined;
}

/** Repositories share blobs. Their manifests may say other sizes of one, of which only one is right. */
function nameOf({ key, object }: Lost): string {
  return `${key} ${object.size}`;
}

/** A tag has the bytes of its manifest, so that no source is needed for that. */
async function mend(
  { store }: Environment,
  { atHand, key, object }: Lost,
  repair: Repair,
): Promise<RepairOutcome> {
  if (atHand?.contentType === undefined) return repair(object);
  try {
    await store.put(key, atHand.bytes, { contentType: atHand.contentType });
    return { from: 'its own tag' };
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return { failure: error.message };
  }
}

function rank({ kind }: ScrubbedObject): number {
  return kind === 'blob' ? 0 : 1;
}

async function isRight(
  environment: Environment,
  store: ComparableStore,
  { kind, object: { repository, digest, size } }: Lost,
): Promise<boolean> {
  switch (kind) {
    case 'blob-missing':
    case 'blob-size':
      return (await store.size(blobKey(digest))) === size;
    case 'blob-bytes':
      return (await hashStoredBlob(environment, store, digest)) === 'right';
    case 'link-missing':
    case 'link-wrong': {
      const link = await store.get(blobLinkKey(repository, digest));
      return link !== undefined && isEqual(link.bytes, encodeBlobLink({ digest, size }));
    }
    default:
      // The copier reads and hashes a manifest before it fetches it.
      return false;
  }
}
