/** Lists that are paged: tags and repositories. */
import { encodeJson } from '../../core/json.ts';
import type { Answer } from '../headers.ts';
import type { Page } from '../request.ts';

export interface List {
  /** What the body holds beside the list. */
  readonly fields: Readonly<Record<string, string>>;
  readonly listed: 'tags' | 'repositories';
  /** Bytewise. */
  readonly sorted: readonly string[];
  /** Where the list is, for the link to its next page. */
  readonly path: string;
  /** Echoed in that link. */
  readonly namespace: string | undefined;
}

/** https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags */
export function answerList(list: List, page: Page, cacheControl: string): Answer {
  const { fields, listed, sorted, path, namespace } = list;
  const { limit, last } = page;
  const after = last === undefined ? sorted : sorted.filter((entry) => entry > last);
  const entries = limit === undefined ? after : after.slice(0, limit);
  const final = entries.at(-1);
  const body = encodeJson({ ...fields, [listed]: entries });
  const headers: Record<string, string> = {
    'Content-Type': 'application/json',
    'Content-Length': String(body.length),
    'Cache-Control': cacheControl,
  };
  if (final !== undefined && entries.length < after.length) {
    const query = new URLSearchParams({ n: String(limit), last: final });
    if (namespace !== undefined) query.set('ns', namespace);
    headers['Link'] = `<${path}?${query.toString()}>; rel="next"`;
  }
  return { status: 200, headers, body };
}
