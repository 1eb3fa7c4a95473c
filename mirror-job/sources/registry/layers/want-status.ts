/** Turns a response that the caller does not want, and a connection that fails, into a sentence for people. */
import { formatUpstream, type Upstream } from '../../../../core/reference.ts';
import { SourceError } from '../../../engine/source.ts';
import { AttemptError } from '../pace/attempt-error.ts';
import { ConnectionError } from '../response/connection-error.ts';
import type { HttpResponse } from '../http-client.ts';
import type { Layer, OutgoingRequest } from '../layer.ts';
import { RedirectError } from '../response/redirect-error.ts';
import { redirectedTo } from '../response/redirected-response.ts';
import { RETRYABLE_STATUSES, THROTTLING_STATUSES } from '../response/statuses.ts';

interface WantStatusOptions {
  readonly upstream: Upstream;
  readonly signal: AbortSignal;
  /** Writes the sentence for a response that is not wanted, and reads or discards its body. */
  readonly describe: (request: OutgoingRequest, response: HttpResponse) => Promise<SourceError>;
}

/** @throws {AttemptError}, the signal's reason, and what `next` throws besides a `ConnectionError` */
export function wantStatus({ upstream, signal, describe }: WantStatusOptions): Layer {
  return async (request, next) => {
    let response: HttpResponse;
    try {
      response = await next(request);
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      signal.throwIfAborted();
      const SentenceError = redirectedTo(error) === undefined ? SourceError : RedirectError;
      const message = `${formatUpstream(upstream)}/${request.path}: ${error.message}`;
      const failure = new SentenceError(message, { cause: error.cause });
      // The layer `countSilence` has counted a silence already.
      throw new AttemptError(failure, true, error.isSilent ? undefined : 'registry');
    }
    const { status } = response;
    const isRetryable = RETRYABLE_STATUSES.has(status);
    if (request.allow === 'any' ? !isRetryable : request.allow.includes(status)) return response;
    const isThrottled = THROTTLING_STATUSES.has(status) && redirectedTo(response) === undefined;
    const failure = await describe(request, response);
    throw new AttemptError(failure, isRetryable, isThrottled ? 'registry' : 'repository');
  };
}
