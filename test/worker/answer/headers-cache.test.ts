/** Headers are remembered for a parsed request only if all answers to it are the same, and come from memory. */
import { expect, it } from 'vitest';
import type { Answer } from '../../../worker/answer/answer.ts';
import { HeadersCache } from '../../../worker/answer/headers-cache.ts';
import { newTrace, type Trace } from '../../../worker/isolate/request-context.ts';
import type { EdgeRequest } from '../../../worker/request/request.ts';

const REQUEST: EdgeRequest = { kind: 'ping' };
const WARM: Trace = { ...newTrace(), source: 'memory' };
const CONTENT = { name: 'a manifest' };

function answerOf(tag: string, madeFrom: Answer['madeFrom']): Answer {
  return { status: 200, headers: { etag: tag }, body: null, ...(madeFrom !== undefined && { madeFrom }) };
}

type Content = Answer['madeFrom'];

/** The headers of a second answer, whose tag is the first one's only if they were remembered. */
function second(before: Trace, madeFromBefore: Content, trace: Trace, madeFrom: Content) {
  const cache = new HeadersCache();
  cache.headersOf(REQUEST, answerOf('first', madeFromBefore), before, 0);
  const headers = cache.headersOf(REQUEST, answerOf('second', madeFrom), trace, 5);
  return Object.fromEntries(new Headers(headers));
}

const REMEMBERED = { etag: 'first', 'lifeboat-cache': 'hit-memory' };

it.each([
  ['the same content', CONTENT, CONTENT, REMEMBERED],
  ['the same address', 'https://a', 'https://a', REMEMBERED],
  ['equal content', CONTENT, { ...CONTENT }, { ...REMEMBERED, etag: 'second' }],
  ['another address', 'https://a', 'https://b', { ...REMEMBERED, etag: 'second' }],
  ['content instead of an address', 'https://a', CONTENT, { ...REMEMBERED, etag: 'second' }],
  ['nothing that it was made from', undefined, undefined, { ...REMEMBERED, etag: 'second' }],
])('a warm answer with %s has the right headers', (_name, before, madeFrom, expected) => {
  expect(second(WARM, before, WARM, madeFrom)).toEqual(expected);
});

const NEW = { etag: 'second', 'lifeboat-cache': 'hit-memory' };
const TIMED = { 'server-timing': 'total;dur=5, store;dur=0;desc="1"' };

it.each<[string, Trace, Record<string, string>]>([
  [
    'came from the data centre’s cache',
    { ...WARM, source: 'edge' },
    { ...NEW, 'lifeboat-cache': 'hit-edge' },
  ],
  ['needed a read', { ...WARM, reads: 1 }, { ...NEW, ...TIMED }],
  ['is stale', { ...WARM, staleSeconds: 0 }, { ...NEW, 'lifeboat-cache': 'stale', 'lifeboat-stale': '0' }],
])('an answer that %s has headers of its own, which are not remembered', (_name, trace, expected) => {
  expect(second(WARM, CONTENT, trace, CONTENT)).toEqual(expected);
  expect(second(trace, CONTENT, WARM, CONTENT)).toEqual(NEW);
});
