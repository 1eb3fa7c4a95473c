/**
 * A request's method and URL → what is asked for, as a value. Pure; nothing after it reads a URL.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#endpoints
 */
import { isDigest, type Digest } from '../../core/digest.ts';
import { RegistryError } from '../../core/error.ts';
import {
  NameInvalidError,
  isTag,
  parseRepository,
  parseUpstream,
  repositoryWithin,
  type Repository,
  type Tag,
  type Upstream,
} from '../../core/reference.ts';

/** Which upstream a request's host name stands for, and which upstream has the names that state none. */
export interface Naming {
  readonly defaultUpstream: Upstream;
  /** By the host name of the request, with or without its port. */
  readonly hosts: ReadonlyMap<string, Upstream>;
}

/** A repository, with how it was asked for. */
export interface Name {
  readonly repository: Repository;
  /** As it stood in the path. */
  readonly requested: string;
  /** As it stood in the query; echoed, as the specification wants it. */
  readonly namespace: string | undefined;
}

/** Which part of a list. */
export interface Page {
  /** At most so many. */
  readonly limit: number | undefined;
  /** Only what sorts after it. */
  readonly last: string | undefined;
}

export type EdgeRequest =
  | { readonly kind: 'ping' }
  | { readonly kind: 'health' }
  | { readonly kind: 'catalog'; readonly page: Page }
  | { readonly kind: 'manifest'; readonly name: Name; readonly digest: Digest }
  | { readonly kind: 'tag'; readonly name: Name; readonly tag: Tag }
  | { readonly kind: 'blob'; readonly name: Name; readonly digest: Digest }
  | { readonly kind: 'tags'; readonly name: Name; readonly page: Page }
  | {
      readonly kind: 'referrers';
      readonly name: Name;
      readonly subject: Digest;
      readonly artifactType: string | undefined;
    }
  | { readonly kind: 'refused'; readonly error: RegistryError };

/** Never throws: what is malformed is `refused`, with the error to answer. */
export function parseRequest(method: string, url: URL, naming: Naming): EdgeRequest {
  try {
    return parse(method, url, naming);
  } catch (error) {
    if (error instanceof RegistryError) return { kind: 'refused', error };
    if (error instanceof NameInvalidError) {
      return { kind: 'refused', error: new RegistryError('NAME_INVALID', error.message) };
    }
    throw error;
  }
}

function parse(method: string, url: URL, naming: Naming): EdgeRequest {
  if (method !== 'GET' && method !== 'HEAD') {
    throw new RegistryError(
      'UNSUPPORTED',
      `This registry is read-only: ${method.slice(0, 20)} is not answered.`,
    );
  }
  const { pathname } = url;
  const query = queryOf(url);
  if (pathname === '/healthz') return { kind: 'health' };
  if (pathname === '/v2/' || pathname === '/v2') return { kind: 'ping' };
  if (!pathname.startsWith('/v2/')) throw noSuchPage();
  if (pathname === '/v2/_catalog') return { kind: 'catalog', page: pageOf(query) };
  const { name, endpoint, last } = splitPath(pathname);
  switch (endpoint) {
    case 'manifests':
      return parseManifest(nameOf(name, url, naming), last);
    case 'blobs':
      return { kind: 'blob', name: nameOf(name, url, naming), digest: digestOf(last) };
    case 'tags':
      if (last !== 'list') throw noSuchPage();
      return { kind: 'tags', name: nameOf(name, url, naming), page: pageOf(query) };
    case 'referrers':
      return {
        kind: 'referrers',
        name: nameOf(name, url, naming),
        subject: digestOf(last),
        // A media type has no space. A space here is a plus that the client did not encode, decoded as in HTML's forms.
        artifactType: query.get('artifactType')?.replaceAll(' ', '+') || undefined,
      };
    default:
      throw noSuchPage();
  }
}

const NO_QUERY = new URLSearchParams();

/** Most requests have none, and a URL makes a new one each time that it is asked. */
function queryOf(url: URL): URLSearchParams {
  return url.search === '' ? NO_QUERY : url.searchParams;
}

function noSuchPage(): RegistryError {
  return new RegistryError('NAME_UNKNOWN', 'There is nothing at this path. The registry is at /v2/.');
}

/** The last two segments say what of the repository is wanted; a name itself can hold `manifests` and `tags`. */
function splitPath(pathname: string): { name: string; endpoint: string; last: string } {
  const segments = pathname.slice('/v2/'.length).split('/');
  const last = segments.pop() ?? '';
  const endpoint = segments.pop() ?? '';
  return { name: segments.map(decode).join('/'), endpoint, last: decode(last) };
}

/** Decoded once, after the path was split: an encoded slash becomes part of a component, and is refused there. */
function decode(segment: string): string {
  if (!segment.includes('%')) return segment;
  let text: string;
  try {
    text = decodeURIComponent(segment);
  } catch {
    throw new RegistryError('NAME_INVALID', 'The path has a "%" that does not begin an encoded character.');
  }
  if (text.includes('/')) throw new RegistryError('NAME_INVALID', 'A part of the path has an encoded slash.');
  return text;
}

function parseManifest(name: Name, reference: string): EdgeRequest {
  if (reference.includes(':')) return { kind: 'manifest', name, digest: digestOf(reference) };
  if (isTag(reference)) return { kind: 'tag', name, tag: reference };
  // 404 and not 400: the conformance suite asks for `.INVALID_MANIFEST_NAME`.
  throw new RegistryError('MANIFEST_UNKNOWN', 'There is no such manifest: the reference is not a valid tag.');
}

function digestOf(text: string): Digest {
  if (isDigest(text)) return text;
  throw new RegistryError(
    'DIGEST_INVALID',
    'This is not a digest that this registry can store. It stores sha256 and sha512.',
  );
}

/**
 * An upstream that the request states wins over a guess: `?ns=` comes first, then the host name. If neither states one,
 * the path's first segment is the upstream if it looks like one. Otherwise the default upstream is.
 */
function nameOf(requested: string, url: URL, naming: Naming): Name {
  const namespaces = queryOf(url)
    .getAll('ns')
    .filter((text) => text !== '');
  const asked = new Set(namespaces.map(upstreamOfNamespace));
  if (asked.size > 1) {
    throw new RegistryError('NAME_UNKNOWN', '"ns" is given more than once, and names different upstreams.');
  }
  const [stated = upstreamOfHost(url, naming)] = asked;
  const repository =
    stated === undefined
      ? parseRepository(requested, naming.defaultUpstream)
      : repositoryWithin(stated, requested);
  return { repository, requested, namespace: namespaces[0] };
}

/**
 * A URL leaves out the default port of its scheme, but `HOSTS` may name that port. A dot at the end only marks the host
 * name as complete, so the host is the same.
 */
function upstreamOfHost({ hostname, port, protocol }: URL, { hosts }: Naming): Upstream | undefined {
  const name = hostname.endsWith('.') ? hostname.slice(0, -1) : hostname;
  const number = port === '' ? (protocol === 'https:' ? '443' : '80') : port;
  return hosts.get(`${name}:${number}`) ?? hosts.get(name);
}

/** Malformed is unknown and not invalid: containerd sends whatever the image's host is, and falls back on 404. */
function upstreamOfNamespace(text: string): Upstream {
  try {
    return parseUpstream(text);
  } catch (error) {
    if (error instanceof NameInvalidError) throw new RegistryError('NAME_UNKNOWN', error.message);
    throw error;
  }
}

/** No list is this long, so a larger number asks for the same. */
const LONGEST_PAGE = 999_999_999;

function pageOf(query: URLSearchParams): Page {
  const n = query.get('n');
  if (n !== null && !/^\d+$/.test(n)) {
    throw new RegistryError('PAGINATION_NUMBER_INVALID', '"n" is not a whole number of entries.');
  }
  const limit = n === null ? undefined : Math.min(Number(n), LONGEST_PAGE);
  return { limit, last: query.get('last') || undefined };
}
