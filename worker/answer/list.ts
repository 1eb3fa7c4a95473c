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
  const isWhole = entries.length === sorted.length;
  const body = isWhole ? encodeWhole(list) : encodeJson({ ...fields, [listed]: entries });
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

interface Encoded {
  readonly fields: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** By the list. Only the last answer of each, because the same list is answered under several names. */
const encoded = new WeakMap<readonly string[], Encoded>();

/** Encodes a list once, and not once per request: a list of 100,000 tags has some 3 MB. */
function encodeWhole({ fields, listed, sorted }: List): Uint8Array<ArrayBuffer> {
  const text = JSON.stringify(fields);
  const known = encoded.get(sorted);
  if (known?.fields === text) return known.bytes;
  const bytes = encodeJson({ ...fields, [listed]: sorted });
  encoded.set(sorted, { fields: text, bytes });
  return bytes;
}
