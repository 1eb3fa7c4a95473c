/**
 * The official conformance suite reads from the edge what the job has mirrored from real registries, and pushes nothing.
 * docs/decisions/0004-conformance-suite.md lists the rules that it does not check, and our own tests of them.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startConformanceMirror, type ConformanceMirror } from '../support/conformance-mirror.ts';
import { countChecks, readConformance } from '../support/conformance.ts';
import { EDGE_STARTS } from '../support/edge-starts.ts';
import type { Edge } from '../support/edge.ts';

const CASES = [
  { name: 'a multi-platform image', repository: 'library/app', from: 'docker-registry' },
  { name: 'Docker media types', repository: 'library/docker', from: 'docker-registry' },
  { name: 'sha512', repository: 'library/sha512', from: 'olareg' },
  { name: 'referrers', repository: 'library/signed', from: 'olareg' },
  {
    name: 'a path whose first part looks like a host',
    repository: 'library/artifact',
    as: 'google.com/cloudsdktool/x',
    from: 'docker-registry',
  },
] as const;

const BLOBS = ['stream', 'redirect'] as const;

let mirror: ConformanceMirror;

beforeAll(async () => {
  mirror = await startConformanceMirror(CASES);
});

afterAll(async () => {
  await mirror?.stop();
});

const EDGES = EDGE_STARTS.flatMap(({ runtime, start }) => BLOBS.map((blobs) => ({ runtime, start, blobs })));

describe.each(EDGES)('the edge in $runtime with BLOBS = $blobs', ({ start, blobs }) => {
  let edge: Edge;

  beforeAll(async () => {
    edge = await start(mirror.store, { BLOBS: blobs });
  });

  afterAll(async () => {
    await edge?.stop();
  });

  test.each(CASES)('$name', async ({ repository }) => {
    const { name, content } = mirror.get(repository);
    const tags = [...content.tags.keys()];
    const manifests = [...content.manifests.keys()];
    const layers = [...content.blobs.keys()];
    const result = await readConformance(edge.host, name, {
      tags,
      manifests,
      blobs: layers,
      referrers: [...content.tags.values()],
    });
    expect(result.checks.filter(({ outcome }) => outcome !== 'Pass' && outcome !== 'Disabled')).toEqual([]);
    expect(countChecks(result, 'Pass')).toEqual({
      ping: 1,
      'empty/tag list': 1,
      'empty/referrers': 1,
      'read-only/tag-list': 1,
      'read-only/head/manifest-head-by-tag': tags.length,
      'read-only/head/manifest-head-by-digest': manifests.length,
      'read-only/head/blob-head': layers.length,
      'read-only/pull/manifest-by-tag': tags.length,
      'read-only/pull/manifest-by-digest': manifests.length,
      'read-only/pull/blob-get': layers.length,
      'read-only/referrers': 1,
      'missing-manifest/by-digest': 1,
      'missing-manifest/by-tag': 1,
      'invalid-digest-format/manifest-get': 1,
    });
    // These checks are disabled, because they need to write.
    expect(countChecks(result, 'Disabled')).toEqual({
      'read-only/push/manifest-by-digest': manifests.length,
      'read-only/push/manifest-by-tag': tags.length,
      'read-only/delete/manifest-delete': manifests.length,
      'read-only/delete/blob-delete': layers.length,
      'invalid-digest-format/manifest-put': 1,
      'invalid-digest-format/delete/manifest-delete': 1,
      'invalid-digest-format/delete/blob-delete': 2,
    });
    expect(result.code).toBe(0);
  });

  test('a registry that lacks the content does not pass the suite', async () => {
    const absent = `sha256:${'0'.repeat(64)}`;
    const result = await readConformance(edge.host, 'docker.io/library/absent', {
      tags: ['one'],
      manifests: [absent],
      blobs: [absent],
      referrers: [absent],
    });
    expect(countChecks(result, 'FAIL')).toEqual({
      'read-only/tag-list': 1,
      'read-only/head/manifest-head-by-tag': 1,
      'read-only/head/manifest-head-by-digest': 1,
      'read-only/head/blob-head': 1,
      'read-only/pull/manifest-by-tag': 1,
      'read-only/pull/manifest-by-digest': 1,
      'read-only/pull/blob-get': 1,
    });
    expect(result.code).toBe(1);
  });
});
