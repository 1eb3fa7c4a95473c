import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseDigest } from '../../core/digest.ts';
import {
  IDENTITY_KEY,
  LAYOUT_VERSION,
  blobKey,
  blobLinkKey,
  blobOfKey,
  compactTime,
  descriptionKey,
  contentPrefixes,
  folderPrefix,
  historyKey,
  historyPrefix,
  isDescriptionKey,
  isOfOneStore,
  isStateKey,
  pruneListKey,
  writerKey,
  manifestKey,
  referrersKey,
  repositoryIndexKey,
  repositoryPrefix,
  stateKey,
  tagKey,
  tagListKey,
} from '../../core/layout.ts';
import { parseRepository, parseTag } from '../../core/reference.ts';
import { digests, repositories, tags, times } from './arbitraries.ts';

const A = 'a'.repeat(64);
const B = 'b'.repeat(128);
const sha256 = parseDigest(`sha256:${A}`);
const sha512 = parseDigest(`sha512:${B}`);
const nginx = parseRepository('nginx');
const team = parseRepository('registry.internal:5000/team/app');
const stable = parseTag('stable');
const at = new Date('2026-01-31T23:59:59.123Z');
const RUN = '20260131T235958.000Z-1a2b3c';

test.for([
  ['', ''],
  ['/', ''],
  ['//', ''],
  ['a', 'a/'],
  ['/a/b/', 'a/b/'],
  ['a//b//', 'a//b/'],
] as const)('the prefix of the folder "%s" is "%s"', ([folder, prefix]) => {
  expect(folderPrefix(folder)).toBe(prefix);
});

test('the layout of the bucket has version 1', () => {
  expect(LAYOUT_VERSION).toBe(1);
});

test.for<readonly [string, string]>([
  [IDENTITY_KEY, 'lifeboat.json'],
  [blobKey(sha256), `blobs/sha256/${A}`],
  [blobKey(sha512), `blobs/sha512/${B}`],
  [blobLinkKey(nginx, sha256), `repositories/docker.io/library/nginx/_blobs/sha256/${A}`],
  [manifestKey(nginx, sha512), `repositories/docker.io/library/nginx/_manifests/sha512/${B}`],
  [tagKey(nginx, stable), 'repositories/docker.io/library/nginx/_tags/stable'],
  [repositoryPrefix(nginx), 'repositories/docker.io/library/nginx/_'],
  [tagListKey(nginx), 'repositories/docker.io/library/nginx/_tags.json'],
  [referrersKey(nginx, sha256), `repositories/docker.io/library/nginx/_referrers/sha256/${A}`],
  [repositoryIndexKey(nginx), 'repositories/docker.io/library/nginx/_index.json'],
  [historyPrefix(nginx, stable), 'repositories/docker.io/library/nginx/_history/stable/'],
  [
    historyKey(nginx, stable, at, RUN),
    `repositories/docker.io/library/nginx/_history/stable/20260131T235959.123Z-${RUN}.json`,
  ],
  [tagKey(team, stable), 'repositories/registry.internal_5000/team/app/_tags/stable'],
  [stateKey('default', 'catalog.json'), 'state/default/catalog.json'],
  [stateKey('default', 'last-drill.json'), 'state/default/last-drill.json'],
  [stateKey('default', 'last-run.json'), 'state/default/last-run.json'],
  [stateKey('default', 'probe'), 'state/default/probe'],
  [stateKey('default', 'scrub.json'), 'state/default/scrub.json'],
  [stateKey('default', 'verify.json'), 'state/default/verify.json'],
  [stateKey('default', 'runs.json'), 'state/default/runs.json'],
  [stateKey('default', 'overview.json'), 'state/default/overview.json'],
  [descriptionKey('default', nginx), 'state/default/repositories/docker.io/library/nginx.json'],
  [descriptionKey('other', team), 'state/other/repositories/registry.internal_5000/team/app.json'],
])('the layout has the key %s', ([key, expected]) => {
  expect(key).toBe(expected);
});

test.for<readonly [string, string | undefined]>([
  [`blobs/sha256/${A}`, `sha256:${A}`],
  [`blobs/sha512/${B}`, `sha512:${B}`],
  [`blobs/sha512/${A}`, undefined],
  [`blobs/sha256/${A.toUpperCase()}`, undefined],
  [`blobs/sha256/${A}/`, undefined],
  [`blobs/sha256/${A}\n`, undefined],
  [`/blobs/sha256/${A}`, undefined],
  [`mirror/blobs/sha256/${A}`, undefined],
  [`repositories/docker.io/library/nginx/_blobs/sha256/${A}`, undefined],
  ['blobs/', undefined],
  ['lifeboat.json', undefined],
  ['', undefined],
])('the key %j names the blob %s', ([key, digest]) => {
  expect(blobOfKey(key)).toBe(digest);
});

test.for<readonly [string, boolean]>([
  ['state/default/catalog.json', true],
  ['state/other/catalog.json', true],
  ['state/default/probe', false],
  ['state/_stores.json', false],
  // The in-use list of a cluster that is called catalog.
  ['state/_clusters/catalog.json', false],
  ['state/a/b/catalog.json', false],
  ['repositories/ghcr.io/a/_tags/catalog.json', false],
  ['', false],
])('whether the key %j is a catalogue of a configuration: %j', ([key, expected]) => {
  expect(isStateKey(key, 'catalog.json')).toBe(expected);
});

test.for<readonly [string, boolean]>([
  ['state/default/repositories/docker.io/library/nginx.json', true],
  ['state/other/repositories/ghcr.io/a.json', true],
  ['state/default/repositories/.json', false],
  ['state/repositories/ghcr.io/a.json', false],
  ['state/_clusters/repositories/ghcr.io/a.json', false],
  ['state/default/overview.json', false],
  ['repositories/ghcr.io/a/_index.json', false],
  ['old/state/default/repositories/ghcr.io/a.json', false],
])('whether the key %j is a description of a repository: %j', ([key, expected]) => {
  expect(isDescriptionKey(key)).toBe(expected);
});

test('times in keys sort as text in the order of time', () => {
  const moments = ['2026-01-31T23:59:59.123Z', '2026-01-31T23:59:59.124Z', '2026-10-01T00:00:00.000Z'];
  expect(moments.map((moment) => compactTime(new Date(moment)))).toEqual([
    '20260131T235959.123Z',
    '20260131T235959.124Z',
    '20261001T000000.000Z',
  ]);
});

/** One key of each kind. */
const keys = fc
  .record({ repository: repositories, tag: tags, digest: digests, time: times })
  .map((parts) => [
    blobKey(parts.digest),
    blobLinkKey(parts.repository, parts.digest),
    manifestKey(parts.repository, parts.digest),
    tagKey(parts.repository, parts.tag),
    tagListKey(parts.repository),
    referrersKey(parts.repository, parts.digest),
    repositoryIndexKey(parts.repository),
    historyKey(parts.repository, parts.tag, new Date(parts.time), RUN),
  ]);

const DIGEST = String.raw`(?:sha256/[0-9a-f]{64}|sha512/[0-9a-f]{128})`;
const TAG = '[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}';
const DOCUMENTED = new RegExp(
  String.raw`^(?:blobs/${DIGEST}|repositories/[a-z0-9.-]+(?:_\d+)?(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)+/` +
    String.raw`(?:_(?:blobs|manifests|referrers)/${DIGEST}|_tags/${TAG}|_tags\.json|_index\.json|` +
    String.raw`_history/${TAG}/\d{8}T\d{6}\.\d{3}Z-\d{8}T\d{6}\.\d{3}Z-[0-9a-f]{6}\.json))$`,
);

test('property: every key is one that the layout documents', () => {
  fc.assert(
    fc.property(keys, (all) => {
      for (const key of all) expect(key).toMatch(DOCUMENTED);
    }),
  );
});

test('property: keys have no empty segment, no dot segment, and only visible ASCII', () => {
  fc.assert(
    fc.property(keys, (all) => {
      for (const key of all) {
        expect(key).toMatch(/^[\w.\-/]+$/);
        expect(key.split('/').filter((segment) => /^\.{0,2}$/.test(segment))).toEqual([]);
      }
    }),
  );
});

test('property: no key names two things', () => {
  fc.assert(
    fc.property(keys, keys, (some, others) => {
      expect(new Set(some).size).toBe(some.length);
      // Two keys are equal only if they have the same kind, and so the same parts.
      for (const key of some) expect([-1, some.indexOf(key)]).toContain(others.indexOf(key));
    }),
  );
});

test('the longest names under a prefix of 200 bytes make keys of less than 1,024 bytes', () => {
  const repository = parseRepository(`docker.io/${'x'.repeat(122)}/${'y'.repeat(122)}`);
  const tag = parseTag('t'.repeat(128));
  expect(repository).toHaveLength(255);
  const longest = [
    historyKey(repository, tag, at, RUN),
    manifestKey(repository, sha512),
    referrersKey(repository, sha512),
    blobLinkKey(repository, sha512),
    tagKey(repository, tag),
    stateKey('n'.repeat(63), 'last-run.json'),
  ].map((key) => 200 + Buffer.byteLength(key));
  expect(longest).toEqual([660, 615, 615, 611, 603, 283]);
  expect(Math.max(...longest)).toBeLessThan(1024);
});

test('property: among the keys of a repository, the manifests and blob links alone are under the prefixes of content', () => {
  fc.assert(
    fc.property(repositories, tags, digests, (repository, tag, digest) => {
      const isContent = (key: string) => contentPrefixes(repository).some((prefix) => key.startsWith(prefix));
      expect(
        [manifestKey(repository, digest), blobLinkKey(repository, digest)].filter(isContent),
      ).toHaveLength(2);
      const others = [
        tagKey(repository, tag),
        tagListKey(repository),
        referrersKey(repository, digest),
        repositoryIndexKey(repository),
        historyKey(repository, tag, at, RUN),
      ];
      expect(others.filter(isContent)).toEqual([]);
    }),
  );
});

test('property: blobOfKey returns the digest of a blob’s key', () => {
  fc.assert(
    fc.property(digests, (digest) => {
      expect(blobOfKey(blobKey(digest))).toBe(digest);
    }),
  );
});

test.each([
  ['state/_stores.json', true],
  ['state/_prune.json', true],
  [pruneListKey('one', 1), true],
  [writerKey('run'), true],
  ['state/_clusters/one.json', false],
  ['state/default/catalog.json', false],
])('%s is about one store alone, so that no catch-up copies it: %s', (key, expected) => {
  expect(isOfOneStore(key)).toBe(expected);
});
