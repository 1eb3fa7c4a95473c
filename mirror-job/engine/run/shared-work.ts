/**
 * The work that the repositories of a run share within one process: each blob is fetched once, and memory is bounded over
 * all of them. Nothing here outlives the process, and a repository that is mirrored in another process shares nothing with
 * this one.
 */
import type { Repository } from '../../../core/reference.ts';
import { BlobCopier, type BlobWriter } from '../copy/blob-copy.ts';
import { createMemoryBudget } from '../copy/stored-manifest.ts';
import type { Environment } from '../environment.ts';
import { KnownEmptyStore } from '../store/known-empty-store.ts';
import { FairShare } from '../support/fair-share.ts';
import { createLimit, type Limit } from '../support/limit.ts';
import type { MemoryBudget } from '../support/memory-budget.ts';
import type { RunHooks } from './image-run.ts';
import type { Image } from '../image.ts';
import { SourceUsers } from './source-users.ts';

/** The options of a dry run, and the parts that a step in another process shares with others there. */
export interface WorkOptions extends Pick<RunHooks, 'onSelection'> {
  readonly blobs?: BlobWriter;
  /** The memory for manifests that several works share; left out for one of this work's own. */
  readonly memoryBudget?: MemoryBudget;
  /** The slots for tags that several works share; left out for slots of this work's own. */
  readonly tagSlots?: FairShare;
  /** The name of the configuration for which each repository is described; left out where none is, as in a dry run. */
  readonly describedFor?: string;
}

/** Repositories. */
const DESCRIBED_AT_ONCE = 4;

export interface SharedWork extends Pick<RunHooks, 'onSelection'> {
  readonly environment: Environment & { readonly store: KnownEmptyStore };
  /** The images by where they are served. Several images that are served under one name share its index. */
  readonly images: ReadonlyMap<Repository, readonly Image[]>;
  readonly blobs: BlobWriter;
  readonly memoryBudget: MemoryBudget;
  readonly users: SourceUsers;
  readonly blobSlots: FairShare;
  readonly tagSlots: FairShare;
  readonly describedFor: string | undefined;
  /** Bounds how many repositories are described at once, because a description takes megabytes. */
  readonly describing: Limit;
}

export function shareWork(
  given: Environment,
  images: readonly Image[],
  { blobs, memoryBudget, tagSlots, onSelection, describedFor }: WorkOptions = {},
): SharedWork {
  const environment = { ...given, store: new KnownEmptyStore(given.store) };
  const blobSlots = new FairShare(environment.limits.blobs);
  return {
    environment,
    images: Map.groupBy(images, ({ repository }) => repository),
    blobs: blobs ?? new BlobCopier(environment, blobSlots),
    memoryBudget: memoryBudget ?? createMemoryBudget(),
    users: new SourceUsers(images),
    blobSlots,
    tagSlots: tagSlots ?? new FairShare(environment.limits.tags),
    describedFor,
    describing: createLimit(DESCRIBED_AT_ONCE),
    ...(onSelection !== undefined && { onSelection }),
  };
}
