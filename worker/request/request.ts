/**
 * Turns a request's method and URL into a value. It is pure, and no later step reads a URL.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#endpoints
 */
import { isDigest, type Digest } from '../../core/digest.ts';
import { RegistryError } from '../../core/error.ts';
import { probeNonce } from '../../core/probe-image.ts';
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
import { parsePage, type PageRequest } from './page-request.ts';

/** How the upstream of a name is found if the name does not state it. */
export interface Naming {
  /** The upstream of names when neither the name nor the host states one. */
  readonly defaultUpstream: Upstream;
  /** The upstream that a host name of the edge stands for, by that host name, with or without its port. */
  readonly hosts: ReadonlyMap<string, Upstream>;
}

/** A repository, and how the request wrote its name. */
export interface Name {
  readonly repository: Repository;
  /** As the path has it. */
  readonly requested: string;
  /** As `?ns=` has it. The answer repeats it, as the specification requires. */
  readonly namespace: string | undefined;
}

/** The part of a list that a request asks for. */
export interface Page {
  /** The most entries. */
  readonly limit: number | undefined;
  /** Only entries that sort after this one. */
  readonly last: string | undefined;
}

export type EdgeRequest =
  | { readonly kind: 'ping' }
  /** Whether the process answers at all, so that it need not be started anew. */
  | { readonly kind: 'life' }
  /** Whether a store answers too. */
  | { readonly kind: 'health' }
  | { readonly kind: 'status' }
  | { readonly kind: 'metrics' }
  | { readonly kind: 'feed'; readonly name: Name }
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
  | ({ readonly kind: 'probe'; readonly name: Name; readonly nonce: string } & ProbePart)
  | PageRequest
  | { readonly kind: 'refused'; readonly error: RegistryError };

/** The part of the probe's image that a request asks for. */
type ProbePart =
  /** The digest is undefined for a tag: each of them is the same image. */
  | { readonly part: 'manifest'; readonly digest: Digest | undefined }
  | { readonly part: 'blob'; readonly digest: Digest };

/** Never throws: a malformed request becomes `refused`, with the error to answer. */
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
  if (pathname === '/livez') return { kind: 'life' };
  if (pathname === '/healthz') return { kind: 'health' };
  if (pathname === '/status.json') return { kind: 'status' };
  if (pathname === '/metrics') return { kind: 'metrics' };
  if (pathname.startsWith('/feed/')) return { kind: 'feed', name: nameOf(feedName(pathname), url, naming) };
  if (pathname === '/v2/' || pathname === '/v2') return { kind: 'ping' };
  if (!pathname.startsWith('/v2/')) return parsePage(url, naming.defaultUpstream);
  if (pathname === '/v2/_catalog') return { kind: 'catalog', page: pageOf(query) };
  const { name, endpoint, last } = splitPath(pathname);
  switch (endpoint) {
    case 'manifests':
      return parseManifest(nameOf(name, url, naming), last);
    case 'blobs':
      return parseBlob(nameOf(name, url, naming), digestOf(last));
    case 'tags':
      if (last !== 'list') throw noSuchPage();
      return { kind: 'tags', name: nameOf(name, url, naming), page: pageOf(query) };
    case 'referrers':
      return {
        kind: 'referrers',
        name: nameOf(name, url, naming),
        subject: digestOf(last),
        // A media type has no space, so a space is a plus that the client did not encode: HTML's forms decode it so.
        artifactType: query.get('artifactType')?.replaceAll(' ', '+') || undefined,
      };
    default:
      throw noSuchPage();
  }
}

const NO_QUERY = new URLSearchParams();

/** Most requests have no query, and `searchParams` makes an object for each URL. */
function queryOf(url: URL): URLSearchParams {
  return url.search === '' ? NO_QUERY : url.searchParams;
}

/** The name in `/feed/<name>.json`. */
function feedName(pathname: string): string {
  if (!/^\/feed\/.+\.json$/.test(pathname)) throw noSuchPage();
  return pathname.slice('/feed/'.length, -'.json'.length).split('/').map(decode).join('/');
}

const OF_PAGES: ReadonlySet<EdgeRequest['kind']> = new Set(['asset', 'feed', 'metrics', 'page', 'status']);

/** Whether the variable PAGES turns the request off. */
export function isOfPages({ kind }: EdgeRequest): boolean {
  return OF_PAGES.has(kind);
}

/** The sentence for what needs tags, where the variable TAGS is off. */
export const DIGESTS_ONLY = 'This edge answers digests only.';

export function noSuchPage(): RegistryError {
  return new RegistryError('NAME_UNKNOWN', 'There is nothing at this path. The registry is at /v2/.');
}

/** The last two segments are the endpoint and its argument. A name can contain `manifests` and `tags` itself. */
function splitPath(pathname: string): { name: string; endpoint: string; last: string } {
  const segments = pathname.slice('/v2/'.length).split('/');
  const last = segments.pop() ?? '';
  const endpoint = segments.pop() ?? '';
  return { name: segments.map(decode).join('/'), endpoint, last: decode(last) };
}

/** Decodes a segment after the path was split, so that an encoded slash cannot begin another segment. It is refused. */
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
  const nonce = probeNonce(name.repository);
  if (reference.includes(':')) {
    const digest = digestOf(reference);
    return nonce === undefined
      ? { kind: 'manifest', name, digest }
      : { kind: 'probe', name, nonce, part: 'manifest', digest };
  }
  if (isTag(reference)) {
    return nonce === undefined
      ? { kind: 'tag', name, tag: reference }
      : { kind: 'probe', name, nonce, part: 'manifest', digest: undefined };
  }
  // The conformance suite asks for `.INVALID_MANIFEST_NAME`, and expects 404.
  throw new RegistryError('MANIFEST_UNKNOWN', 'There is no such manifest: the reference is not a valid tag.');
}

function parseBlob(name: Name, digest: Digest): EdgeRequest {
  const nonce = probeNonce(name.repository);
  return nonce === undefined
    ? { kind: 'blob', name, digest }
    : { kind: 'probe', name, nonce, part: 'blob', digest };
}

function digestOf(text: string): Digest {
  if (isDigest(text)) return text;
  throw new RegistryError(
    'DIGEST_INVALID',
    'This is not a digest that this registry can store. It stores sha256 and sha512.',
  );
}

/**
 * Finds the upstream, in this order: `?ns=`, the host name, the path's first segment if it looks like an upstream, and the
 * default upstream. A stated upstream comes before a guess.
 */
function nameOf(requested: string, url: URL, naming: Naming): Name {
  const namespaces = queryOf(url)
    .getAll('ns')
    .filter((text) => text !== '');
  const upstreams = new Set(namespaces.map(upstreamOfNamespace));
  if (upstreams.size > 1) {
    throw new RegistryError('NAME_UNKNOWN', '"ns" is given more than once, and names different upstreams.');
  }
  const [stated = upstreamOfHost(url, naming)] = upstreams;
  const repository =
    stated === undefined
      ? parseRepository(requested, naming.defaultUpstream)
      : repositoryWithin(stated, requested);
  return { repository, requested, namespace: namespaces[0] };
}

/**
 * A URL omits the default port of its scheme, but `HOSTS` may name that port. A dot at the end of a host name only marks it
 * as complete, so it names the same host.
 */
function upstreamOfHost({ hostname, port, protocol }: URL, { hosts }: Naming): Upstream | undefined {
  const name = hostname.endsWith('.') ? hostname.slice(0, -1) : hostname;
  const number = port === '' ? (protocol === 'https:' ? '443' : '80') : port;
  return hosts.get(`${name}:${number}`) ?? hosts.get(name);
}

/** A malformed `ns` is answered as unknown, with 404, because containerd sends any image's host and falls back on 404. */
function upstreamOfNamespace(text: string): Upstream {
  try {
    return parseUpstream(text);
  } catch (error) {
    if (error instanceof NameInvalidError) throw new RegistryError('NAME_UNKNOWN', error.message);
    throw error;
  }
}

/** No list is as long as this, so a larger `n` asks for the same page. */
const MAX_PAGE_LENGTH = 999_999_999;

function pageOf(query: URLSearchParams): Page {
  const n = query.get('n');
  if (n !== null && !/^\d+$/.test(n)) {
    throw new RegistryError('PAGINATION_NUMBER_INVALID', '"n" is not a whole number of entries.');
  }
  const limit = n === null ? undefined : Math.min(Number(n), MAX_PAGE_LENGTH);
  return { limit, last: query.get('last') || undefined };
}
