/**
 * `/metrics`: the text as a whole in both formats. test/e2e/metrics.clients.test.ts has the same texts read by the client library
 * of Prometheus.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { r2Bucket } from '../support/bucket.ts';
import { putIdentity } from '../support/content.ts';
import { NOW, putState } from '../support/state.ts';
import { TestEdge } from '../support/test-edge.ts';
import { tokenLine } from '../support/tokens.ts';
import { metricsFormat } from '../../../worker/monitoring/metrics-format.ts';
import golden from './golden/metrics.txt?raw';
import goldenOpenMetrics from './golden/metrics.openmetrics.txt?raw';

const OPS = { authorization: 'Bearer ops-token' };
const PLAIN = 'text/plain; version=0.0.4; charset=utf-8';
const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
const bucket = r2Bucket();
let tokens = '';

function edgeWith(variables: Record<string, string> = {}): TestEdge {
  const edge = new TestEdge([bucket], { variables: { AUDIENCE: 'token', TOKENS: tokens, ...variables } });
  edge.now = NOW;
  return edge;
}

beforeAll(async () => {
  await putIdentity(bucket, 'token');
  await putState(bucket);
  const lines = [
    tokenLine('ci', 'ci-token', 'docker.io/**'),
    tokenLine('ops', 'ops-token', 'docker.io/**,**'),
  ];
  tokens = (await Promise.all(lines)).join('\n');
});

describe('the text', () => {
  it('is that of Prometheus', async () => {
    const response = await edgeWith().get('/metrics', OPS);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, PLAIN]);
    expect(response.headers.get('vary')).toBe('Accept');
    expect(response.headers.get('cache-control')).toBe('no-store, no-transform');
    expect(await response.text()).toBe(golden);
  });

  it('is OpenMetrics if Accept asks for it, with each metric once although two mirrors have it', async () => {
    const edge = edgeWith({ CATALOG: 'default,never-ran' });
    const response = await edge.get('/metrics', { ...OPS, accept: 'application/openmetrics-text' });
    expect(response.headers.get('content-type')).toBe(OPEN_METRICS);
    expect(await response.text()).toBe(goldenOpenMetrics);
  });

  it('needs four reads, and has no body for HEAD', async () => {
    const edge = edgeWith();
    const head = await edge.head('/metrics', OPS);
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect(head.headers.get('content-length')).toBe(String(new TextEncoder().encode(golden).length));
    expect(edge.takeReads().filter((read) => read !== '1 lifeboat.json')).toHaveLength(4);
  });
});

describe('a token', () => {
  it.each([
    ['no token', {}],
    ['a token that may not read everything', { authorization: 'Bearer ci-token' }],
  ])('%s is refused before anything is read', async (_, headers) => {
    const edge = edgeWith();
    const response = await edge.get('/metrics', headers);
    expect([response.status, edge.takeReads()]).toEqual([403, []]);
  });
});

it.each([
  [undefined, PLAIN],
  ['*/*', PLAIN],
  ['text/html', PLAIN],
  ['application/openmetrics-text;version=0.0.1', PLAIN],
  ['application/openmetrics-text;q=0', PLAIN],
  ['application/openmetrics-text;version=1.0.0;q=0.2,text/plain;version=0.0.4;q=0.4', PLAIN],
  ['application/openmetrics-text; version=1.0.0, text/plain;q=0.5', OPEN_METRICS],
  [
    'application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
    OPEN_METRICS,
  ],
])('Accept: %s is answered with %s', (accept, contentType) => {
  expect(metricsFormat(accept).contentType).toBe(contentType);
});
