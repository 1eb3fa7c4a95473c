/** Which images of the lists a drill is about. */
import { expect, test } from 'vitest';
import { imagesInUse } from '../../../cluster/drill/images.ts';
import { parseDigest } from '../../../core/digest.ts';
import type { ImageUse, InUseImage, InUseList } from '../../../core/in-use-list.ts';
import { formatReference, parseUpstream } from '../../../core/reference.ts';

const NOW = '2026-06-01T12:00:00.000Z';
const DIGEST = parseDigest(`sha256:${'a'.repeat(64)}`);
const USE: ImageUse = { kind: 'Pod', name: 'a', how: 'running' };

function image(reference: string, more: Partial<InUseImage> = {}): InUseImage {
  return { reference, uses: [USE], useCount: 1, firstSeen: NOW, lastSeen: NOW, ...more };
}

function list(cluster: string, ...images: readonly InUseImage[]): InUseList {
  return { cluster, observed: NOW, images };
}

function namesIn(lists: readonly InUseList[], ...upstreams: readonly string[]): string[] {
  const chosen = new Set(upstreams.map((host) => parseUpstream(host)));
  return imagesInUse(lists, chosen).images.map(({ reference }) => formatReference(reference));
}

test('they are sorted by upstream, and only those of a chosen upstream count', () => {
  const lists = [
    list('one', image('quay.io/b/c:1'), image('docker.io/library/b:1'), image('docker.io/library/a:2')),
  ];
  expect(namesIn(lists)).toEqual(['docker.io/library/a:2', 'docker.io/library/b:1', 'quay.io/b/c:1']);
  expect(namesIn(lists, 'index.docker.io')).toEqual(['docker.io/library/a:2', 'docker.io/library/b:1']);
  expect(imagesInUse(lists, new Set([parseUpstream('ghcr.io')]))).toEqual({
    images: [],
    textOnly: 0,
    upstreams: ['docker.io', 'quay.io'],
  });
});

test('an image that was not used within a day before the cluster was last looked at does not count', () => {
  const before = image('docker.io/library/a:1', { lastSeen: '2026-05-31T11:59:59.999Z' });
  const within = image('docker.io/library/a:3', { lastSeen: '2026-05-31T12:00:00.000Z' });
  expect(namesIn([list('one', before, within, image('docker.io/library/a:2'))])).toEqual([
    'docker.io/library/a:2',
    'docker.io/library/a:3',
  ]);
});

test('a name that only texts have is left out, and counted', () => {
  const text: ImageUse = { kind: 'ConfigMap', name: 'a', how: 'text' };
  const lists = [
    list(
      'one',
      image('docker.io/library/a:1', { uses: [text] }),
      image('docker.io/library/b:1', { uses: [text, USE] }),
    ),
    list('two', image('docker.io/library/a:1', { uses: [text] })),
  ];
  expect(namesIn(lists)).toEqual(['docker.io/library/b:1']);
  expect(imagesInUse(lists).textOnly).toBe(1);
});

test('two clusters that run the same are one image, with the uses and the platforms of both', () => {
  const one = image('docker.io/library/a:1', { digest: DIGEST, platforms: ['linux/arm64'], useCount: 30 });
  const two = image('docker.io/library/a:1', { digest: DIGEST, platforms: ['linux/amd64'] });
  const elsewhere = image('docker.io/library/a:1');
  const { images } = imagesInUse([list('one', one), list('two', two, elsewhere)]);
  expect(images).toMatchObject([
    { digest: undefined, platforms: undefined, useCount: 1 },
    {
      digest: DIGEST,
      platforms: ['linux/amd64', 'linux/arm64'],
      uses: [
        { cluster: 'one', name: 'a' },
        { cluster: 'two', name: 'a' },
      ],
      useCount: 31,
    },
  ]);
});

test('the digest of a reference counts, whatever the list says runs', () => {
  const reference = `docker.io/library/a@${DIGEST}`;
  const { images } = imagesInUse([
    list('one', image(reference, { digest: parseDigest(`sha256:${'b'.repeat(64)}`) })),
  ]);
  expect(images.map(({ digest }) => digest)).toEqual([DIGEST]);
});
