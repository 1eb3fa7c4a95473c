/**
 * Notes which responses, and which failed connections, are of a host that the registry redirects to. Such a host says nothing
 * about the registry, its accounts or their quotas.
 */
import type { ConnectionError } from './connection-error.ts';
import type { HttpResponse } from '../http-client.ts';

const HOSTS = new WeakMap<HttpResponse | ConnectionError, string>();

export function markRedirected(outcome: HttpResponse | ConnectionError, host: string): void {
  HOSTS.set(outcome, host);
}

/** @returns the host; undefined for the registry itself */
export function redirectedTo(outcome: HttpResponse | ConnectionError): string | undefined {
  return HOSTS.get(outcome);
}
