/**
 * The official conformance suite pushes its own content, of every kind that it knows, to an upstream. The job mirrors
 * the content, and the edge answers every read of the suite. Each check has to end as it ends at the upstream itself.
 * docs/decisions/0004-conformance-suite.md
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { countChecks, pushConformance, type ConformanceResult } from '../support/conformance.ts';
import { repositoryOf } from '../support/content.ts';
import { buildCorpus } from '../support/corpus.ts';
import { EDGE_STARTS } from '../support/edge-starts.ts';
import type { Edge } from '../support/edge.ts';
import { pushRepository } from '../support/push.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';
import { sync } from '../support/sync.ts';
import { startOlareg, type Upstream } from '../support/upstream.ts';
import { startWriteReadSplit, type Pushed, type WriteReadSplit } from '../support/write-read-split.ts';

/** The number of checks for deletions. They are disabled, because a mirror keeps content that its upstream deletes. */
const DELETIONS = 168;

/** The checks that fail because olareg refuses a manifest whose non-distributable layers it lacks. */
const REFUSED_BY_UPSTREAM = {
  'non-distributable-layers/push/manifest-by-digest': 1,
  'non-distributable-layers/push/manifest-by-tag': 1,
  'non-distributable-layers/tag-list': 1,
  'non-distributable-layers/head/manifest-head-by-tag': 1,
  'non-distributable-layers/head/manifest-head-by-digest': 1,
  'non-distributable-layers/pull/manifest-by-tag': 1,
  'non-distributable-layers/pull/manifest-by-digest': 1,
};

const SEED = 'library/artifact';

let upstream: Upstream;
let store: S3Server;

beforeAll(async () => {
  [upstream, store] = await Promise.all([startOlareg(), startS3Server()]);
  await pushRepository(SEED, repositoryOf(await buildCorpus(), SEED), { url: upstream.url });
});
afterAll(async () => {
  await Promise.all([upstream?.stop(), store?.stop()]);
});

/** Runs `lifeboat sync` for all tags and for the digests of all manifests that were pushed. */
async function mirror(pushed: ReadonlyMap<string, Pushed>): Promise<void> {
  const images = [...pushed].map(([repository, { manifests, hasTags }]) => ({
    source: `${upstream.host}/${repository}`,
    tags: hasTags ? ['*'] : undefined,
    digests: [...manifests],
  }));
  const { code, stderr } = await sync(store, {
    upstreams: { [upstream.host]: { insecure: true } },
    defaults: { referrers: { every: '0s' } },
    images: [{ source: `${upstream.host}/${SEED}`, tags: ['*'] }, ...images],
  });
  if (code !== 0) throw new Error(`lifeboat sync ended with ${code}:\n${stderr}`);
}

async function withSplit<Result>(
  edge: Edge,
  refresh: typeof mirror,
  run: (split: WriteReadSplit) => Promise<Result>,
): Promise<Result> {
  const split = await startWriteReadSplit({ upstream: upstream.host, edge: edge.host, mirror: refresh });
  try {
    return await run(split);
  } finally {
    await split.stop();
  }
}

function endsOf({ checks }: ConformanceResult): string[] {
  return checks.map(({ name, outcome }) => `${name}: ${outcome}`).toSorted();
}

describe.each(EDGE_STARTS)('the edge in $runtime', ({ runtime, start }) => {
  let edge: Edge;

  beforeAll(async () => {
    edge = await start(store, { BLOBS: 'stream', TAG_TTL: '0s' });
  });
  afterAll(async () => {
    await edge?.stop();
  });

  // Each pushes into repositories of its own.
  const pushedTo = (purpose: string) => `${purpose}-${runtime.split(' ', 1).join('')}`;

  test('the suite reads from the mirror everything that it pushes to the upstream', async () => {
    // The first run makes the empty bucket a bucket of this mirror.
    await mirror(new Map());
    const { result, reads } = await withSplit(edge, mirror, async (split) => ({
      result: await pushConformance(split.host, pushedTo('mirrored')),
      reads: split.reads,
    }));
    expect(countChecks(result, 'FAIL')).toEqual(REFUSED_BY_UPSTREAM);
    expect(countChecks(result, 'Error')).toEqual({});
    // olareg does not support anonymous mounts, which are optional.
    expect(countChecks(result, 'Skip')).toEqual({
      'sha256 blobs/mount anonymous/blob-mount-anonymous': 1,
      'sha512 blobs/mount anonymous/blob-mount-anonymous': 1,
    });
    const disabled = result.checks.filter(({ outcome }) => outcome === 'Disabled');
    expect(disabled.filter(({ name }) => !/-(?:delete|cancel)$/.test(name))).toEqual([]);
    expect(disabled).toHaveLength(DELETIONS);
    expect(result.checks.filter(({ outcome }) => outcome === 'Pass')).toHaveLength(513);
    // The edge answered all reads.
    expect(reads).toEqual({ ping: 1, tags: 36, manifests: 119, blobs: 204, referrers: 9 });

    const atUpstream = await pushConformance(upstream.host, pushedTo('direct'));
    expect(endsOf(result)).toEqual(endsOf(atUpstream));
  }, 900_000);

  test('a mirror that is not refreshed does not pass', async () => {
    const result = await withSplit(
      edge,
      async () => undefined,
      async (split) => pushConformance(split.host, pushedTo('behind')),
    );
    const read = result.checks.filter(({ name }) => /\/(?:head|pull)\//.test(name));
    expect(new Set(read.map(({ outcome }) => outcome))).toEqual(new Set(['FAIL']));
    expect(read).toHaveLength(258);
  });
});
