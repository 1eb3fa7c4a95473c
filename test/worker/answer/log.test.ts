/** The log line and the data point of a request. */
import { afterEach, expect, it, vi } from 'vitest';
import { faultOf } from '../../../worker/isolate/failure.ts';
import { logBackgroundFailure, logToAnalytics, logToConsole, type Event } from '../../../worker/log.ts';
import { r2Bucket } from '../support/bucket.ts';
import { putIdentity } from '../support/content.ts';
import { TestEdge } from '../support/test-edge.ts';

const EVENT: Event = {
  kind: 'tag',
  method: 'GET',
  path: '/v2/library/nginx/manifests/latest',
  status: 200,
  durationMs: 12,
  trace: { reads: 1, storeMs: 9, source: 'store', store: 2, token: 'ci', failures: [] },
};

afterEach(() => {
  vi.restoreAllMocks();
});

it.each([
  ['log', []],
  ['warn', ['Store 1 did not answer in time.']],
  ['error', ['Store 1 did not answer in time.', 'CORRUPT in store 2: …']],
] as const)('a request is logged by console.%s', (level, failures) => {
  const lines: unknown[] = [];
  for (const one of ['log', 'warn', 'error'] as const) {
    vi.spyOn(console, one).mockImplementation((line: unknown) => lines.push(one, line));
  }
  logToConsole({ ...EVENT, trace: { ...EVENT.trace, failures: [...failures] } });
  expect(lines).toEqual([
    level,
    `{"kind":"tag","method":"GET","path":"/v2/library/nginx/manifests/latest","status":200,"ms":12,"storeMs":9,"reads":1,"source":"store","store":2,"token":"ci"${
      failures.length === 0 ? '' : `,"failures":${JSON.stringify(failures)}`
    }}`,
  ]);
});

it('a request for an image that the bucket lacks has its name in the log line and in the data point', () => {
  const lines: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => lines.push(line));
  const points: unknown[] = [];
  const event: Event = {
    ...EVENT,
    status: 404,
    trace: { reads: 1, storeMs: 9, miss: 'docker.io/library/nginx:latest', failures: [] },
  };
  logToConsole(event);
  logToAnalytics({ writeDataPoint: (point) => points.push(point) })(event);
  expect(lines).toEqual([
    '{"kind":"tag","method":"GET","path":"/v2/library/nginx/manifests/latest","status":404,"ms":12,"storeMs":9,"reads":1,"miss":"docker.io/library/nginx:latest"}',
  ]);
  expect(points).toEqual([
    { indexes: ['tag'], blobs: ['', '', '', 'docker.io/library/nginx:latest'], doubles: [404, 12, 1] },
  ]);
});

it('a miss that could not be reported is a warning', () => {
  const lines: unknown[] = [];
  vi.spyOn(console, 'warn').mockImplementation((line: unknown) => lines.push(line));
  logBackgroundFailure({ kind: 'miss', key: 'a.b/c:1', failures: ['The queue MISSES did not take it.'] });
  expect(lines).toEqual(['{"kind":"miss","key":"a.b/c:1","failures":["The queue MISSES did not take it."]}']);
});

it('a failure that quotes the bucket cannot control a terminal, and is the same JSON', () => {
  const lines: string[] = [];
  vi.spyOn(console, 'error').mockImplementation((line: string) => lines.push(line));
  const failures = ['CORRUPT in store 1: It calls itself "\u001B[31m\u009B\u2028\u202Eoops\uD800".'];
  logToConsole({ ...EVENT, trace: { ...EVENT.trace, failures } });
  logBackgroundFailure({ key: 'repositories/x/_tags/y', failures });
  expect(lines.map((line) => JSON.parse(line).failures)).toEqual([failures, failures]);
  for (const line of lines) expect(line).toMatch(/^[ -~]*$/);
});

it.each([
  ['warn', ['Store 1 did not answer in time.']],
  ['error', ['CORRUPT in store 2: …']],
] as const)('a refresh that fails after the answer is logged by console.%s', (level, failures) => {
  const lines: unknown[] = [];
  for (const one of ['log', 'warn', 'error'] as const) {
    vi.spyOn(console, one).mockImplementation((line: unknown) => lines.push(one, line));
  }
  logBackgroundFailure({ key: 'repositories/x/_tags/y', failures });
  expect(lines).toEqual([
    level,
    `{"kind":"refresh","key":"repositories/x/_tags/y","failures":${JSON.stringify(failures)}}`,
  ]);
});

it.each([
  [512, 512],
  [513, 512],
])('the log line of a path of %i characters has the first %i of them', (length, expected) => {
  const lines: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => lines.push(line));
  const path = `/v2/${'a'.repeat(507)}bc`.slice(0, length);
  logToConsole({ ...EVENT, path });
  expect(JSON.parse(lines[0] ?? '').path).toBe(path.slice(0, expected));
});

it.each([
  ['CORRUPT: blobs/x is linked but not stored.', 'error'],
  ['FAULT of the edge: Error: x', 'error'],
  ['Store 1 answered 400 CORRUPT for repositories/x/FAULT.', 'warn'],
])('the failure “%s” is logged by console.%s, because only its beginning counts', (failure, level) => {
  const levels: string[] = [];
  for (const one of ['log', 'warn', 'error'] as const) {
    vi.spyOn(console, one).mockImplementation(() => levels.push(one));
  }
  logToConsole({ ...EVENT, trace: { ...EVENT.trace, failures: [failure] } });
  logBackgroundFailure({ key: 'repositories/x/_tags/y', failures: ['Store 1 is slow.', failure] });
  expect(levels).toEqual([level, level]);
});

it('a fault of the edge is described by its stack, by its message without a stack, or not at all', () => {
  const withStack = Object.assign(new Error('oops'), { stack: 'Error: oops\n    at edge.ts:1' });
  const withoutStack = Object.assign(new Error('oops'), { stack: undefined });
  expect([withStack, withoutStack, 'oops', undefined].map(faultOf)).toEqual([
    'FAULT of the edge: Error: oops\n    at edge.ts:1',
    'FAULT of the edge: oops',
    'FAULT of the edge: unknown',
    'FAULT of the edge: unknown',
  ]);
});

it('a request is one data point of the metrics', () => {
  const points: unknown[] = [];
  logToAnalytics({ writeDataPoint: (point) => points.push(point) })(EVENT);
  expect(points).toEqual([{ indexes: ['tag'], blobs: ['store', '2', 'ci', ''], doubles: [200, 12, 1] }]);
});

it('a log that fails does not cost the client its answer', async () => {
  const bucket = r2Bucket();
  await putIdentity(bucket);
  const edge = new TestEdge([bucket], {
    log: () => {
      throw new Error('the dataset takes no more points');
    },
  });
  const response = await edge.get('/v2/');
  expect([response.status, await response.text(), edge.events.length]).toEqual([200, '{}', 1]);
});
