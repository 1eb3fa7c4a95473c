/** `/status.json`, `/metrics` and `/status` of a public edge name nothing that is only for people of the same house. */
import { beforeAll, expect, it } from 'vitest';
import { encodeLastDrill } from '../../../core/last-drill.ts';
import { r2Bucket } from '../support/bucket.ts';
import { putIdentity } from '../support/content.ts';
import { DRILL, NOW, putState, REPORT, RUNS } from '../support/state.ts';
import { TestEdge } from '../support/test-edge.ts';
import { tokenLine } from '../support/tokens.ts';

/** As sentences of the job have them (test/mirror-job/storage). */
const STORES = [
  'The bucket "innermost" at https://innermost.example:9000',
  'The bucket "innermost" (prefix "innermost/") at AWS, eu-innermost-1',
];

const SECRETS = /innermost|prod|secret|192\.0\.2\.1/;
const PATHS = ['/status.json', '/metrics', '/status', '/'];

const report = {
  ...REPORT,
  stores: REPORT.stores.map((store, index) => ({ ...store, name: STORES[index] })),
  upstreams: [...REPORT.upstreams, { ...REPORT.upstreams[1], name: 'secret.test:5000', quotas: [] }],
  items: STORES.map((store, index) => ({
    repository: 'docker.io/library/app',
    reference: `v${index}`,
    outcome: { result: 'failed', error: `${store}: could not write v${index}: access is denied.` },
  })),
  findings: [
    { kind: 'in-use-list', message: 'The list of prod is too old.' },
    { kind: 'list-too-short', repository: 'docker.io/library/app', message: `${STORES[0]} has it.` },
  ],
};

const [open, closed] = [r2Bucket(), r2Bucket()];
let tokens = '';

beforeAll(async () => {
  tokens = await tokenLine('ops', 'ops-token', '**');
  for (const [bucket, audience] of [
    [open, 'public'],
    [closed, 'token'],
  ] as const) {
    await putIdentity(bucket, audience);
    await putState(bucket);
    await bucket.put('state/default/last-run.json', JSON.stringify(report));
    const upstreams = [{ name: 'secret.test:5000', requests: 1, failures: 1 }];
    await bucket.put(
      'state/default/runs.json',
      JSON.stringify({ version: 1, runs: [{ ...RUNS[0], upstreams }, ...RUNS.slice(1)] }),
    );
  }
});

function edgeOf(isPublic: boolean): TestEdge {
  const edge = isPublic
    ? new TestEdge([open])
    : new TestEdge([closed], { variables: { AUDIENCE: 'token', TOKENS: tokens } });
  edge.now = NOW;
  return edge;
}

async function textAt(path: string, isPublic: boolean): Promise<string> {
  const response = await edgeOf(isPublic).get(path, {
    accept: 'text/html',
    ...(!isPublic && { authorization: 'Bearer ops-token' }),
  });
  expect([path, response.status]).toEqual([path, 200]);
  return new TextDecoder().decode(await response.arrayBuffer());
}

it.each(PATHS)(
  '%s has no name of a store, a cluster, or an upstream of which nothing is listed',
  async (path) => {
    expect(await textAt(path, true)).not.toMatch(SECRETS);
  },
);

it.each(PATHS.slice(0, 3))('%s has all of them for a token that may read everything', async (path) => {
  const text = await textAt(path, false);
  for (const name of ['prod', 'innermost', 'secret.test'])
    expect([path, text]).toEqual([path, expect.stringContaining(name)]);
});

it('numbers stand for the names, the same ones for a cluster wherever it comes', async () => {
  const { mirrors } = JSON.parse(await textAt('/status.json', true));
  expect(mirrors).toMatchObject([
    {
      stores: [
        { name: 'store 1', state: 'in step' },
        { name: 'store 2', state: 'behind' },
      ],
      clusters: [{ name: 'cluster 1', images: 37 }],
      upstreams: [{ name: 'docker.io' }, { name: 'quay.io' }],
      failures: [
        { error: 'The bucket could not write v0: access is denied.' },
        { error: 'The bucket could not write v1: access is denied.' },
      ],
      lastDrill: {
        sums: { images: 40, lost: 4, clusters: [{ name: 'cluster 1' }], upstreams: [{ name: 'docker.io' }] },
        lost: [{ repository: 'docker.io/library/app' }, { repository: 'quay.io/private/app' }],
      },
    },
  ]);
  const metrics = await textAt('/metrics', true);
  expect(metrics).toContain('lifeboat_store_in_step{mirror="default",store="store 2"} 0\n');
  expect(metrics).toContain('lifeboat_cluster_images{mirror="default",cluster="cluster 1"} 37\n');
  const at = Date.parse(DRILL.sums.clusters[0]?.observed ?? '') / 1000;
  expect(metrics).toContain(
    `lifeboat_drill_list_timestamp_seconds{mirror="default",cluster="cluster 1"} ${at}\n`,
  );
});

it('a list that was made of files has no cluster, and gets no number', async () => {
  const bucket = r2Bucket();
  await putIdentity(bucket);
  await putState(bucket);
  const clusters = [{ name: '', observed: '2026-01-31T12:00:00.000Z' }, ...DRILL.sums.clusters];
  await bucket.put(
    'state/default/last-drill.json',
    encodeLastDrill({ ...DRILL, sums: { ...DRILL.sums, clusters } }),
  );
  const edge = new TestEdge([bucket]);
  edge.now = NOW;
  const { mirrors } = await (await edge.get('/status.json')).json<{ mirrors: readonly unknown[] }>();
  expect(mirrors).toMatchObject([
    { lastDrill: { sums: { clusters: [{ name: '' }, { name: 'cluster 1' }] } } },
  ]);
});
