import { expect, test } from 'vitest';
import { kindOfKey } from '../../core/key-kind.ts';

const HEX = 'ab'.repeat(32);

test.for<readonly [string, object | undefined]>([
  ['repositories/ghcr.io/a/_tags.json', { kind: 'tag list', repository: 'ghcr.io/a' }],
  ['repositories/localhost_5000/a/_tags/1.0', { kind: 'tag', repository: 'localhost_5000/a', tag: '1.0' }],
  [
    `repositories/gcr.io/google.com/x/_manifests/sha256/${HEX}`,
    { kind: 'manifest', repository: 'gcr.io/google.com/x', digest: `sha256:${HEX}` },
  ],
  // A name that is not normalised belongs to no repository: its objects are not served under the normalised name.
  ['repositories/ghcr.io_443/a/_tags.json', undefined],
  ['repositories/GHCR.io/a/_tags.json', undefined],
  ['repositories/index.docker.io/a/b/_tags.json', undefined],
  ['repositories/docker.io/nginx/_tags.json', undefined],
  ['repositories/nginx/_tags.json', undefined],
])('%s', ([key, kind]) => {
  expect(kindOfKey(key)).toEqual(kind);
});
