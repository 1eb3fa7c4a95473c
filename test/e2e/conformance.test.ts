/**
 * The official conformance suite, told to push nothing, against the edge over what the job mirrored from real
 * registries. What it does not ask, our own tests do: docs/decisions/0004-conformance-suite.md has the list.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startConformanceMirror, type ConformanceMirror } from '../support/conformance-mirror.ts';
import { runConformance, type ConformanceResult, type Outcome } from '../support/conformance.ts';
import { digestOfTag } from '../support/content.ts';
import { startEdge, type Edge } from '../support/edge.ts';

/** What it asks of a registry that has its content already. */
const PASSED = [
  'Pull Setup Get tag name from environment',
  'Pull Pull blobs HEAD request to nonexistent blob should result in 404 response',
  'Pull Pull blobs HEAD request to existing blob should yield 200',
  'Pull Pull blobs GET nonexistent blob should result in 404 response',
  'Pull Pull blobs GET request to existing blob URL should yield 200',
  'Pull Pull manifests HEAD request to nonexistent manifest should return 404',
  'Pull Pull manifests HEAD request to manifest path (digest) should yield 200 response',
  'Pull Pull manifests HEAD request to manifest path (tag) should yield 200 response',
  'Pull Pull manifests GET nonexistent manifest should return 404',
  'Pull Pull manifests GET request to manifest path (digest) should yield 200 response',
  'Pull Pull manifests GET request to manifest path (tag) should yield 200 response',
  'Content Discovery Setup Populate registry with test tags (no push)',
  'Content Discovery Test content discovery endpoints GET request to list tags should yield 200 response',
  'Content Discovery Test content discovery endpoints GET number of tags should be limitable by `n` query parameter',
  'Content Discovery Test content discovery endpoints GET start of tag is set by `last` query parameter',
];

/**
 * What needs push, by flow. Of the first and the third: putting content there, taking it away again, and the one
 * check that wants 400 for a manifest that is put.
 */
const SKIPPED = { Pull: 8, Push: 29, 'Content Discovery': 6, 'Content Management': 10 };

/** Each with two tags at least. */
const CASES = [
  { name: 'a multi-platform image', repository: 'library/app', tag: 'latest', from: 'docker-registry' },
  { name: 'Docker media types', repository: 'library/docker', tag: 'list', from: 'docker-registry' },
  { name: 'sha512', repository: 'library/sha512', tag: 'manifest', from: 'olareg' },
] as const;

const BLOBS = ['stream', 'redirect'] as const;

let mirror: ConformanceMirror;
const edges = new Map<(typeof BLOBS)[number], Edge>();

beforeAll(async () => {
  mirror = await startConformanceMirror(CASES);
  for (const blobs of BLOBS) edges.set(blobs, await startEdge(mirror.store, { BLOBS: blobs }));
});

afterAll(async () => {
  for (const edge of edges.values()) await edge.stop();
  await mirror?.stop();
});

describe.each(BLOBS)('BLOBS = %s', (blobs) => {
  test.each(CASES)('$name', async ({ repository, tag }) => {
    const { name, content } = mirror.get(repository);
    const [blob = ''] = content.blobs.keys();
    const result = await runConformance({
      url: edgeWith(blobs).url,
      repository: name,
      tags: [...content.tags.keys()],
      tag,
      manifest: digestOfTag(content, tag),
      blob,
    });
    expect(result.failures).toEqual([]);
    expect(checksThat('passed', result)).toEqual(PASSED);
    expect(countByFlow(checksThat('skipped', result))).toEqual(SKIPPED);
    expect(result.code).toBe(0);
  });
});

test('a registry that lacks the content does not pass', async () => {
  const absent = `sha256:${'0'.repeat(64)}`;
  const result = await runConformance({
    url: edgeWith('stream').url,
    repository: 'docker.io/library/absent',
    tags: ['one', 'two'],
    tag: 'one',
    manifest: absent,
    blob: absent,
  });
  expect(checksThat('failed', result)).toEqual(PASSED.filter((check) => / yield 200|parameter$/.test(check)));
  expect(result.code).toBe(1);
});

function edgeWith(blobs: (typeof BLOBS)[number]): Edge {
  const edge = edges.get(blobs);
  if (edge === undefined) throw new Error(`There is no edge with BLOBS = ${blobs}.`);
  return edge;
}

function checksThat(outcome: Outcome, { checks }: ConformanceResult): string[] {
  return [...checks].filter(([, each]) => each === outcome).map(([name]) => name);
}

function countByFlow(names: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    Object.keys(SKIPPED).map((flow) => [flow, names.filter((name) => name.startsWith(`${flow} `)).length]),
  );
}
