/** Where a client looks for an image. */
import type { Mode, PullRequest } from './client.ts';

const DOCKER_LOCALHOST = 'docker.localhost';

export interface Location {
  /** The first part of the reference, `docker.io` or `registry.example:5000`. */
  readonly upstream: string;
  /** `host:port` of the edge, under the name that the mode asks for. */
  readonly edge: string;
  /** The edge's name without its port. */
  readonly host: string;
  /** The first part of the edge's path, if any: the upstream's name, without a colon. */
  readonly prefix: string | undefined;
  /** The reference for the client. */
  readonly reference: string;
}

/** @throws when the reference has no upstream, or the edge is not plain HTTP */
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

/** @throws when the client cannot be configured for that mode */
export function requireMode(client: string, modes: readonly Mode[], mode: Mode): void {
  if (!modes.includes(mode)) throw new Error(`${client} cannot be configured for the mode ${mode}.`);
}
