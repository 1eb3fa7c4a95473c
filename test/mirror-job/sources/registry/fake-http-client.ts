/** Gives responses that no real registry gives. */
import type { HttpClient } from '../../../../mirror-job/sources/registry/http-client.ts';

/** @param answer gives the response to each request */
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
