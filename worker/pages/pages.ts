/**
 * The pages for people: authorise → read → render. Nothing here changes how `/v2/` is answered, and a page that cannot be
 * shown is a page that says so. docs/pages.md
 */
import { RegistryError } from '../../core/error.ts';
import type { Answer } from '../answer/answer.ts';
import type { EdgeObjects } from '../cache/edge-objects.ts';
import { ConfigurationError } from '../configuration/configuration-error.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { mayReadAll, type Token } from '../configuration/token.ts';
import { faultOf } from '../isolate/failure.ts';
import type { RequestContext } from '../isolate/request-context.ts';
import { authorise } from '../request/access.ts';
import type { PageRequest } from '../request/page-request.ts';
import type { RequestHeaders } from '../request/request-headers.ts';
import { noSuchPage } from '../request/request.ts';
import { answerAsset } from './assets.ts';
import { renderDocument, type PageContent, type View } from './document.tsx';
import { homePage } from './home.tsx';
import { readManifest } from './manifest-state.ts';
import { manifestPage } from './manifest.tsx';
import { readMirror } from './readable-mirror.ts';
import { problemPage } from './problem.tsx';
import { readRepository } from './repository-state.ts';
import { repositoryPage } from './repository.tsx';
import { statusPage } from './status.tsx';

type ShownRequest = Extract<PageRequest, { kind: 'page' }>;

export interface PagesOptions {
  readonly configuration: Configuration;
  readonly objects: EdgeObjects;
  readonly now: () => number;
}

/**
 * Nothing is loaded from elsewhere, and no script runs. https://www.w3.org/TR/CSP3/
 * `no-transform` is left out, so that a proxy may compress.
 */
const HEADERS: Readonly<Record<string, string>> = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy':
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

/** The bounds of a page that can show less (docs/pages.md). */
const MAX_BYTES = 40 * 1024;
const MAX_COMPRESSED_BYTES = 15 * 1024;

const encoder = new TextEncoder();

export class Pages {
  readonly #options: PagesOptions;

  constructor(options: PagesOptions) {
    this.#options = options;
  }

  /** @throws {RegistryError} for a path without a page, if the client shows no HTML */
  async answer(request: PageRequest, headers: RequestHeaders, context: RequestContext): Promise<Answer> {
    const asset = request.kind === 'asset' ? answerAsset(request.file) : undefined;
    if (asset !== undefined) return asset;
    if (request.kind === 'asset' || (request.page === 'missing' && !acceptsHtml(headers))) throw noSuchPage();
    const { configuration, now } = this.#options;
    const { host, origin } = new URL(request.origin);
    let view: View = {
      origin: headers.isForwardedTls ? `https://${host}` : origin,
      host,
      now: now(),
      isPrivate: configuration.audience === 'token',
      isPartial: false,
      tags: configuration.tags,
    };
    let token: Token | undefined;
    let isKnown = false;
    try {
      // A known token that may not read this one repository still has the other pages.
      token = await authorise({ kind: 'ping' }, headers, configuration);
      isKnown = true;
      await authorise(request, headers, configuration);
      if (token !== undefined) {
        context.trace.token = token.name;
        view = { ...view, isPartial: !mayReadAll(token) };
      }
      let page = await this.#page(view, request, token, context);
      const { staleSeconds } = context.trace;
      const staleSince =
        staleSeconds === undefined ? undefined : new Date(view.now - staleSeconds * 1000).toISOString();
      for (;;) {
        const html = await renderDocument(view, { ...page, staleSince });
        if (page.smaller === undefined || !(await isLarge(html))) return this.#answerWith(200, html);
        page = page.smaller();
      }
    } catch (error) {
      const refusal = refusalOf(error, context);
      const page = problemPage(view, refusal, isKnown);
      const answer = this.#answerWith(refusal.status, await renderDocument(view, page));
      if (refusal.code === 'UNAUTHORIZED') answer.headers['WWW-Authenticate'] = 'Basic realm="Lifeboat"';
      return answer;
    }
  }

  async #page(
    view: View,
    request: ShownRequest,
    token: Token | undefined,
    context: RequestContext,
  ): Promise<PageContent> {
    const { configuration, objects } = this.#options;
    switch (request.page) {
      case 'home': {
        const mirror = await readMirror(context, objects, configuration, token, false);
        return homePage(view, request, { mirror, stores: objects.stores.overview() });
      }
      case 'repository':
        return repositoryPage(view, request, await readRepository(context, objects, configuration, request));
      case 'manifest':
        return manifestPage(view, request, await readManifest(context, objects, request));
      case 'status': {
        const { configurations } = await readMirror(context, objects, configuration, token, true);
        return statusPage(view, { configurations, stores: objects.stores.overview() });
      }
      case 'missing':
        throw request.reason === undefined ? noSuchPage() : new RegistryError('NAME_UNKNOWN', request.reason);
    }
  }

  #answerWith(status: number, html: string): Answer {
    const body = new Uint8Array(encoder.encode(html));
    const isPublic = this.#options.configuration.audience === 'public';
    return {
      status,
      headers: {
        ...HEADERS,
        'Content-Length': String(body.length),
        // Ages on a page are those of its time, so that a copy is asked for again; and nobody keeps what needs a token.
        'Cache-Control': status === 200 && isPublic ? 'no-cache' : 'no-store',
        Vary: isPublic ? 'Accept' : 'Accept, Authorization',
      },
      body,
    };
  }
}

/** Whether a page is more than people should wait for, as it is or as a proxy sends it, compressed. docs/pages.md */
async function isLarge(html: string): Promise<boolean> {
  const body = new Blob([html]);
  if (body.size < MAX_COMPRESSED_BYTES || body.size > MAX_BYTES) return body.size > MAX_BYTES;
  const compressed = new Response(body.stream().pipeThrough(new CompressionStream('gzip')));
  return (await compressed.arrayBuffer()).byteLength > MAX_COMPRESSED_BYTES;
}

/** Browsers say so, and clients of registries do not. */
function acceptsHtml({ accept }: RequestHeaders): boolean {
  return accept?.includes('text/html') ?? false;
}

function refusalOf(error: unknown, context: RequestContext): RegistryError {
  if (error instanceof RegistryError) return error;
  if (error instanceof ConfigurationError) {
    return new RegistryError('UNAVAILABLE', error.message, { cause: error });
  }
  context.trace.failures.push(faultOf(error));
  return new RegistryError('UNAVAILABLE', 'The page could not be made.');
}
