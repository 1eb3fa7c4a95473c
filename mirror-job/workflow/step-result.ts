/** What steps return. It survives JSON. */
import type { Finding } from '../engine/report.ts';
import type { RepositoryResult } from '../engine/run/mirror-repository.ts';
import type { UpstreamReport } from '../engine/source.ts';
import type { CopyCounts } from '../engine/tally.ts';
import type { LargeBlob } from './inputs.ts';

/** What became of a repository in one step. */
export interface StepResult {
  readonly result: RepositoryResult;
  /** The blobs that instances of their own have to copy before all of the repository can be mirrored. */
  readonly deferred: readonly LargeBlob[];
  /** The requests that no earlier step has reported. */
  readonly upstreams: readonly UpstreamReport[];
}

/** What the check of stored objects has found. */
export interface CheckResult {
  readonly findings: readonly Finding[];
  readonly copied: CopyCounts;
  readonly upstreams: readonly UpstreamReport[];
}
