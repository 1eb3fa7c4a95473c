/** Groups the requests that the proxies have counted by kind. */
import type { ProxiedRequest } from '../../test/support/counting-proxy.ts';

export interface Traffic {
  readonly requests: number;
  /** The number of requests by kind, such as `manifest GET`. */
  readonly kinds: Readonly<Record<string, number>>;
  /** The bytes of bodies that were received, and below those that were sent. */
  readonly received: number;
  readonly sent: number;
}

export function trafficOf(
  requests: readonly ProxiedRequest[],
  kindOf: (request: ProxiedRequest) => string,
): Traffic {
  const kinds: Record<string, number> = {};
  for (const request of requests) {
    const kind = kindOf(request);
    kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  return {
    requests: requests.length,
    kinds,
    received: requests.reduce((sum, { received }) => sum + received, 0),
    sent: requests.reduce((sum, { sent }) => sum + sent, 0),
  };
}

/** Returns the kind of a request to a registry: its noun and its method. */
export function registryKind({ method, path }: ProxiedRequest): string {
  const [, noun = 'ping'] = /\/(manifests|blobs|tags|referrers)\//.exec(path) ?? [];
  // A registry without a referrers API keeps the list under a tag of this form.
  if (/\/manifests\/sha\d+-[0-9a-f]{64,}/.test(path)) return `referrers tag ${method}`;
  return `${noun === 'manifests' || noun === 'blobs' ? noun.slice(0, -1) : noun} ${method}`;
}

/**
 * Matches keys of a repository that never change, or only grow. A run without changes reads them for the scrub alone.
 */
const CONTENT = /\/_(?:manifests|blobs|referrers)\//;

/** Says what a request to a store does, and whether it concerns a repository's keys, its content, or other keys. */
export function storeKind({ method, path }: ProxiedRequest): string {
  const action = method === 'GET' || method === 'HEAD' ? 'read' : method;
  if (!path.includes('/repositories/')) return action;
  return `${action} of a repository${CONTENT.test(path) ? "'s content" : ''}`;
}

/** The requests to a bucket of R2, by the classes in which Cloudflare counts them. Deletions are free. */
export interface RequestClasses {
  /** Writes, lists, and what concerns uploads in parts. */
  readonly a: number;
  /** Reads of one object. */
  readonly b: number;
}

type Asked = Pick<ProxiedRequest, 'method' | 'query'>;

export function classesOf(requests: readonly Asked[]): RequestClasses {
  const counted = requests.filter(({ method }) => method !== 'DELETE');
  const b = counted.filter(isReadOfObject).length;
  return { a: counted.length - b, b };
}

function isReadOfObject({ method, query }: Asked): boolean {
  const isRead = method === 'GET' || method === 'HEAD';
  return isRead && !query.has('list-type') && !query.has('uploads') && !query.has('uploadId');
}

/** Matches the lists that a long run writes now and then, so that a run that dies is not all for nothing. */
const LISTS = /\/_(?:index|tags)\.json$/;

/**
 * Returns the keys of a store that the same run wrote again, once per repetition. Content should be written once. A
 * part of an upload does not count as a write of the key, and the repositories' lists do not count as content.
 */
export function repeatedWrites(requests: readonly ProxiedRequest[]): readonly string[] {
  const seen = new Set<string>();
  return requests
    .filter(({ method, status, query }) => method === 'PUT' && status === 200 && !query.has('partNumber'))
    .filter(({ path }) => {
      const again = seen.has(path) && !LISTS.test(path);
      seen.add(path);
      return again;
    })
    .map(({ path }) => path);
}
