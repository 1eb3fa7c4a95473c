/** Failures of work that goes on after its request was answered and logged. */

export interface BackgroundFailure {
  /** The work that failed: to report a miss; if undefined, to read a cached object anew. */
  readonly kind?: 'miss';
  /** The key of the object in its bucket, or the reference of the image that is missing. */
  readonly key: string;
  readonly failures: readonly string[];
}

/** A mistake in the edge's own code, as a failure that the log shows as an error. */
export function faultOf(error: unknown): string {
  return `FAULT of the edge: ${error instanceof Error ? (error.stack ?? error.message) : 'unknown'}`;
}
