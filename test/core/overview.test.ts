/** The overview of one configuration's repositories: merging the lines of runs, the bounds, and what is refused. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseDigest } from '../../core/digest.ts';
import { stateKey } from '../../core/layout.ts';
import { maxSizeOf, maxValuesOf } from '../../core/object-size.ts';
import {
  decodeOverview,
  encodeOverview,
  MAX_OVERVIEW_HELD,
  MAX_OVERVIEW_REPOSITORIES,
  mergeOverview,
  withoutRepository,
  type HeldLine,
  type Overview,
  type OverviewChange,
  type RepositoryLine,
} from '../../core/overview.ts';
import { parseRepository, parseTag } from '../../core/reference.ts';
import { bytesOf, hostile } from './arbitraries.ts';
import { nameOfThrown } from './thrown.ts';

const KEY = stateKey('default', 'overview.json');
const DIGEST = parseDigest(`sha256:${'a'.repeat(64)}`);

function at(day: number): string {
  return new Date(Date.UTC(2026, 0, 1 + day)).toISOString();
}

function line(name: string, more: Partial<RepositoryLine> = {}): RepositoryLine {
  return { name: parseRepository(name), tags: 1, pins: 0, held: 0, gone: 0, ...more };
}

function held(name: string, day: number, more: Partial<HeldLine> = {}): HeldLine {
  return {
    repository: parseRepository(name),
    tag: parseTag('1'),
    digest: DIGEST,
    since: at(day),
    reason: 'moves.policy is hold.',
    ...more,
  };
}

function change(day: number, more: Partial<OverviewChange> = {}): OverviewChange {
  return { run: `run-${day}`, ended: at(day), repositories: [], held: [], ...more };
}

const FULL = mergeOverview(
  undefined,
  change(0, {
    repositories: [
      line('quay.io/b/b', { held: 1, newest: { tag: parseTag('2'), moved: at(0) }, checked: at(0) }),
      line('docker.io/library/a', { pins: 2, held: 1, gone: 3 }),
    ],
    held: [held('quay.io/b/b', 2, { upstream: DIGEST }), held('docker.io/library/a', 1)],
    clusters: [{ name: 'prod', observed: at(0), images: 7 }],
  }),
);

test('an overview is read as it was written', () => {
  expect(decodeOverview(KEY, encodeOverview(FULL))).toEqual(FULL);
  expect(FULL.repositories.map(({ name }) => name)).toEqual(['docker.io/library/a', 'quay.io/b/b']);
  expect(FULL.held.map(({ repository }) => repository)).toEqual(['docker.io/library/a', 'quay.io/b/b']);
  expect(FULL.heldCount).toBe(2);
});

test('a run of some images replaces their lines, and keeps the others', () => {
  const next = mergeOverview(
    FULL,
    change(1, {
      repositories: [line('docker.io/library/a', { tags: 5, checked: at(1) })],
    }),
  );
  expect(next).toEqual({
    ...FULL,
    run: 'run-1',
    ended: at(1),
    repositories: [line('docker.io/library/a', { tags: 5, checked: at(1) }), FULL.repositories[1]],
    held: [FULL.held[1]],
    heldCount: 1,
  } satisfies Record<keyof Overview, unknown>);
});

test('a repository that could not be checked keeps the time of its last check, and the tag that moved last', () => {
  const next = mergeOverview(FULL, change(1, { repositories: [line('quay.io/b/b', { tags: 9 })] }));
  const newest = { tag: '2', moved: at(0) };
  expect(next.repositories[1]).toEqual({ ...line('quay.io/b/b', { tags: 9, checked: at(0) }), newest });
});

test('a repository that is gone has no line and no held tag', () => {
  const left = withoutRepository(FULL, parseRepository('docker.io/library/a'));
  expect(left).toEqual({ ...FULL, repositories: [FULL.repositories[1]], held: [FULL.held[1]], heldCount: 1 });
  expect(withoutRepository(FULL, parseRepository('docker.io/library/never'))).toBeUndefined();
});

test('a run that has read the lists of clusters replaces them all', () => {
  const clusters = [
    { name: 'west', observed: at(1), images: 1 },
    { name: 'east', observed: at(1), images: 2 },
  ];
  expect(mergeOverview(FULL, change(1, { clusters })).clusters).toEqual(clusters.toReversed());
  expect(mergeOverview(FULL, change(1, { clusters: [] })).clusters).toEqual([]);
});

test('the oldest held tags are listed, and all are counted', () => {
  const many = Array.from({ length: 300 }, (_, day) => held('docker.io/library/a', 299 - day));
  const { held: listed, heldCount } = mergeOverview(
    undefined,
    change(0, { repositories: [line('docker.io/library/a', { held: 300 })], held: many }),
  );
  expect(listed).toHaveLength(MAX_OVERVIEW_HELD);
  expect([listed[0]?.since, listed.at(-1)?.since]).toEqual([at(0), at(199)]);
  expect(heldCount).toBe(300);
});

/** A name of usual length: `docker.io/organisation-12/component-name-12`. */
function overviewOf(count: number, nameOf: (index: number) => string): Uint8Array {
  const repositories = Array.from({ length: count }, (_, index) =>
    line(nameOf(index), {
      tags: 1000,
      newest: { tag: parseTag('v1.27.3-alpine'), moved: at(0) },
      checked: at(0),
    }),
  );
  const lines = Array.from({ length: 300 }, (_, day) =>
    held('docker.io/library/a', day, { upstream: DIGEST, reason: 'é'.repeat(1000) }),
  );
  return encodeOverview(mergeOverview(undefined, change(0, { repositories, held: lines })));
}

test('2,000 repositories fit into less than 1 MB, and the largest overview into its bound', () => {
  expect(
    overviewOf(2000, (index) => `docker.io/organisation-${index}/component-name-${index}`).length,
  ).toBeLessThan(1_000_000);
  const host = `${'h'.repeat(60)}.${'h'.repeat(60)}.test`;
  const bytes = overviewOf(12_000, (index) => `${host}/${'p'.repeat(120)}/${index}`);
  expect(bytes.length).toBeLessThan(maxSizeOf(KEY));
  expect(decodeOverview(KEY, bytes).repositories).toHaveLength(MAX_OVERVIEW_REPOSITORIES);
  expect(maxValuesOf(KEY)).toBeGreaterThan(MAX_OVERVIEW_REPOSITORIES * 11);
});

test('texts cannot control a terminal once they are read', () => {
  const value = { version: 1, ...FULL, held: [held('docker.io/library/a', 0, { reason: 'a\u001b[2J\nb' })] };
  const [read] = decodeOverview(KEY, new TextEncoder().encode(JSON.stringify(value))).held;
  expect(read?.reason).toBe('a[2Jb');
});

test.for<[string, object]>([
  ['its version is not', { version: 2 }],
  ['"ended" is not a time', { ended: 'x' }],
  ['"repositories" is not a list', { repositories: {} }],
  [
    '"repositories[0].name" is not the full name',
    { repositories: [{ ...line('quay.io/a/b'), name: 'nginx' }] },
  ],
  [
    '"repositories[0].name" is not the full name',
    { repositories: [{ ...line('quay.io/a/b'), name: '../a' }] },
  ],
  ['"repositories[0].tags" is not a count', { repositories: [{ ...line('quay.io/a/b'), tags: '1' }] }],
  [
    '"repositories[0].newest.moved" is not a time',
    { repositories: [{ ...line('quay.io/a/b'), newest: { tag: '1' } }] },
  ],
  ['"repositories[0].checked" is not a time', { repositories: [{ ...line('quay.io/a/b'), checked: 1 }] }],
  ['"held[0].tag" is not a tag', { held: [{ ...held('quay.io/a/b', 0), tag: '<b>' }] }],
  ['"held[0].upstream" is not a digest', { held: [{ ...held('quay.io/a/b', 0), upstream: 'sha256:x' }] }],
  ['"held" has more than', { held: Array.from({ length: 201 }, () => held('quay.io/a/b', 0)) }],
  ['"heldCount" is not a count', { heldCount: null }],
  ['"clusters[0].images" is not a count', { clusters: [{ name: 'prod', observed: at(0) }] }],
])('a damaged overview is refused: %s', ([sentence, part]) => {
  const bytes = new TextEncoder().encode(JSON.stringify({ version: 1, ...FULL, ...part }));
  expect(() => decodeOverview(KEY, bytes)).toThrow(sentence);
});

test('property: an overview is read, or refused by one error', () => {
  fc.assert(
    fc.property(hostile({ version: 1, ...FULL }), (input) => {
      expect([undefined, 'BucketObjectInvalidError']).toContain(
        nameOfThrown(() => decodeOverview(KEY, bytesOf(input))),
      );
    }),
  );
});
