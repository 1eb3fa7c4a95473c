/** The results of steps. They survive JSON, and are smaller than 1 MiB, which is the most that a step may return. */
import type { LargeBlob } from './inputs.ts';
import type { RunPart } from './run-part.ts';

/** The result of a step that mirrors a repository. */
export interface RepositoryStepResult {
  readonly part: RunPart;
  /** Blobs that instances of their own have to copy before all of the repository can be mirrored. */
  readonly deferred: readonly LargeBlob[];
  /** Whether the step's time was over, so that another step has to go on. */
  readonly isUnfinished: boolean;
}

/** The result of the check of stored objects. */
export type CheckStepResult = Pick<RepositoryStepResult, 'part' | 'deferred'>;

/** The result of the copy of a large blob: what it has copied, or why it could not. */
export type BlobResult = { readonly part: RunPart } | { readonly failure: string };
