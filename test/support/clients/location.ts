/** Finds out where a client looks for an image. */
import type { Mode, PullRequest } from './client.ts';

const DOCKER_LOCALHOST = 'docker.localhost';

export interface Location {
  /** The first part of the reference, such as `docker.io` or `registry.example:5000`. */
  readonly upstream: string;
  /** The edge's `host:port`, under the name that the mode needs. */
  readonly edge: string;
  /** The edge's name without its port. */
  readonly host: string;
  /** The first part of the edge's path, if the mode has one: the upstream's name, without a colon. */
  readonly prefix: string | undefined;
  /** The reference that the client gets. */
  readonly reference: string;
}

/** @throws if the reference has no upstream, or if the edge is not plain HTTP */
export function locate(request: PullRequest): Location {
  const slash = request.reference.indexOf('/');
  const upstream = request.reference.slice(0, Math.max(slash, 0));
  if (!/[.:]/.test(upstream)) throw new Error(`${request.reference} does not start with an upstream's name.`);
  const url = new URL(request.edge);
  if (url.protocol !== 'http:') throw new Error(`${request.edge} is not plain HTTP.`);

  const named = upstream.replace(':', '_');
  const path = request.reference.slice(slash);
  const host = request.mode === 'host' ? (request.host ?? DOCKER_LOCALHOST) : url.hostname;
  return {
    upstream,
    edge: url.port === '' ? host : `${host}:${url.port}`,
    host,
    prefix: request.mode === 'prefix' ? named : undefined,
    reference: request.mode === 'direct' ? `${url.host}/${named}${path}` : request.reference,
  };
}

/** @throws if the client cannot be configured for that mode */
export function requireMode(client: string, modes: readonly Mode[], mode: Mode): void {
  if (!modes.includes(mode)) throw new Error(`${client} cannot be configured for the mode ${mode}.`);
}
