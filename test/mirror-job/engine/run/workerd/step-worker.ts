/**
 * One step of a run as a Worker: `mirrorRepository` with workerd's own clock and fetch, over an R2 binding. It is bundled without
 * any module of Node's, so the build fails as soon as the engine or the registry's client needs one.
 */
import { parseRepository, parseTag, parseUpstream } from '../../../../../core/reference.ts';
import { DEFAULT_SETTINGS, type Image } from '../../../../../mirror-job/engine/image.ts';
import { mirrorRepository } from '../../../../../mirror-job/engine/run/mirror-repository.ts';
import { shareWork } from '../../../../../mirror-job/engine/run/shared-work.ts';
import { createRunState } from '../../../../../mirror-job/engine/run-state.ts';
import { DEFAULT_LIMITS, type Clock, type Runtime } from '../../../../../mirror-job/engine/runtime.ts';
import { openBucket } from '../../../../../mirror-job/engine/store/bucket.ts';
import { TimeoutError } from '../../../../../mirror-job/engine/support/timeout-error.ts';
import type { HttpClient, HttpResponse } from '../../../../../mirror-job/sources/registry/http-client.ts';
import { NO_BUDGET } from '../../../../../mirror-job/sources/registry/pace/budget.ts';
import {
  DEFAULT_CONCURRENCY,
  DEFAULT_RETRY,
  DEFAULT_TIMEOUT_MS,
} from '../../../../../mirror-job/sources/registry/registry-options.ts';
import { RegistrySource } from '../../../../../mirror-job/sources/registry/registry-source.ts';
import { Registry } from '../../../../../mirror-job/sources/registry/registry.ts';
import { R2BindingStore, type R2Binding } from './r2-binding-store.ts';
import { Sha256 } from './sha256.ts';

/** What the step is told. */
export interface StepRequest {
  /** `127.0.0.1:<port>`. */
  readonly host: string;
  readonly path: string;
  readonly repository: string;
  readonly tag: string;
  /** Bytes. */
  readonly partBytes: number;
  /** Bytes of all buffers. */
  readonly bufferBytes: number;
}

const clock: Clock = {
  now: () => new Date(),
  sleep(milliseconds, signal) {
    if (!(milliseconds < 2 ** 31)) throw new RangeError(`A timer of ${milliseconds} ms ends at once.`);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    signal.throwIfAborted();
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
    return promise;
  },
};

const send: HttpClient = async (url, { method, headers, body, signal, timeoutMs }) => {
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(new TimeoutError('an answer')), timeoutMs);
  try {
    const response = await fetch(url, {
      method,
      headers,
      redirect: 'manual',
      signal: AbortSignal.any([signal, silence.signal]),
      ...(body !== undefined && { body }),
    });
    return responseOf(response);
  } finally {
    clearTimeout(timer);
  }
};

function responseOf({ status, headers, body }: Response): HttpResponse {
  return {
    status,
    headers,
    body: chunksOf(body),
    discard: () => {
      if (body?.locked === false) void body.cancel();
    },
  };
}

async function* chunksOf(body: Response['body']): AsyncGenerator<Uint8Array> {
  if (body !== null) yield* body;
}

export default {
  async fetch(request: Request, { BUCKET }: { readonly BUCKET: R2Binding }): Promise<Response> {
    const told: StepRequest = JSON.parse(await request.text());
    const logged: string[] = [];
    const log = { info: (text: string) => logged.push(text), warn: (text: string) => logged.push(text) };
    const limits = { ...DEFAULT_LIMITS, partBytes: told.partBytes, rangesFromBytes: told.partBytes };
    const runtime: Runtime = { clock, log, limits, createHash: () => new Sha256() };
    const { signal } = new AbortController();
    const store = new R2BindingStore(BUCKET);
    const newId = crypto.randomUUID();
    await openBucket(store, { name: 'test', audience: 'public', singleWriter: false, newId });
    const state = createRunState({ store, run: 'run-workerd', signal }, limits, told.bufferBytes);
    const registry = new Registry(parseUpstream(told.host), {
      httpClient: send,
      clock,
      log,
      signal,
      accounts: [],
      insecure: true,
      timeoutMs: DEFAULT_TIMEOUT_MS,
      retry: DEFAULT_RETRY,
      concurrency: DEFAULT_CONCURRENCY,
      budget: NO_BUDGET,
    });
    const image: Image = {
      ...DEFAULT_SETTINGS,
      source: new RegistrySource(registry, told.path),
      repository: parseRepository(told.repository),
      tags: { explicit: [parseTag(told.tag)], rules: undefined },
      referrersEveryMs: 1,
      mustBePublic: false,
      neighbours: [],
    };
    const work = shareWork({ ...runtime, ...state }, [image]);
    return Response.json({ result: await mirrorRepository(image.repository, work), logged });
  },
};
