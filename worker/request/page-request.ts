/** The paths of the pages for people, and of the files that they need. */
import { isDigest, type Digest } from '../../core/digest.ts';
import { withoutUnprintable } from '../../core/printable.ts';
import {
  NameInvalidError,
  isTag,
  parseRepository,
  type Repository,
  type Tag,
  type Upstream,
} from '../../core/reference.ts';

/** The name of a repository, in the form in which requests for its content have it. */
interface PageName {
  readonly repository: Repository;
  readonly requested: string;
  readonly namespace: undefined;
}

/** The part of a list that a page shows. */
export interface Listing {
  /** Only entries that contain this text. */
  readonly search: string;
  /** From 1. */
  readonly number: number;
}

/** The origin is the one by which the client reached the edge: `https://lifeboat.example.com`. */
type Asked = { readonly kind: 'page'; readonly origin: string };

export type HomeRequest = Asked & {
  readonly page: 'home';
  readonly listing: Listing;
  /** The runtime whose configuration is shown. */
  readonly client: string | undefined;
};
export type RepositoryRequest = Asked & {
  readonly page: 'repository';
  readonly name: PageName;
  readonly listing: Listing;
  readonly tag: Tag | undefined;
};
export type ManifestRequest = Asked & {
  readonly page: 'manifest';
  readonly name: PageName;
  readonly digest: Digest;
};
export type StatusRequest = Asked & { readonly page: 'status' };
/** There is no page at the path. */
export type MissingRequest = Asked & { readonly page: 'missing'; readonly reason: string | undefined };

export type PageRequest =
  | HomeRequest
  | RepositoryRequest
  | ManifestRequest
  | StatusRequest
  | MissingRequest
  /** A file that tells nothing about the mirror. */
  | { readonly kind: 'asset'; readonly file: string };

const ASSET = /^\/(?:robots\.txt|favicon\.ico|_assets\/[\w.-]+)$/;
/** A name, and a tag or a digest if it has one. A colon before the last slash belongs to a port. */
const REFERENCE = /^(.*?)(?::([^:/@]*))?(?:@([^@]*))?$/s;
const MAX_SEARCH_LENGTH = 200;
const MAX_PAGE_NUMBER = 999_999;

/** @param url of a path that is no registry's */
export function parsePage(url: URL, defaultUpstream: Upstream): PageRequest {
  const { origin, searchParams } = url;
  const pathname = url.pathname.replace(/^(\/r\/.+|\/status)\/$/, '$1');
  const asked = { kind: 'page', origin } as const;
  if (pathname === '/') {
    const client = searchParams.get('client') ?? undefined;
    return { ...asked, page: 'home', listing: listingOf(searchParams), client };
  }
  if (pathname === '/status') return { ...asked, page: 'status' };
  if (ASSET.test(pathname)) return { kind: 'asset', file: pathname };
  if (!/^\/r\/./.test(pathname)) return { ...asked, page: 'missing', reason: undefined };
  try {
    const [, text = '', tag, digest] = REFERENCE.exec(decodeURIComponent(pathname.slice('/r/'.length))) ?? [];
    const name = {
      repository: parseRepository(text, defaultUpstream),
      requested: text,
      namespace: undefined,
    };
    if (digest === undefined) {
      const wanted = searchParams.get('tag') || tag;
      if (wanted === undefined || isTag(wanted)) {
        return { ...asked, page: 'repository', name, listing: listingOf(searchParams), tag: wanted };
      }
      const reason = `There is no tag "${wanted}": no tag can have this name.`;
      return { ...asked, page: 'missing', reason };
    }
    if (isDigest(digest)) return { ...asked, page: 'manifest', name, digest };
    return { ...asked, page: 'missing', reason: 'This is not a digest that this registry can store.' };
  } catch (error) {
    if (error instanceof NameInvalidError) return { ...asked, page: 'missing', reason: error.message };
    // The path has a "%" that does not begin an encoded character.
    if (error instanceof URIError) return { ...asked, page: 'missing', reason: undefined };
    throw error;
  }
}

/** Never refuses: a page number that is none asks for the first page. */
function listingOf(query: URLSearchParams): Listing {
  const number = Math.trunc(Number(query.get('page') ?? '1'));
  return {
    search: withoutUnprintable(query.get('q') ?? '')
      .trim()
      .slice(0, MAX_SEARCH_LENGTH),
    number: number >= 1 ? Math.min(number, MAX_PAGE_NUMBER) : 1,
  };
}
