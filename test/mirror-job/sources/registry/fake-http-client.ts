/** Answers that no real registry gives, without one. */
import type { HttpClient } from '../../../../mirror-job/sources/registry/http-client.ts';

/** @param answer to each request */
export function fakeHttpClient(
  answer: (
    url: string,
    headers: Readonly<Record<string, string>>,
    body: string | undefined,
    method: string,
  ) => Response | Promise<Response>,
): HttpClient {
  return async (url, { headers, body, method }) => {
    const response = await answer(url.href, headers, body, method);
    return {
      status: response.status,
      headers: response.headers,
      body: response.body ?? nothing(),
      discard: () => {},
    };
  };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
