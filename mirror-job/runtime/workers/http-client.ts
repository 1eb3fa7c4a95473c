/** The HTTP client of an upstream in Workers: their `fetch`, which follows no redirect here. */
import { TimeoutError } from '../../engine/support/timeout-error.ts';
import type { HttpClient, HttpResponse } from '../../sources/registry/http-client.ts';
import { USER_AGENT } from '../user-agent.ts';

export const fetchClient: HttpClient = async (url, { method, headers, body, signal, timeoutMs }) => {
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(new TimeoutError('an answer')), timeoutMs);
  try {
    const response = await fetch(url, {
      method,
      headers: { 'User-Agent': USER_AGENT, ...headers },
      redirect: 'manual',
      signal: AbortSignal.any([signal, silence.signal]),
      ...(body !== undefined && { body }),
    });
    return new FetchedResponse(response);
  } finally {
    clearTimeout(timer);
  }
};

class FetchedResponse implements HttpResponse {
  readonly status: number;
  readonly headers: HttpResponse['headers'];
  readonly #body: ReadableStream<Uint8Array> | null;

  constructor({ status, headers, body }: Response) {
    this.status = status;
    this.headers = headers;
    this.#body = body;
  }

  get body(): AsyncIterable<Uint8Array> {
    return chunksOf(this.#body);
  }

  discard(): void {
    // The connection may be broken already, which does not matter any more.
    if (this.#body?.locked === false) this.#body.cancel().catch(() => undefined);
  }
}

async function* chunksOf(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  if (body !== null) yield* body;
}
