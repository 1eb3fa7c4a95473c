/** Follows an edge's redirects to the store of a blob. */
import type { Reply } from '../../cluster/doctor/observation.ts';
import { BLOB_HEADERS } from './edge.ts';
import type { Got, Question, Requester } from './requester.ts';

/** A store may redirect once more, as AWS does to a bucket's region. */
const MAX_REDIRECTS = 3;

/** @returns where an answer redirects to; undefined if it does not */
export function locationIn(reply: Reply, base: string): URL | undefined {
  if (reply.kind === 'failure' || reply.status < 300 || reply.status >= 400) return undefined;
  const url = URL.parse(reply.headers['location'] ?? '', base);
  return url !== null && /^https?:$/.test(url.protocol) ? url : undefined;
}

/** The address is a key to the blob, so messages have its host alone. */
export async function followRedirects(
  requester: Requester,
  from: URL,
  options: Partial<Question>,
): Promise<Got> {
  let url = from;
  for (let hop = 1; ; hop += 1) {
    const got = await requester.ask({
      ...options,
      method: 'GET',
      clock: 'store',
      url: url.href,
      asked: `GET of a blob at ${url.host}`,
      headers: { ...BLOB_HEADERS, ...options.headers },
    });
    const next = locationIn(got.reply, url.href);
    if (next === undefined || hop === MAX_REDIRECTS) return got;
    url = next;
  }
}
