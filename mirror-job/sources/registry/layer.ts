/** The form that every step of a request to a registry has. layers.ts lists the steps in their order. */
import type { AuthSession } from './auth/auth-session.ts';
import type { HttpResponse } from './http-client.ts';
import type { RegistryRequest } from './registry-request.ts';

/** A request on its way through the layers. A layer passes a copy on that has what the layers below it need. */
export interface OutgoingRequest extends RegistryRequest {
  /** The statuses that the caller wants to see. `any`: all that another attempt would not change. */
  readonly allow: readonly number[] | 'any';
  /** The same object in every copy. */
  readonly state: RequestState;
  readonly url: URL;
}

/** A request for which `switchAccounts` has chosen the account. */
export interface AccountRequest extends OutgoingRequest {
  /** The account that asks. */
  readonly session: AuthSession;
  /** The value of the header `Authorization`. */
  readonly authorization: string | undefined;
  /** The host to which the registry has redirected; undefined while the request goes to the registry itself. */
  readonly redirectedTo: string | undefined;
}

/** The notes of the layers about one request, over all its attempts. */
export class RequestState {
  /** The circuit breaker's generation when the request was sent first; undefined before that. */
  generation: number | undefined;
  /** The wait that the last response asked for by Retry-After; 0 when it asked for none. */
  retryAfterMs = 0;
  /** Whether that wait is longer than `maxDelayMs`: then nobody waits for it. */
  isRetryAfterTooLong = false;
  /** Whether all requests of this kind wait, so that this one need not wait by itself. */
  isBackedOff = false;
}

export type Next<Request extends OutgoingRequest = OutgoingRequest> = (
  request: Request,
) => Promise<HttpResponse>;

/** @param next the layers below */
export type Layer<Request extends OutgoingRequest = OutgoingRequest> = (
  request: Request,
  next: Next<Request>,
) => Promise<HttpResponse>;

/** @param layers from the one that sees a request first to the one that sends it */
export function compose<Request extends OutgoingRequest = OutgoingRequest>(
  layers: readonly Layer<Request>[],
): Next<Request> {
  return layers.reduceRight<Next<Request>>((next, layer) => (request) => layer(request, next), notSent);
}

async function notSent({ url }: OutgoingRequest): Promise<never> {
  throw new Error(`No layer sends the request to ${url.host}.`);
}
