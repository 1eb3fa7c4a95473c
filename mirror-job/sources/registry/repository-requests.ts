/**
 * Sends the requests to one repository of a registry. It counts them, reads their responses whole, and reads lists page by
 * page.
 */
import { SkippedError } from '../../engine/support/skipped-error.ts';
import { SourceError, TooLongError, type RequestCounts } from '../../engine/source.ts';
import { withRetries } from '../../engine/support/retry.ts';
import type { HttpResponse } from './http-client.ts';
import { BrokenBodyError, readWhole } from './response/body.ts';
import { ListSlot, type Slots } from './pace/list-slot.ts';
import { nextLink, parseLinks } from './response/link-header.ts';
import { NO_REQUESTS, kindOf, type RegistryRequest } from './registry-request.ts';
import type { Registry } from './registry.ts';
import { AccountOutOfQuotaError } from './pace/account-out-of-quota-error.ts';

/** 10,000 pages are a million tags at 100 tags per page, as at quay.io. */
const MAX_PAGES = 10_000;
/** A longer list holds a slot for long responses. 40,000 tags, or all referrers of nearly any image, fit below. */
const LONG_LIST_BYTES = 1024 * 1024;
/** The most attempts to read a whole response whose body breaks off. */
const BODY_ATTEMPTS = 3;

type Request = Omit<RegistryRequest, 'path'>;

export interface WholeResponse {
  readonly response: HttpResponse;
  /** Undefined for every status but 200. */
  readonly bytes: Uint8Array<ArrayBuffer> | undefined;
}

/** The bounds of a list, and the statuses it may have. */
export interface ListBounds {
  /** The most bytes of a page. */
  readonly pageBytes: number;
  /** The most bytes of all pages together. */
  readonly listBytes: number;
  /** The statuses besides 200 that are no error: a page with such a status is the last one. */
  readonly allow?: readonly number[];
  /** The most attempts for a page, when fewer than for other requests. */
  readonly attempts?: number | undefined;
  /** The advice when the list cannot be read to its end, with a space before it. */
  readonly advice?: string;
}

export class RepositoryRequests {
  /** The repository's name in messages. */
  readonly name: string;
  readonly registry: Registry;
  readonly #path: string;
  #counts: RequestCounts = NO_REQUESTS;
  #hasAnswered = false;

  /** @param path the repository's name within the registry */
  constructor(registry: Registry, path: string) {
    this.registry = registry;
    this.name = registry.nameOf(path);
    this.#path = path;
  }

  /** The number of requests so far. */
  get counts(): RequestCounts {
    return this.#counts;
  }

  /** Whether anything of the repository could be read. Then a refusal concerns one name, and not the caller. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  /** @param allow the statuses that are no error; `any`: all that another attempt would not change */
  async send(request: Request, allow: readonly number[] | 'any'): Promise<HttpResponse> {
    const kind = kindOf(request);
    this.#count(kind, 1);
    try {
      const response = await this.registry.request({ ...request, path: this.#path }, allow);
      this.#hasAnswered ||= response.status < 300;
      return response;
    } catch (error) {
      // The request was never sent. A plan that counted it would promise more than the run's budget allows.
      if (error instanceof SkippedError && !(error instanceof AccountOutOfQuotaError)) this.#count(kind, -1);
      throw error;
    }
  }

  /**
   * Reads a whole response. If the body breaks off, the request is sent again at once, because the registry has just
   * answered.
   * @param wanted `allow` has the statuses besides 200 that are no error
   * @param large slots for responses that are longer than most
   */
  async read(
    request: Request,
    wanted: {
      readonly allow: readonly number[];
      readonly maxBytes: number;
      readonly where: string;
    },
    large: Slots = this.registry.large,
  ): Promise<WholeResponse> {
    const { allow, maxBytes, where } = wanted;
    const attempt = async (): Promise<WholeResponse> => {
      const response = await this.send(request, [200, ...allow]);
      if (response.status !== 200) {
        response.discard();
        return { response, bytes: undefined };
      }
      return { response, bytes: await readWhole(response, maxBytes, this.registry.timeoutMs, where, large) };
    };
    return withRetries(attempt, {
      attempts: BODY_ATTEMPTS,
      isRetryable: (error) => error instanceof BrokenBodyError,
    });
  }

  /**
   * Reads a list page by page, by its `Link` headers. No page's bytes stay in memory while the next page is awaited, because
   * a registry may send that one slowly.
   * @param visit takes what it wants of a page, and returns whether the next page is wanted too
   * @throws {TooLongError}
   */
  async eachPage(
    resource: string,
    bounds: ListBounds,
    visit: (page: WholeResponse) => boolean,
  ): Promise<void> {
    const visited = new Set<string>();
    const slot = new ListSlot(this.registry.large);
    let next: string | undefined = resource;
    let bytes = 0;
    const { advice = '' } = bounds;
    try {
      while (next !== undefined) {
        if (visited.has(next))
          throw new SourceError(`${this.name}: the pages of ${resource} lead in a circle.${advice}`);
        if (visited.size === MAX_PAGES)
          throw new TooLongError(
            `${this.name}: ${resource} has more than ${MAX_PAGES} pages.`,
            MAX_PAGES,
            'pages',
          );
        visited.add(next);
        const page = await this.#visitPage(resource, next, bounds, visit, slot);
        next = page.next;
        bytes += page.bytes;
        if (next === undefined) return;
        if (bytes > bounds.listBytes) {
          throw new TooLongError(
            `${this.name}: the pages of ${resource} have more than ${bounds.listBytes} bytes in all, which is the most that Lifeboat reads of a list.`,
            bounds.listBytes,
          );
        }
        if (bytes > LONG_LIST_BYTES) await slot.take();
      }
    } finally {
      slot.end();
    }
  }

  /** A separate method, so that nothing holds the page's bytes after it returns. */
  async #visitPage(
    resource: string,
    at: string,
    { pageBytes, allow = [], attempts, advice = '' }: ListBounds,
    visit: (page: WholeResponse) => boolean,
    slot: ListSlot,
  ): Promise<{ readonly bytes: number; readonly next: string | undefined }> {
    const where = `${this.name}: ${resource}`;
    const read = await this.read(
      { method: 'GET', resource: at, attempts },
      { allow, maxBytes: pageBytes, where },
      slot,
    );
    const bytes = read.bytes?.length ?? 0;
    const isMoreWanted = visit(read) && read.bytes !== undefined;
    return {
      bytes,
      next: isMoreWanted ? this.#nextPage(read.response.headers.get('Link'), resource, advice) : undefined,
    };
  }

  #count(kind: keyof RequestCounts, by: 1 | -1): void {
    this.#counts = { ...this.#counts, [kind]: this.#counts[kind] + by };
  }

  /** Only the query of a `Link` is used, so that the header changes neither the path nor the host. */
  #nextPage(header: string | null, resource: string, advice: string): string | undefined {
    const links = parseLinks(header);
    const target = nextLink(links);
    if (target !== undefined) {
      const query = target.indexOf('?');
      return query === -1 ? resource : `${resource}${target.slice(query)}`;
    }
    if (links.rest === '') return undefined;
    throw new SourceError(
      `${this.name}: ${resource}: the answer has a Link header that Lifeboat does not understand, so the next page cannot be asked for: "${links.rest.slice(0, 100)}".${advice}`,
    );
  }
}
