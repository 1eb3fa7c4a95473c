import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { kindOfKey, MUTABILITY } from '../../core/key-kind.ts';
import {
  blobKey,
  blobLinkKey,
  historyKey,
  manifestKey,
  referrersKey,
  repositoryIndexKey,
  stateKey,
  tagKey,
  tagListKey,
} from '../../core/layout.ts';
import { digests, repositories, tags, times } from './arbitraries.ts';

const HEX = 'ab'.repeat(32);

test.for<readonly [string, object | undefined]>([
  ['repositories/ghcr.io/a/_tags.json', { kind: 'tag list', repository: 'ghcr.io/a' }],
  ['repositories/localhost_5000/a/_tags/1.0', { kind: 'tag', repository: 'localhost_5000/a', tag: '1.0' }],
  [
    `repositories/gcr.io/google.com/x/_manifests/sha256/${HEX}`,
    { kind: 'manifest', repository: 'gcr.io/google.com/x', digest: `sha256:${HEX}` },
  ],
  ['state/', { kind: 'state' }],
  ['state/default/runs.json', { kind: 'state' }],
  ['state/default/repositories/docker.io/library/nginx.json', { kind: 'state' }],
  // A name that is not normalised belongs to no repository, because its objects are not served under the normalised name.
  ['repositories/ghcr.io_443/a/_tags.json', undefined],
  ['repositories/GHCR.io/a/_tags.json', undefined],
  ['repositories/index.docker.io/a/b/_tags.json', undefined],
  ['repositories/docker.io/nginx/_tags.json', undefined],
  ['repositories/nginx/_tags.json', undefined],
  ['repositories/ghcr.io/A/_tags.json', undefined],
  ['repositories/_tags.json', undefined],
  // Only the layout's own keys have a kind.
  ['', undefined],
  ['lifeboat.json', undefined],
  ['state', undefined],
  ['old/state/default/catalog.json', undefined],
  [`blobs/sha256/${HEX}0`, undefined],
  [`blobs/sha256/${HEX}/x`, undefined],
  [`old/blobs/sha256/${HEX}`, undefined],
  ['repositories/ghcr.io/a/_tags.json.bak', undefined],
  ['repositories/ghcr.io/a/_other.json', undefined],
  ['old/repositories/ghcr.io/a/_tags.json', undefined],
  ['repositories/ghcr.io/a/_tags/', undefined],
  ['repositories/ghcr.io/a/_tags/.x', undefined],
  ['repositories/ghcr.io/a/_tags/x/y', undefined],
  ['repositories/ghcr.io/a/_history/x', undefined],
  ['repositories/ghcr.io/a/_history/.x/y.json', undefined],
  ['repositories/ghcr.io/a/_history/x/y/z.json', undefined],
  [`repositories/ghcr.io/a/_other/sha256/${HEX}`, undefined],
  [`repositories/ghcr.io/a/_manifests/sha256/${HEX}0`, undefined],
  [`repositories/ghcr.io/a/_manifests/sha256/${HEX}/x`, undefined],
  [`repositories/ghcr.io/a/_manifests/sha256:${HEX}`, undefined],
])('the kind of the key %j is %j', ([key, kind]) => {
  expect(kindOfKey(key)).toEqual(kind);
});

test('an object named by a digest, or by the time and run of a movement, never changes; every other object may', () => {
  expect(MUTABILITY).toStrictEqual({
    blob: 'immutable',
    link: 'immutable',
    manifest: 'immutable',
    movement: 'immutable',
    tag: 'mutable',
    'tag list': 'mutable',
    referrers: 'mutable',
    index: 'mutable',
    state: 'mutable',
  });
});

test('property: each key of the layout has the kind and the parts that it was made from', () => {
  const parts = fc.record({ repository: repositories, tag: tags, digest: digests, time: times });
  fc.assert(
    fc.property(parts, ({ repository, tag, digest, time }) => {
      const kinds = [
        blobKey(digest),
        blobLinkKey(repository, digest),
        manifestKey(repository, digest),
        referrersKey(repository, digest),
        tagKey(repository, tag),
        historyKey(repository, tag, new Date(time), 'run'),
        tagListKey(repository),
        repositoryIndexKey(repository),
        stateKey('default', 'catalog.json'),
      ].map(kindOfKey);
      expect(kinds).toStrictEqual([
        { kind: 'blob', digest },
        { kind: 'link', repository, digest },
        { kind: 'manifest', repository, digest },
        { kind: 'referrers', repository, digest },
        { kind: 'tag', repository, tag },
        { kind: 'movement', repository, tag },
        { kind: 'tag list', repository },
        { kind: 'index', repository },
        { kind: 'state' },
      ]);
    }),
  );
});
