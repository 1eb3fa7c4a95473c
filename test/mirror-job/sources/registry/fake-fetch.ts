/** Answers that no real registry gives, without one. */
import type { Fetch } from '../../../../mirror-job/sources/registry/answer.ts';

/** @param answer to each request */
export function fakeFetch(
  answer: (
    url: string,
    headers: Readonly<Record<string, string>>,
    body: string | undefined,
    method: string,
  ) => Response | Promise<Response>,
): Fetch {
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
