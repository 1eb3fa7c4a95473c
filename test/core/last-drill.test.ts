/** The sums of a drill in the bucket: they are read as they were written, within bounds, and nothing else is taken for them. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { summaryOf } from '../../cluster/drill/summary.ts';
import type { Drill } from '../../cluster/drill/drill.ts';
import {
  decodeLastDrill,
  encodeLastDrill,
  MAX_DRILL_CLUSTERS,
  MAX_DRILL_REPOSITORIES,
  MAX_DRILL_UPSTREAMS,
} from '../../core/last-drill.ts';
import { stateKey } from '../../core/layout.ts';
import { maxSizeOf } from '../../core/object-size.ts';
import { parseReference } from '../../core/reference.ts';
import { bytesOf, hostile } from './arbitraries.ts';
import { nameOfThrown } from './thrown.ts';

const KEY = stateKey('default', 'last-drill.json');
const AT = '2026-06-01T12:00:00.000Z';

/** A drill of images that are all lost, but for the first one. */
function drillOf(names: readonly string[], clusters: readonly string[] = ['prod']): Drill {
  return {
    at: AT,
    mirror: 'default',
    chosen: ['docker.io'],
    isByDigestOnly: false,
    edge: 'https://edge.test',
    edgeFailure: undefined,
    access: { audience: 'public', hasToken: undefined },
    lists: clusters.map((cluster, index) => ({
      cluster,
      observed: new Date(Date.parse(AT) - index * 1000).toISOString(),
    })),
    damagedLists: [],
    lastRun: { notKnown: 'nothing says it' },
    textOnly: 0,
    results: names.map((name, index) => ({
      image: {
        reference: parseReference(name),
        digest: undefined,
        platforms: undefined,
        uses: [],
        useCount: 0,
        clusters,
      },
      verdict:
        index === 0
          ? { outcome: 'served', says: [], disagreement: undefined }
          : { outcome: 'missing', reason: 'not-selected', says: [], disagreement: undefined },
      upstream: undefined,
    })),
  };
}

const FULL = summaryOf(
  drillOf(['docker.io/library/a:1', 'docker.io/library/b:1', 'docker.io/library/b:2']),
  3,
);

test('the sums are those of the drill, and are read as they were written', () => {
  expect(FULL).toMatchObject({
    at: AT,
    sums: {
      success: false,
      complete: true,
      live: true,
      chosen: ['docker.io'],
      images: 3,
      pulled: 1,
      lost: 2,
      clusters: [{ name: 'prod', observed: AT }],
      upstreams: [{ name: 'docker.io', pulled: 1, outcomes: { served: 1, missing: 2, unknown: 0 } }],
    },
    lost: [{ repository: 'docker.io/library/b', images: 2 }],
  });
  const counts = FULL.sums.reasons.map(({ reason, images }) => [reason, images]);
  expect(counts).toContainEqual(['not-selected', 2]);
  expect(counts).toContainEqual(['damaged', 0]);
  const bytes = encodeLastDrill(FULL);
  expect(decodeLastDrill(KEY, bytes)).toEqual(FULL);
  expect(bytes.length).toBeLessThan(2048);
});

test('however much clusters run, it has some KiB, and what counts most', () => {
  const hosts = Array.from({ length: 60 }, (_, host) => `registry-${host}.${'h'.repeat(50)}.test`);
  const names = hosts.flatMap((host, index) =>
    Array.from({ length: index + 1 }, (_, tag) => `${host}/team/app-${index}/${'p'.repeat(100)}:${tag}`),
  );
  const clusters = Array.from({ length: 60 }, (_, index) => `cluster-${index}`);
  const bytes = encodeLastDrill(summaryOf(drillOf(names, clusters), 0));
  expect(bytes.length).toBeLessThan(12 * 1024);
  expect(bytes.length).toBeLessThan(maxSizeOf(KEY));
  const { sums, lost } = decodeLastDrill(KEY, bytes);
  expect(sums).toMatchObject({ images: names.length, clusterCount: 60 });
  expect(lost).toHaveLength(MAX_DRILL_REPOSITORIES);
  expect([lost[0]?.images, lost.at(-1)?.images]).toEqual([60, 41]);
  expect(sums.upstreams).toHaveLength(MAX_DRILL_UPSTREAMS);
  expect(sums.upstreams.map(({ name }) => name)).toContain(hosts[59]);
  expect(sums.clusters).toHaveLength(MAX_DRILL_CLUSTERS);
  // Somebody has to look at the oldest list.
  expect(sums.clusters[0]?.name).toBe('cluster-59');
});

test.for<[string, object]>([
  ['its version is not', { version: 2 }],
  ['"at" is not a time', { at: 'x' }],
  ['"sums" is not an object', { sums: [] }],
  ['"sums.pulled" is not a count', { sums: { ...FULL.sums, pulled: -1 } }],
  ['"sums.upstreams[0].outcomes.unknown" is not a count', { sums: withOutcomes({ served: 1 }) }],
  ['"lost[0].repository" is not the full name', { lost: [{ repository: '../a', images: 1 }] }],
  ['"lost" has more than', { lost: Array.from({ length: 21 }, () => FULL.lost[0]) }],
])('a damaged object is refused: %s', ([sentence, part]) => {
  const bytes = new TextEncoder().encode(JSON.stringify({ version: 1, ...FULL, ...part }));
  expect(() => decodeLastDrill(KEY, bytes)).toThrow(sentence);
});

function withOutcomes(outcomes: object): object {
  const whole = { 'other-digest': 0, 'platform-missing': 0, missing: 0, ...outcomes };
  return { ...FULL.sums, upstreams: [{ name: 'docker.io', pulled: 0, outcomes: whole }] };
}

test('property: the object is read, or refused by one error', () => {
  fc.assert(
    fc.property(hostile({ version: 1, ...FULL }), (input) => {
      expect([undefined, 'BucketObjectInvalidError']).toContain(
        nameOfThrown(() => decodeLastDrill(KEY, bytesOf(input))),
      );
    }),
  );
});
