/** A request for a layer under test, and layers below it that answer as the test says. */
import { AuthSession } from '../../../../../mirror-job/sources/registry/auth/auth-session.ts';
import { ConnectionError } from '../../../../../mirror-job/sources/registry/response/connection-error.ts';
import type { HttpResponse } from '../../../../../mirror-job/sources/registry/http-client.ts';
import {
  RequestState,
  type AccountRequest,
  type Next,
  type OutgoingRequest,
} from '../../../../../mirror-job/sources/registry/layer.ts';
import type { CredentialProvider } from '../../../../../mirror-job/sources/registry/registry-options.ts';
import { Secrets } from '../../../../../mirror-job/sources/registry/secrets.ts';
import { TestClock } from '../../../support/harness.ts';
import { fakeHttpClient } from '../fake-http-client.ts';

export interface FakeResponse extends HttpResponse {
  /** Whether its body was let go. */
  isDiscarded: boolean;
}

export function response(status: number, headers: Record<string, string> = {}): FakeResponse {
  return {
    status,
    headers: new Headers(headers),
    body: nothing(),
    isDiscarded: false,
    discard() {
      this.isDiscarded = true;
    },
  };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

export interface FakeNext<Request extends OutgoingRequest> {
  readonly next: Next<Request>;
  /** The requests that reached it. */
  readonly requests: Request[];
}

/** Gives each of the outcomes in turn: throws an error, returns a response. */
export function nextThat<Request extends OutgoingRequest = OutgoingRequest>(
  ...outcomes: readonly (HttpResponse | Error)[]
): FakeNext<Request> {
  const requests: Request[] = [];
  const next: Next<Request> = async (request) => {
    requests.push(request);
    const outcome = outcomes[requests.length - 1];
    if (outcome === undefined) throw new Error(`Request ${requests.length} was not expected.`);
    if (outcome instanceof Error) throw outcome;
    return outcome;
  };
  return { next, requests };
}

/** A session whose registry must not be asked. */
export function sessionOf(account?: CredentialProvider): AuthSession {
  const options = {
    httpClient: fakeHttpClient(() => {
      throw new Error('No request was expected.');
    }),
    clock: new TestClock(),
    signal: new AbortController().signal,
    insecure: false,
    timeoutMs: 300,
  };
  return new AuthSession('registry.test', options, account, new Secrets());
}

/** A request that the layers above and below `switchAccounts` take. */
export function outgoing(more: Partial<AccountRequest> = {}): AccountRequest {
  return {
    method: 'GET',
    path: 'team/app',
    resource: 'manifests/one',
    allow: [200],
    state: new RequestState(),
    url: new URL('https://registry.test/v2/team/app/manifests/one'),
    session: sessionOf(),
    authorization: undefined,
    redirectedTo: undefined,
    ...more,
  };
}

export const SILENCE = new ConnectionError('registry.test did not answer within 0.3 s.', { isLate: true });
export const UNREACHABLE = new ConnectionError('registry.test cannot be reached (ECONNREFUSED).');
