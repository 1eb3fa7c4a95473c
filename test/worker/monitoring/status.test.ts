/** `/status.json`: the answer as a whole, what a token sees of it, and what happens while a part cannot be read. */
import { beforeAll, describe, expect, it } from 'vitest';
import { r2Bucket } from '../support/bucket.ts';
import { putIdentity } from '../support/content.ts';
import { only, status as answering } from '../support/faults.ts';
import { NOW, putState } from '../support/state.ts';
import { TestEdge } from '../support/test-edge.ts';
import { tokenLine } from '../support/tokens.ts';
import golden from './golden/status.json?raw';
import goldenPart from './golden/status-part.json?raw';

const HOUR_MS = 60 * 60 * 1000;
const publicBucket = r2Bucket();
const privateBucket = r2Bucket();
let tokens = '';

function publicEdge(variables: Record<string, string> = {}): TestEdge {
  return movedTo(NOW, new TestEdge([publicBucket], { variables }));
}

function privateEdge(): TestEdge {
  const variables = { AUDIENCE: 'token', TOKENS: tokens };
  return movedTo(NOW, new TestEdge([privateBucket], { variables }));
}

function movedTo(now: number, edge: TestEdge): TestEdge {
  edge.now = now;
  return edge;
}

async function mirrorOf(response: Response): Promise<Record<string, unknown>> {
  const { mirrors } = await response.json<{ mirrors: Record<string, unknown>[] }>();
  return mirrors[0] ?? {};
}

beforeAll(async () => {
  await putIdentity(publicBucket);
  await putIdentity(privateBucket, 'token');
  await putState(publicBucket);
  await putState(privateBucket);
  const lines = [tokenLine('ci', 'ci-token', 'docker.io/library/*'), tokenLine('ops', 'ops-token', '**')];
  tokens = (await Promise.all(lines)).join('\n');
});

describe('the answer', () => {
  it('has the whole state, and no text that attacks', async () => {
    const response = await privateEdge().get('/status.json', { authorization: 'Bearer ops-token' });
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json']);
    const text = await response.text();
    expect(text).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(JSON.parse(text)).toEqual(JSON.parse(golden));
  });

  it('needs four reads, and none while the state is fresh', async () => {
    const edge = publicEdge();
    await edge.get('/status.json');
    expect(edge.takeReads().toSorted()).toEqual([
      '1 lifeboat.json',
      '1 state/default/last-drill.json',
      '1 state/default/last-run.json',
      '1 state/default/overview.json',
      '1 state/default/runs.json',
    ]);
    await edge.get('/status.json');
    expect(edge.takeReads()).toEqual([]);
  });

  it('is never cached, and has no body for HEAD', async () => {
    const edge = publicEdge();
    const [get, head] = [await edge.get('/status.json'), await edge.head('/status.json')];
    expect(head.headers.get('cache-control')).toBe('no-store, no-transform');
    expect(head.headers.get('content-length')).toBe(String((await get.arrayBuffer()).byteLength));
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  it('does not tell everybody the address of the job', async () => {
    const text = await (await publicEdge().get('/status.json')).text();
    expect(text).toContain('"remaining":91');
    expect(text).not.toContain('192.0.2.1');
  });

  it('has each configuration that CATALOG names, also one that never ran', async () => {
    const response = await publicEdge({ CATALOG: 'default,other' }).get('/status.json');
    const { mirrors } = await response.json<{ mirrors: unknown[] }>();
    expect(mirrors).toHaveLength(2);
    expect(mirrors[1]).toEqual({
      mirror: 'other',
      fresh: false,
      freshForSeconds: 86_400,
      upstreams: [],
      failures: [],
      stores: [],
      clusters: [],
      unreadable: [],
    });
  });

  it.each([
    [11, true],
    [13, false],
  ])('%i hours after the last run has fresh = %s, because six hours are usual', async (hours, fresh) => {
    const edge = movedTo(NOW + (hours - 1) * HOUR_MS, publicEdge());
    expect(await mirrorOf(await edge.get('/status.json'))).toMatchObject({ fresh, freshForSeconds: 43_200 });
  });
});

describe('access', () => {
  it.each([[{}], [{ authorization: 'Bearer wrong' }]])('is refused without a token (%j)', async (headers) => {
    const edge = privateEdge();
    expect((await edge.get('/status.json', headers)).status).toBe(403);
    expect(edge.takeReads()).toEqual([]);
  });

  it('a token sees the counts and failures of its own repositories only', async () => {
    const response = await privateEdge().get('/status.json', { authorization: 'Bearer ci-token' });
    const text = await response.text();
    expect(text).not.toMatch(/quay|second |prod|acme/);
    expect(JSON.parse(text)).toEqual(JSON.parse(goldenPart));
  });
});

describe('an object that cannot be read', () => {
  it('is named, and the others are answered', async () => {
    const bucket = r2Bucket();
    await putIdentity(bucket);
    await putState(bucket);
    await bucket.put('state/default/last-run.json', '{"run":1}');
    const edge = movedTo(NOW, new TestEdge([bucket]));
    const mirror = await mirrorOf(await edge.get('/status.json'));
    expect(mirror).toMatchObject({
      unreadable: ['state/default/last-run.json'],
      lastSuccess: '2026-01-31T23:00:11.500Z',
      images: { repositories: 3, tags: 19 },
      failures: [],
    });
    expect(edge.events[0]?.trace.failures.join()).toMatch(/^CORRUPT/);
  });

  it('is 503 if none can be read, and the last state while that is young enough', async () => {
    const edge = publicEdge();
    edge.fault = only(1, answering(500));
    expect((await edge.get('/status.json')).status).toBe(503);
    edge.fault = () => undefined;
    await edge.get('/status.json');
    edge.fault = only(1, answering(500));
    edge.now += 13 * HOUR_MS;
    const stale = await edge.get('/status.json');
    expect([stale.status, stale.headers.get('lifeboat-cache')]).toEqual([200, 'stale']);
    expect(await mirrorOf(stale)).toMatchObject({ fresh: false, images: { tags: 19 } });
  });
});

it('PAGES = off turns status, metrics and feeds off, and nothing else', async () => {
  const edge = publicEdge({ PAGES: 'off' });
  for (const path of ['/status.json', '/metrics', '/feed/nginx.json']) {
    expect((await edge.get(path)).status).toBe(404);
  }
  expect(edge.takeReads()).toEqual([]);
  expect((await edge.get('/v2/')).status).toBe(200);
});
