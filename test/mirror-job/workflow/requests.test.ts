/**
 * The job as a Worker asks upstreams for no more than the job on a machine does for the same content, but for what each
 * instance asks once: whether there is a registry, and for a token.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { emptyBuckets, type Buckets } from '../../support/shared.ts';
import { sync } from '../../support/sync.ts';
import { JobOnNetwork } from './job-on-network.ts';
import { SmallRegistry, textOf } from './small-registry.ts';

vi.setConfig({ testTimeout: 120_000 });

const ACCOUNT = { username: 'reader', password: 'secret' };
/** One instance for each upstream, and no large blobs. */
const INSTANCES_PER_UPSTREAM = 1;

let job: JobOnNetwork;
let bucket: Buckets;
/** The first one gives anybody what it has, the second one wants a token of an account. */
let upstreams: readonly SmallRegistry[];

beforeAll(async () => {
  const open = await SmallRegistry.start(['app', 'other']);
  const closed = await SmallRegistry.start(['closed', 'closed/too'], {
    auth: { kind: 'bearer', credentials: ACCOUNT },
  });
  upstreams = [open, closed];
  await open.tag('app', 'one', '1', 'latest');
  await open.tag('app', 'two', '2');
  await open.tag('other', 'three', '3');
  await closed.tag('closed', 'four', '4');
  await closed.tag('closed/too', 'five', '5');
  bucket = await emptyBuckets();
  job = await JobOnNetwork.start();
  await job.configure(textOf(configuration()));
}, 120_000);

afterAll(async () => {
  await job?.close();
  await Promise.all((upstreams ?? []).map((upstream) => upstream.stop()));
});

function configuration(): Record<string, unknown> {
  const accounts = [[], [ACCOUNT]];
  return {
    upstreams: Object.fromEntries(
      upstreams.map(({ registry }, index) => [
        registry.host,
        { insecure: true, credentials: accounts[index] },
      ]),
    ),
    images: upstreams.flatMap(({ registry, corpus }) =>
      [...corpus.repositories.keys()].map((name) => ({
        source: `${registry.host}/${name}`,
        tags: ['*'],
        public: true,
      })),
    ),
  };
}

function take(): Record<string, number>[] {
  return upstreams.map((upstream) => {
    const counts = upstream.requestsByKind();
    upstream.reset();
    return counts;
  });
}

/** Makes one run on a machine and one as a Worker. @returns what each upstream was asked, by kind */
async function runBoth(counts: Record<string, number>) {
  take();
  const synced = await sync(bucket, configuration());
  expect(synced.report.counts).toMatchObject({ failed: 0, ...counts });
  const byNode = take();
  expect(await job.run()).toMatchObject({ counts: { failed: 0, ...counts } });
  const byWorker = take();
  return upstreams.map((_, index) => ({ byNode: byNode[index] ?? {}, byWorker: byWorker[index] ?? {} }));
}

/** Takes apart what is asked once per instance, and what is asked for the content. */
function split({ 'GET ping': pings = 0, 'GET token': tokens = 0, ...content }: Record<string, number>) {
  return { pings, tokens, content };
}

test.each([
  ['a first run', {}, { created: 6 }],
  ['a run that finds nothing new', {}, { unchanged: 6 }],
  ['a run that finds one tag moved', { moves: true }, { unchanged: 5, moved: 1 }],
])(
  '%s asks each upstream for no more than the job on a machine does',
  async (_name, { moves }: { moves?: boolean }, counts) => {
    if (moves === true) await upstreams[1]?.tag('closed', 'six', '4');
    const [open, closed] = await runBoth(counts);
    if (open === undefined || closed === undefined) throw new Error('There are two upstreams.');
    expect(closed.byWorker['GET token']).toBeGreaterThan(0);
    for (const upstream of [open, closed]) {
      const [byNode, byWorker] = [split(upstream.byNode), split(upstream.byWorker)];
      expect(byWorker.content).toEqual(byNode.content);
      expect(byWorker.pings).toBeLessThanOrEqual(byNode.pings + INSTANCES_PER_UPSTREAM);
      expect(byWorker.tokens).toBeLessThanOrEqual(byNode.tokens + INSTANCES_PER_UPSTREAM);
    }
  },
);
