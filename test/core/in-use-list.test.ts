/** The in-use list: merging what was seen, and reading what others wrote. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  decodeInUse,
  encodeInUse,
  MAX_IN_USE_IMAGES,
  mergeInUse,
  TooManyImagesError,
  usedWithin,
  type InUseList,
  type SeenImage,
} from '../../core/in-use-list.ts';
import { clusterOfKey, inUseKey, isClusterName } from '../../core/layout.ts';
import { parseDigest } from '../../core/digest.ts';
import { nameOfThrown } from './thrown.ts';

const DAY = 24 * 3_600_000;
const KEEP = 30 * DAY;
const KEY = inUseKey('prod');
const DIGEST = parseDigest(`sha256:${'a'.repeat(64)}`);

function seen(reference: string, more: Partial<SeenImage> = {}): SeenImage {
  return {
    reference,
    uses: [{ namespace: 'default', kind: 'Deployment', name: 'web', container: 'app', how: 'spec' }],
    useCount: 1,
    ...more,
  };
}

function at(day: number): Date {
  return new Date(Date.UTC(2026, 0, 1 + day));
}

function merged(days: readonly (readonly [day: number, images: readonly SeenImage[]])[]): InUseList {
  let list: InUseList | undefined;
  for (const [day, images] of days)
    list = mergeInUse(list, { cluster: 'prod', seen: images, at: at(day) }, KEEP);
  if (list === undefined) throw new Error('Nothing was merged.');
  return list;
}

function timesIn({ images }: InUseList): string[] {
  return images.map(
    ({ reference, firstSeen, lastSeen }) => `${reference} ${firstSeen.slice(0, 10)} ${lastSeen.slice(0, 10)}`,
  );
}

test('an image keeps the day on which it was seen first, and stays until it was unused for long', () => {
  const [a, b] = [seen('docker.io/library/a:1'), seen('docker.io/library/b:1')];
  const days = [
    [0, [b, a]],
    [10, [a]],
    [30, [a]],
  ] as const;
  expect(timesIn(merged(days))).toEqual([
    'docker.io/library/a:1 2026-01-01 2026-01-31',
    'docker.io/library/b:1 2026-01-01 2026-01-01',
  ]);
  expect(timesIn(merged([...days, [31, [a]]]))).toEqual(['docker.io/library/a:1 2026-01-01 2026-02-01']);
});

test('two digests of a tag are two images, and the latest facts count', () => {
  const tag = 'docker.io/library/a:1';
  const list = merged([
    [0, [seen(tag), seen(tag, { digest: DIGEST })]],
    [1, [seen(tag, { digest: DIGEST, platforms: ['linux/amd64'], useCount: 7 })]],
  ]);
  expect(list.images.map(({ digest, useCount, platforms }) => [digest, useCount, platforms])).toEqual([
    [undefined, 1, undefined],
    [DIGEST, 7, ['linux/amd64']],
  ]);
});

test('a list that nobody has made anew for long loses nothing', () => {
  const list = merged([
    [0, [seen('docker.io/library/a:1')]],
    [20, [seen('docker.io/library/b:1')]],
  ]);
  expect(usedWithin(list, 15 * DAY).map(({ reference }) => reference)).toEqual(['docker.io/library/b:1']);
  expect(usedWithin(list, 20 * DAY)).toHaveLength(2);
});

test('a clock that was ahead does not keep an image for longer', () => {
  const a = seen('docker.io/library/a:1');
  const days = [
    [400, [a]],
    [1, []],
  ] as const;
  expect(timesIn(merged(days))).toEqual(['docker.io/library/a:1 2026-01-02 2026-01-02']);
  expect(timesIn(merged([...days, [32, []]]))).toEqual([]);
});

test('more images than a list may have are refused', () => {
  const images = Array.from({ length: MAX_IN_USE_IMAGES + 1 }, (_, index) =>
    seen(`docker.io/library/a:${index}`),
  );
  expect(() => merged([[0, images]])).toThrow(TooManyImagesError);
  expect(merged([[0, images.slice(1)]]).images).toHaveLength(MAX_IN_USE_IMAGES);
});

test('a list is read as it was written', () => {
  const list = merged([
    [
      0,
      [
        seen('a.test:5000/b:1', { digest: DIGEST, platforms: ['linux/arm64'] }),
        seen(`quay.io/c/d@${DIGEST}`),
      ],
    ],
  ]);
  expect(decodeInUse(KEY, encodeInUse(list))).toEqual(list);
});

test('a list says which places could not be read when somebody looked last, and no longer than that', () => {
  const look = { cluster: 'prod', seen: [seen('docker.io/library/a:1')] };
  const unread = Array.from({ length: 30 }, (_, index) => `${index}${'x'.repeat(1000)}`);
  const part = mergeInUse(undefined, { ...look, unread, at: at(0) }, KEEP);
  expect(part.unread).toHaveLength(20);
  expect(part.unread?.[1]).toBe(`1${'x'.repeat(299)}`);
  expect(decodeInUse(KEY, encodeInUse(part))).toEqual(part);
  const whole = mergeInUse(part, { ...look, at: at(1) }, KEEP);
  expect(whole).not.toHaveProperty('unread');
  expect(decodeInUse(KEY, encodeInUse(whole))).toEqual(whole);
});

const IMAGE = {
  reference: 'docker.io/library/a:1',
  uses: [],
  useCount: 0,
  firstSeen: at(0).toISOString(),
  lastSeen: at(0).toISOString(),
};

test.for<[string, object]>([
  ['its version is not that of this release. Use a newer release.', { version: 2 }],
  ['it has no version.', {}],
  ['it has no version.', { version: '1', cluster: 'prod' }],
  ['it names no cluster', { version: 1, observed: IMAGE.firstSeen, images: [] }],
  ['"observed" is not a time', { version: 1, cluster: 'prod', observed: 'yesterday', images: [] }],
  [
    '"unread" is not a list of texts',
    { version: 1, cluster: 'prod', observed: IMAGE.firstSeen, unread: [1], images: [] },
  ],
  ['it has no list of images', { version: 1, cluster: 'prod', observed: IMAGE.firstSeen }],
  ...(
    [
      ['images[0]: "lastSeen" is before "firstSeen", or after', { ...IMAGE, lastSeen: at(1).toISOString() }],
      ['images[0]: "lastSeen" is before', { ...IMAGE, firstSeen: at(1).toISOString() }],
      ['images[0]: it is not an object', 'docker.io/library/a:1'],
      ['images[0]: "reference" is not', { ...IMAGE, reference: 'a:1' }],
      ['images[0]: "reference" is not', { ...IMAGE, reference: 'docker.io/library/a' }],
      ['images[0]: "reference" is not', { ...IMAGE, reference: 'docker.io/../a:1' }],
      ['images[0]: "digest" is not', { ...IMAGE, digest: 'sha256:x' }],
      ['images[0]: "platforms" is not', { ...IMAGE, platforms: [1] }],
      ['images[0]: "firstSeen" or', { ...IMAGE, lastSeen: '2026' }],
      ['images[0]: "uses" is not', { ...IMAGE, uses: {} }],
    ] as const
  ).map(([sentence, image]): [string, object] => [
    sentence,
    { version: 1, cluster: 'prod', observed: IMAGE.firstSeen, images: [image] },
  ]),
])('a damaged list is refused: %s', ([sentence, value]) => {
  expect(() => decodeInUse(KEY, new TextEncoder().encode(JSON.stringify(value)))).toThrow(sentence);
});

test('uses that are not understood are left out, and at most twenty are read', () => {
  const use = { kind: 'Pod', name: 'a', how: 'running' };
  const images = [
    { ...IMAGE, uses: [{ kind: 'Pod' }, ...Array.from({ length: 30 }, () => use)], useCount: 31 },
  ];
  const bytes = new TextEncoder().encode(
    JSON.stringify({ version: 1, cluster: 'prod', observed: IMAGE.firstSeen, images }),
  );
  const [image] = decodeInUse(KEY, bytes).images;
  expect([image?.uses.length, image?.useCount]).toEqual([19, 31]);
});

test('property: any bytes are a list, or refused with a BucketObjectInvalidError', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.json().map((text) => new TextEncoder().encode(text)),
      ),
      (bytes) => {
        const error = nameOfThrown(() => decodeInUse(KEY, new Uint8Array(bytes)));
        expect([undefined, 'BucketObjectInvalidError']).toContain(error);
      },
    ),
  );
});

test('a cluster’s name is a part of a key, and nothing else is', () => {
  for (const name of ['prod', 'a', 'eu-1.example.com']) expect(clusterOfKey(inUseKey(name))).toBe(name);
  for (const name of ['', 'a/b', '../x', 'A', '-a', 'a.', 'a'.repeat(64)])
    expect(isClusterName(name)).toBe(false);
  for (const key of ['state/_clusters/a/b.json', 'state/_clusters/.json', 'state/default/last-run.json']) {
    expect(clusterOfKey(key)).toBeUndefined();
  }
});
