/** Lists with pages: tags and repositories. */
import type { EncodedList } from '../cache/encoded-list.ts';
import { lengthOf } from '../isolate/large-body.ts';
import type { Page } from '../request/request.ts';
import type { Answer } from './answer.ts';

export interface List {
  /** The other fields of the body. */
  readonly fields: Readonly<Record<string, string>>;
  /** The name of the list's own field. */
  readonly field: 'tags' | 'repositories';
  readonly entries: EncodedList;
  /** The path of the list, for the link to the next page. */
  readonly path: string;
  /** The `ns` of that link. */
  readonly namespace: string | undefined;
}

/** https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags */
export function answerList(list: List, page: Page, cacheControl: string): Answer {
  const { fields, field, entries, path, namespace } = list;
  const { limit, last } = page;
  const start = last === undefined ? 0 : entries.indexAfter(last);
  const end = limit === undefined ? entries.length : Math.min(start + limit, entries.length);
  const [before = '', after = ''] = JSON.stringify({ ...fields, [field]: [] }).split(/(?<=\[)(?=\]\}$)/);
  const body = [bytesOf(before), entries.slice(start, end), bytesOf(after)];
  const headers: Record<string, string> = {
    'Content-Type': 'application/json',
    'Content-Length': String(lengthOf(body)),
    'Cache-Control': cacheControl,
  };
  if (start < end && end < entries.length) {
    const query = new URLSearchParams({ n: String(limit), last: entries.at(end - 1) });
    if (namespace !== undefined) query.set('ns', namespace);
    headers['Link'] = `<${path}?${query.toString()}>; rel="next"`;
  }
  return { status: 200, headers, body };
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new TextEncoder().encode(text));
}
