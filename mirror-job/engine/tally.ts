/** What a run has done so far: written by the engine, read by whoever shows progress. */

import type { Digest } from '../../core/digest.ts';
import type { Repository } from '../../core/reference.ts';

/** A layer that its licence keeps elsewhere, and its registry does not have: clients fetch it from there themselves. */
export interface ForeignLayer {
  readonly repository: Repository;
  readonly digest: Digest;
  readonly urls: readonly string[];
}

/** A blob that is being copied. */
export interface Running {
  readonly label: string;
  /** Bytes. */
  readonly size: number;
  /** Bytes. */
  done: number;
}

export class Tally {
  /** Tags and digests that the plan asks for, as far as it is known. */
  planned = 0;
  /** Of these: looked at, whatever came of it. */
  finished = 0;
  /** Bytes read from sources. */
  bytes = 0;
  /** Bytes of the blobs that are known to be needed. */
  bytesPlanned = 0;
  blobsCopied = 0;
  /** Of these: in several parts, of which a run that is killed leaves some behind. */
  blobsInParts = 0;
  /** Blobs that were there: in this repository or, for one small write, in another. */
  blobsPresent = 0;
  manifestsCopied = 0;
  /** Each once. */
  readonly foreignLayers = new Map<string, ForeignLayer>();
  readonly running = new Set<Running>();
}
