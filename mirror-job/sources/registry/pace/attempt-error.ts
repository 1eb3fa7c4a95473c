import type { SourceError } from '../../../engine/source.ts';
import type { FailedParty } from './circuit-breaker.ts';

/** One attempt brought no response that the caller wants. It stays inside the layers: callers get `failure`. */
export class AttemptError extends Error {
  override readonly name = 'AttemptError';
  /** The error for the caller, if no other attempt follows. */
  readonly failure: SourceError;
  /** Whether another attempt may end better. */
  readonly isRetryable: boolean;
  /** Whose failure it is; undefined when nobody's, or when it was counted already. */
  readonly failedParty: FailedParty | undefined;

  constructor(failure: SourceError, isRetryable: boolean, failedParty?: FailedParty) {
    super(failure.message, { cause: failure });
    this.failure = failure;
    this.isRetryable = isRetryable;
    this.failedParty = failedParty;
  }
}
