/** The edge: parse → authorise → find → answer. docs/request-handling.md numbers its decisions. */
import { RegistryError } from '../core/error.ts';
import { MUTABILITY } from '../core/key-kind.ts';
import { manifestKey, referrersKey, stateKey, tagKey, tagListKey } from '../core/layout.ts';
import { formatReference, type Reference } from '../core/reference.ts';
import type { Answer } from './answer/answer.ts';
import { answerBlob } from './answer/blob.ts';
import { answerError } from './answer/error.ts';
import { HeadersCache } from './answer/headers-cache.ts';
import { CACHE_CONTROL, type CachePolicy } from './answer/headers.ts';
import { answerList, type List } from './answer/list.ts';
import { answerManifest } from './answer/manifest.ts';
import { answerProbe } from './answer/probe.ts';
import { answerReferrers } from './answer/referrers.ts';
import { EdgeCache } from './cache/edge-cache.ts';
import { openEdgeObjects, type EdgeObjects } from './cache/edge-objects.ts';
import type { EncodedList } from './cache/encoded-list.ts';
import { ReadableCatalog } from './cache/readable-catalog.ts';
import { ConfigurationError } from './configuration/configuration-error.ts';
import type { Configuration } from './configuration/configuration.ts';
import type { Token } from './configuration/token.ts';
import type { EdgeRuntime } from './isolate/edge-runtime.ts';
import { faultOf } from './isolate/failure.ts';
import { bodyOf } from './isolate/large-body.ts';
import { newTrace, type RequestContext, type WaitUntil } from './isolate/request-context.ts';
import type { Log } from './log.ts';
import { MissQueue, type MissBinding } from './misses/miss-queue.ts';
import { SentMarkers } from './misses/sent-markers.ts';
import { Monitoring } from './monitoring/monitoring.ts';
import { Pages } from './pages/pages.ts';
import { authorise } from './request/access.ts';
import { RequestParser } from './request/parsed-request.ts';
import { RequestHeaders } from './request/request-headers.ts';
import { DIGESTS_ONLY, isOfPages, noSuchPage, type EdgeRequest, type Page } from './request/request.ts';

export interface EdgeOptions extends EdgeRuntime {
  readonly log: Log;
  /** The queue that gets the names of missing images; undefined if nobody wants to know them. */
  readonly missBinding?: MissBinding | undefined;
}

export class Edge {
  readonly #configuration: Configuration;
  readonly #options: EdgeOptions;
  readonly #objects: EdgeObjects;
  readonly #parser: RequestParser;
  readonly #readableCatalog = new ReadableCatalog();
  readonly #headersCache = new HeadersCache();
  readonly #monitoring: Monitoring;
  readonly #missQueue: MissQueue | undefined;
  readonly #pages: Pages;

  constructor(configuration: Configuration, options: EdgeOptions) {
    this.#configuration = configuration;
    this.#options = options;
    this.#objects = openEdgeObjects(configuration, options);
    this.#parser = new RequestParser(configuration);
    this.#monitoring = new Monitoring(configuration, this.#objects, options);
    this.#pages = new Pages({ configuration, objects: this.#objects, now: options.now });
    const { cache, now, onBackgroundFailure, missBinding: queue } = options;
    if (queue !== undefined) {
      const markers = new SentMarkers(new EdgeCache(cache));
      this.#missQueue = new MissQueue({ queue, markers, now, onBackgroundFailure });
    }
  }

  /** Always resolves, with an answer in a registry's form. No request is answered with 500. */
  async handle(httpRequest: Request, waitUntil: WaitUntil): Promise<Response> {
    const { now, limits, log } = this.#options;
    const startedAtMs = now();
    const context: RequestContext = {
      deadlineMs: startedAtMs + limits.answerMs,
      waitUntil,
      trace: newTrace(),
    };
    const { request, host, path } = this.#parser.parse(httpRequest.method, httpRequest.url);
    const requestHeaders = new RequestHeaders(httpRequest, host);
    let answer: Answer;
    try {
      answer = await this.#answer(request, requestHeaders, context);
    } catch (error) {
      answer = answerError(asRegistryError(error, context), CACHE_CONTROL.public.uncached);
    }
    const durationMs = now() - startedAtMs;
    let response: Response;
    try {
      const headers = this.#headersCache.headersOf(request, answer, context.trace, durationMs);
      response = respond(answer, requestHeaders.isHead, headers);
    } catch (error) {
      const refusal = answerError(asRegistryError(error, context), CACHE_CONTROL.public.uncached);
      response = respond(refusal, requestHeaders.isHead);
    }
    try {
      log({
        kind: request.kind,
        method: httpRequest.method,
        path,
        status: response.status,
        durationMs,
        trace: context.trace,
      });
    } catch {
      // A dataset that refuses a data point must not cost the client its answer.
    }
    return response;
  }

  async #answer(
    request: EdgeRequest,
    requestHeaders: RequestHeaders,
    context: RequestContext,
  ): Promise<Answer> {
    if (request.kind === 'refused') throw request.error;
    if (!this.#configuration.pages && isOfPages(request)) throw noSuchPage();
    if (request.kind === 'page' || request.kind === 'asset') {
      return this.#pages.answer(request, requestHeaders, context);
    }
    const token = await authorise(request, requestHeaders, this.#configuration);
    if (token !== undefined) context.trace.token = token.name;
    switch (request.kind) {
      case 'life':
        return this.#answerJson('{}', 200);
      case 'ping':
      case 'health':
        return this.#answerLiveness(request.kind, context);
      case 'status':
        return this.#monitoring.answerStatus(token, context);
      case 'metrics':
        return this.#monitoring.answerMetrics(token, requestHeaders, context);
      case 'feed':
        return this.#answerFeed(request, context);
      case 'catalog':
        return this.#answerCatalog(request.page, token, context);
      case 'manifest':
        return this.#answerManifest(request, requestHeaders, context);
      case 'tag':
        return this.#answerTag(request, requestHeaders, context);
      case 'blob':
        return answerBlob(request, requestHeaders, context, this.#objects, this.#configuration);
      case 'probe':
        return this.#answerProbe(request, requestHeaders);
      case 'tags':
        return this.#answerTags(request, context);
      case 'referrers':
        return this.#answerReferrers(request, context);
    }
  }

  #cacheControl(policy: CachePolicy): string {
    return CACHE_CONTROL[this.#configuration.audience][policy];
  }

  /** `/v2/` is 503 while no store is live: CRI-O and podman skip such a mirror, and after a 200 they would stay with it. */
  async #answerLiveness(kind: 'ping' | 'health', context: RequestContext): Promise<Answer> {
    const { stores } = this.#objects;
    const isLive = await stores.isAnyLive(context);
    if (!isLive && kind === 'ping') throw new RegistryError('UNAVAILABLE', 'No store answers at the moment.');
    const body = kind === 'ping' ? '{}' : JSON.stringify({ live: isLive, stores: stores.overview() });
    return this.#answerJson(body, isLive ? 200 : 503);
  }

  #answerJson(body: string, status: number): Answer {
    return {
      status,
      headers: {
        'Content-Type': 'application/json',
        'Content-Length': String(body.length),
        'Docker-Distribution-Api-Version': 'registry/2.0',
        'Cache-Control': this.#cacheControl('uncached'),
      },
      body,
    };
  }

  async #answerManifest(
    { name, digest }: Extract<EdgeRequest, { kind: 'manifest' }>,
    requestHeaders: RequestHeaders,
    context: RequestContext,
  ): Promise<Answer> {
    const found = await this.#objects.manifests.find(context, manifestKey(name.repository, digest));
    if (found === undefined) {
      this.#noteMiss({ repository: name.repository, tag: undefined, digest }, context);
      throw new RegistryError('MANIFEST_UNKNOWN', 'There is no such manifest here.', { detail: { digest } });
    }
    if (found.modified !== undefined) context.trace.since = found.modified;
    return answerManifest(found.value, requestHeaders, this.#cacheControl(MUTABILITY.manifest));
  }

  async #answerTag(
    { name, tag }: Extract<EdgeRequest, { kind: 'tag' }>,
    requestHeaders: RequestHeaders,
    context: RequestContext,
  ): Promise<Answer> {
    const found = this.#configuration.tags
      ? await this.#objects.tags.find(context, tagKey(name.repository, tag))
      : undefined;
    if (found === undefined) {
      if (this.#configuration.tags) {
        this.#noteMiss({ repository: name.repository, tag, digest: undefined }, context);
      }
      const message = this.#configuration.tags ? 'There is no such tag here.' : DIGESTS_ONLY;
      throw new RegistryError('MANIFEST_UNKNOWN', message, { detail: { tag } });
    }
    context.trace.since = found.value.moved;
    return answerManifest(found.value, requestHeaders, this.#cacheControl(MUTABILITY.tag));
  }

  async #answerProbe(
    request: Extract<EdgeRequest, { kind: 'probe' }>,
    requestHeaders: RequestHeaders,
  ): Promise<Answer> {
    if (request.digest === undefined && !this.#configuration.tags) {
      throw new RegistryError('MANIFEST_UNKNOWN', DIGESTS_ONLY);
    }
    return answerProbe(request, requestHeaders, this.#cacheControl('uncached'));
  }

  /** Records that the bucket does not have an image. Called only after the request was authorised. */
  #noteMiss(reference: Reference, { trace, waitUntil }: RequestContext): void {
    const miss = formatReference(reference);
    trace.miss = miss;
    this.#missQueue?.report(miss, this.#objects.stores.cacheId, waitUntil);
  }

  async #answerTags(
    { name, page }: Extract<EdgeRequest, { kind: 'tags' }>,
    context: RequestContext,
  ): Promise<Answer> {
    const found = this.#configuration.tags
      ? await this.#objects.tagLists.find(context, tagListKey(name.repository))
      : undefined;
    if (found === undefined) {
      const message = this.#configuration.tags ? 'There is no such repository here.' : DIGESTS_ONLY;
      throw new RegistryError('NAME_UNKNOWN', message, { detail: { name: name.requested } });
    }
    const list: List = {
      fields: { name: name.requested },
      field: 'tags',
      entries: found.value,
      path: `/v2/${name.requested}/tags/list`,
      namespace: name.namespace,
    };
    return answerList(list, page, this.#cacheControl(MUTABILITY['tag list']));
  }

  async #answerFeed(
    { name }: Extract<EdgeRequest, { kind: 'feed' }>,
    context: RequestContext,
  ): Promise<Answer> {
    if (!this.#configuration.tags) throw new RegistryError('NAME_UNKNOWN', DIGESTS_ONLY);
    return this.#monitoring.answerFeed(name.repository, context);
  }

  async #answerReferrers(
    { name, subject, artifactType }: Extract<EdgeRequest, { kind: 'referrers' }>,
    context: RequestContext,
  ): Promise<Answer> {
    const found = await this.#objects.referrers.find(context, referrersKey(name.repository, subject));
    return answerReferrers(found?.value, artifactType, this.#cacheControl(MUTABILITY.referrers));
  }

  async #answerCatalog(page: Page, token: Token | undefined, context: RequestContext): Promise<Answer> {
    const catalogs: EncodedList[] = [];
    for (const name of this.#configuration.catalogs) {
      const found = await this.#objects.catalogs.find(context, stateKey(name, 'catalog.json'));
      if (found !== undefined) catalogs.push(found.value);
    }
    const list: List = {
      fields: {},
      field: 'repositories',
      entries: this.#readableCatalog.listFor(catalogs, token),
      path: '/v2/_catalog',
      namespace: undefined,
    };
    return answerList(list, page, this.#cacheControl(MUTABILITY.state));
  }
}

/** The answer to every request while a variable cannot be used. */
export function refuseAll(method: string, error: ConfigurationError): Response {
  const refusal = new RegistryError('UNAVAILABLE', error.message);
  return respond(answerError(refusal, CACHE_CONTROL.public.uncached), method === 'HEAD');
}

function respond(answer: Answer, isHead: boolean, headers: HeadersInit = answer.headers): Response {
  const { status, body } = answer;
  const sent = isHead ? null : body instanceof Uint8Array || Array.isArray(body) ? bodyOf(body) : body;
  return new Response(sent, { status, headers });
}

function asRegistryError(error: unknown, context: RequestContext): RegistryError {
  if (error instanceof RegistryError) return error;
  if (error instanceof ConfigurationError) return new RegistryError('UNAVAILABLE', error.message);
  // A fault of the edge must not become a 500, because docker would repeat the request five times.
  context.trace.failures.push(faultOf(error));
  return new RegistryError('UNAVAILABLE', 'The registry failed to answer this request.');
}
