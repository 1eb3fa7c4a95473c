/**
 * The edge: parse → authorise → find → answer. The decisions are numbered in docs/request-handling.md.
 */
import { RegistryError } from '../core/error.ts';
import { manifestKey, referrersKey, stateKey, tagKey, tagListKey } from '../core/layout.ts';
import { answerBlob } from './answer/blob.ts';
import { answerError } from './answer/error.ts';
import { bodyOf } from './isolate/large-body.ts';
import { answerList, type List } from './answer/list.ts';
import { answerManifest } from './answer/manifest.ts';
import { answerReferrers } from './answer/referrers.ts';
import { authorise } from './request/access.ts';
import { RequestHeaders } from './request/request-headers.ts';
import type { Configuration } from './configuration/configuration.ts';
import { ConfigurationError } from './configuration/configuration-error.ts';
import type { EncodedList } from './cache/encoded-list.ts';
import { CACHE_CONTROL, type Answer, type CachePolicy } from './answer/headers.ts';
import { openEdgeObjects, type EdgeObjects, type EdgeRuntime } from './cache/edge-objects.ts';
import { faultOf, type Log } from './log.ts';
import { RequestParser } from './request/parsed-request.ts';
import type { EdgeRequest, Page } from './request/request.ts';
import { ReadableCatalog } from './cache/readable-catalog.ts';
import { newTrace, type RequestContext } from './isolate/request-context.ts';
import { HeadersCache } from './answer/headers-cache.ts';
import type { Token } from './configuration/token.ts';

export interface EdgeOptions extends EdgeRuntime {
  readonly log: Log;
}

/** Lets work outlive the answer, as the runtime's `waitUntil`. */
export type WaitUntil = (work: Promise<unknown>) => void;

export class Edge {
  readonly #configuration: Configuration;
  readonly #options: EdgeOptions;
  readonly #library: EdgeObjects;
  readonly #parser: RequestParser;
  readonly #readable = new ReadableCatalog();
  readonly #warmHeaders = new HeadersCache();

  constructor(configuration: Configuration, options: EdgeOptions) {
    this.#configuration = configuration;
    this.#options = options;
    this.#library = openEdgeObjects(configuration, options);
    this.#parser = new RequestParser(configuration);
  }

  /** Always resolves, with an answer that has the form of a registry's; never a 500 for what was asked. */
  async handle(request: Request, waitUntil: WaitUntil): Promise<Response> {
    const { now, limits, log } = this.#options;
    const begin = now();
    const scope: RequestContext = {
      deadline: begin + limits.answer,
      waitUntil,
      trace: newTrace(),
    };
    const { asked, host, path } = this.#parser.parse(request.method, request.url);
    const caller = new RequestHeaders(request, host);
    let answer: Answer;
    try {
      answer = await this.#answer(asked, caller, scope);
    } catch (error) {
      answer = answerError(asRegistryError(error, scope), CACHE_CONTROL.public.never);
    }
    const milliseconds = now() - begin;
    let response: Response;
    try {
      const headers = this.#warmHeaders.of(asked, answer, scope.trace, milliseconds);
      response = respond(answer, caller.isHead, headers);
    } catch (error) {
      const refusal = answerError(asRegistryError(error, scope), CACHE_CONTROL.public.never);
      response = respond(refusal, caller.isHead);
    }
    try {
      log({
        kind: asked.kind,
        method: request.method,
        path,
        status: response.status,
        milliseconds,
        trace: scope.trace,
      });
    } catch {
      // A dataset that takes no more points must not cost the client its answer.
    }
    return response;
  }

  async #answer(request: EdgeRequest, caller: RequestHeaders, scope: RequestContext): Promise<Answer> {
    if (request.kind === 'refused') throw request.error;
    const needed = authorise(request, caller, this.#configuration);
    const token = needed === undefined ? undefined : await needed;
    if (token !== undefined) scope.trace.token = token.name;
    switch (request.kind) {
      case 'ping':
      case 'health':
        return this.#answerLiveness(request.kind, scope);
      case 'catalog':
        return this.#answerCatalog(request.page, token, scope);
      case 'manifest':
        return this.#answerManifest(request, caller, scope);
      case 'tag':
        return this.#answerTag(request, caller, scope);
      case 'blob':
        return answerBlob(request, caller, scope, this.#library, this.#configuration);
      case 'tags':
        return this.#answerTags(request, scope);
      case 'referrers':
        return this.#answerReferrers(request, scope);
    }
  }

  #keep(keeping: CachePolicy): string {
    return CACHE_CONTROL[this.#configuration.audience][keeping];
  }

  /** CRI-O and podman leave a mirror alone whose `/v2/` is 503; later they would be committed to it. */
  async #answerLiveness(kind: 'ping' | 'health', scope: RequestContext): Promise<Answer> {
    const { roster } = this.#library;
    const isLive = await roster.isAnyLive(scope);
    if (!isLive && kind === 'ping') throw new RegistryError('UNAVAILABLE', 'No store answers at the moment.');
    const body = kind === 'ping' ? '{}' : JSON.stringify({ live: isLive, stores: roster.overview() });
    return {
      status: isLive ? 200 : 503,
      headers: {
        'Content-Type': 'application/json',
        'Content-Length': String(body.length),
        'Docker-Distribution-Api-Version': 'registry/2.0',
        'Cache-Control': this.#keep('never'),
      },
      body,
    };
  }

  async #answerManifest(
    { name, digest }: Extract<EdgeRequest, { kind: 'manifest' }>,
    caller: RequestHeaders,
    scope: RequestContext,
  ): Promise<Answer> {
    const kept = await this.#library.manifests.find(scope, manifestKey(name.repository, digest));
    if (kept === undefined) {
      throw new RegistryError('MANIFEST_UNKNOWN', 'There is no such manifest here.', { detail: { digest } });
    }
    if (kept.modified !== undefined) scope.trace.since = kept.modified;
    return answerManifest(kept.value, caller, this.#keep('digest'));
  }

  async #answerTag(
    { name, tag }: Extract<EdgeRequest, { kind: 'tag' }>,
    caller: RequestHeaders,
    scope: RequestContext,
  ): Promise<Answer> {
    const kept = this.#configuration.tags
      ? await this.#library.tags.find(scope, tagKey(name.repository, tag))
      : undefined;
    if (kept === undefined) {
      const message = this.#configuration.tags
        ? 'There is no such tag here.'
        : 'This edge answers digests only.';
      throw new RegistryError('MANIFEST_UNKNOWN', message, { detail: { tag } });
    }
    scope.trace.since = kept.value.moved;
    return answerManifest(kept.value, caller, this.#keep('pointer'));
  }

  async #answerTags(
    { name, page }: Extract<EdgeRequest, { kind: 'tags' }>,
    scope: RequestContext,
  ): Promise<Answer> {
    const kept = this.#configuration.tags
      ? await this.#library.tagLists.find(scope, tagListKey(name.repository))
      : undefined;
    if (kept === undefined) {
      const message = this.#configuration.tags
        ? 'There is no such repository here.'
        : 'This edge answers digests only.';
      throw new RegistryError('NAME_UNKNOWN', message, { detail: { name: name.requested } });
    }
    const list: List = {
      fields: { name: name.requested },
      listed: 'tags',
      entries: kept.value,
      path: `/v2/${name.requested}/tags/list`,
      namespace: name.namespace,
    };
    return answerList(list, page, this.#keep('pointer'));
  }

  async #answerReferrers(
    { name, subject, artifactType }: Extract<EdgeRequest, { kind: 'referrers' }>,
    scope: RequestContext,
  ): Promise<Answer> {
    const kept = await this.#library.referrers.find(scope, referrersKey(name.repository, subject));
    return answerReferrers(kept?.value, artifactType, this.#keep('pointer'));
  }

  async #answerCatalog(page: Page, token: Token | undefined, scope: RequestContext): Promise<Answer> {
    const catalogs: EncodedList[] = [];
    for (const catalog of this.#configuration.catalogs) {
      const kept = await this.#library.catalogs.find(scope, stateKey(catalog, 'catalog.json'));
      if (kept !== undefined) catalogs.push(kept.value);
    }
    const list: List = {
      fields: {},
      listed: 'repositories',
      entries: this.#readable.of(catalogs, token),
      path: '/v2/_catalog',
      namespace: undefined,
    };
    return answerList(list, page, this.#keep('pointer'));
  }
}

/** The answer to every request while a variable cannot be used. */
export function refuseAll(method: string, error: ConfigurationError): Response {
  const refusal = new RegistryError('UNAVAILABLE', error.message);
  return respond(answerError(refusal, CACHE_CONTROL.public.never), method === 'HEAD');
}

function respond(answer: Answer, isHead: boolean, headers: HeadersInit = answer.headers): Response {
  const { body } = answer;
  const sent = isHead ? null : body instanceof Uint8Array || Array.isArray(body) ? bodyOf(body) : body;
  return new Response(sent, { status: answer.status, headers });
}

function asRegistryError(error: unknown, scope: RequestContext): RegistryError {
  if (error instanceof RegistryError) return error;
  if (error instanceof ConfigurationError) return new RegistryError('UNAVAILABLE', error.message);
  // A mistake of ours must not become a 500: docker would repeat the request five times.
  scope.trace.failures.push(faultOf(error));
  return new RegistryError('UNAVAILABLE', 'The registry failed to answer this request.');
}
