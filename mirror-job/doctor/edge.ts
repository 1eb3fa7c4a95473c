/** The requests of an edge's clients, as questions for a `Requester`. */
import type { Digest } from '../../core/digest.ts';
import { MANIFEST_ACCEPT } from '../../core/media-type.ts';
import { DOCKER_HUB, formatUpstream, pathOf, upstreamOf, type Repository } from '../../core/reference.ts';
import type { Got, Question, Requester } from './requester.ts';

/** How a request writes the upstream of a name. */
export type NameForm = 'prefix' | 'ns' | 'prefix and ns' | 'default';

export class Edge {
  readonly url: string;
  readonly #requester: Requester;
  readonly #token: string | undefined;

  /** @param url the origin, without a slash at its end */
  constructor(url: string, requester: Requester, token: string | undefined) {
    this.url = url;
    this.#requester = requester;
    this.#token = token;
  }

  /** The header that a client with a login sends. A public edge ignores it. */
  get authorization(): string {
    return `Bearer ${this.#token ?? 'lifeboat-doctor'}`;
  }

  /** Asks with the token, if there is one. @param path with its query */
  ask(method: Question['method'], path: string, options: Partial<Question> = {}): Promise<Got> {
    const headers = {
      ...(this.#token !== undefined && { authorization: this.authorization }),
      ...options.headers,
    };
    return this.#requester.ask({ ...options, method, url: `${this.url}${path}`, headers });
  }

  /** Asks without the token. */
  askAnonymously(path: string): Promise<Got> {
    return this.#requester.ask({ method: 'GET', url: `${this.url}${path}` });
  }

  /** HEAD as every client sends it, and GET as Go's clients do, which take a compressed answer if they say nothing else. */
  manifest(method: 'GET' | 'HEAD', repository: Repository, reference: string, form: NameForm = 'prefix') {
    return this.ask(method, pathFor(repository, `manifests/${reference}`, form), {
      headers: { accept: `${MANIFEST_ACCEPT}, */*`, ...(method === 'GET' && { 'accept-encoding': 'gzip' }) },
      algorithm: reference.startsWith('sha512:') ? 'sha512' : 'sha256',
      ...(method === 'GET' && { keep: { first: 0, last: MAX_KEPT_BYTES } }),
    });
  }

  /** @param options a Range, and limits */
  blob(method: 'GET' | 'HEAD', repository: Repository, digest: Digest, options: Partial<Question> = {}) {
    return this.ask(method, pathFor(repository, `blobs/${digest}`, 'prefix'), {
      ...options,
      algorithm: digest.startsWith('sha512:') ? 'sha512' : 'sha256',
      headers: { ...BLOB_HEADERS, ...options.headers },
    });
  }
}

/** containerd's. */
export const BLOB_HEADERS = { 'accept-encoding': 'zstd, gzip, deflate' };

/** A manifest has 4 MiB at most. */
const MAX_KEPT_BYTES = 4 * 1024 * 1024;

export function pathFor(repository: Repository, rest: string, form: NameForm): string {
  const upstream = upstreamOf(repository);
  const ns = `?ns=${formatUpstream(upstream)}`;
  const [whole, short] = [`/v2/${repository}/${rest}`, `/v2/${pathOf(repository)}/${rest}`];
  return { prefix: whole, ns: `${short}${ns}`, 'prefix and ns': `${whole}${ns}`, default: short }[form];
}

export function isOfDockerHub(repository: Repository): boolean {
  return upstreamOf(repository) === DOCKER_HUB;
}
