/** Answers `/status.json`, `/metrics` and `/feed/<repository>.json` from the objects that the job derives for pages. */
import { RegistryError } from '../../core/error.ts';
import { encodeJson } from '../../core/json.ts';
import { MUTABILITY } from '../../core/key-kind.ts';
import { formatMetrics } from '../../core/prometheus-text.ts';
import type { Repository } from '../../core/reference.ts';
import type { Answer } from '../answer/answer.ts';
import { CACHE_CONTROL, type CachePolicy } from '../answer/headers.ts';
import type { EdgeObjects } from '../cache/edge-objects.ts';
import { readDescription, readMirrorState } from '../cache/page-objects.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { mayReadAll, type Token } from '../configuration/token.ts';
import type { Clock } from '../isolate/edge-runtime.ts';
import type { RequestContext } from '../isolate/request-context.ts';
import type { RequestHeaders } from '../request/request-headers.ts';
import { feedOf } from './feed.ts';
import { metricsFormat } from './metrics-format.ts';
import { mirrorMetrics } from './mirror-metrics.ts';
import { mirrorStatus } from './mirror-status.ts';
import { visibleState, type VisibleState } from './visible-state.ts';

/** The version of the form of `/status.json`. It changes only if a field changes its meaning or goes away. */
const STATUS_VERSION = 1;

const encoder = new TextEncoder();

export class Monitoring {
  readonly #configuration: Configuration;
  readonly #objects: EdgeObjects;
  readonly #now: Clock['now'];

  constructor(configuration: Configuration, objects: EdgeObjects, { now }: Pick<Clock, 'now'>) {
    this.#configuration = configuration;
    this.#objects = objects;
    this.#now = now;
  }

  /** A token that may not read everything gets what is about its own repositories, and when the runs were. */
  async answerStatus(token: Token | undefined, context: RequestContext): Promise<Answer> {
    const states = await this.#readStates(token, context);
    const nowMs = this.#now();
    const body = encodeJson({
      version: STATUS_VERSION,
      at: new Date(nowMs).toISOString(),
      partial: token !== undefined && !mayReadAll(token),
      stores: this.#objects.stores.overview(),
      mirrors: states.map((state) => mirrorStatus(state, nowMs)),
    });
    return this.#answer(body, 'application/json', 'uncached');
  }

  /** @throws {RegistryError} DENIED for a token that may not read everything (docs/decisions/0170) */
  async answerMetrics(
    token: Token | undefined,
    headers: Pick<RequestHeaders, 'accept'>,
    context: RequestContext,
  ): Promise<Answer> {
    if (token !== undefined && !mayReadAll(token)) {
      const message =
        'Metrics count all repositories, so they need a token that may read all of them ("**").';
      throw new RegistryError('DENIED', message);
    }
    const states = await this.#readStates(token, context);
    const nowMs = this.#now();
    const { contentType, end } = metricsFormat(headers.accept);
    const text = formatMetrics(
      states.map((state) => {
        const status = mirrorStatus(state, nowMs);
        return [state.mirror, mirrorMetrics(status, state)] as const;
      }),
    );
    const answer = this.#answer(new Uint8Array(encoder.encode(`${text}${end}`)), contentType, 'uncached');
    answer.headers['Vary'] = 'Accept';
    return answer;
  }

  /** @throws {RegistryError} NAME_UNKNOWN */
  async answerFeed(repository: Repository, context: RequestContext): Promise<Answer> {
    const { catalogs } = this.#configuration;
    const description = await readDescription(context, this.#objects, catalogs, repository);
    if (description === undefined) {
      throw new RegistryError('NAME_UNKNOWN', 'There is no feed of such a repository here.', {
        detail: { name: repository },
      });
    }
    return this.#answer(encodeJson(feedOf(description)), 'application/json', MUTABILITY.state);
  }

  #readStates(token: Token | undefined, context: RequestContext): Promise<readonly VisibleState[]> {
    return Promise.all(
      this.#configuration.catalogs.map(async (mirror) =>
        visibleState(await readMirrorState(context, this.#objects, mirror, true), token),
      ),
    );
  }

  #answer(body: Uint8Array<ArrayBuffer>, contentType: string, policy: CachePolicy): Answer {
    return {
      status: 200,
      headers: {
        'Content-Type': contentType,
        'Content-Length': String(body.length),
        // The sentences of upstreams must never be taken for a page.
        'X-Content-Type-Options': 'nosniff',
        'Cache-Control': CACHE_CONTROL[this.#configuration.audience][policy],
      },
      body,
    };
  }
}
