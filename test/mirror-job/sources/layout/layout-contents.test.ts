/** The manifests that a layout's `index.json` leads to, also where they are very many. */
import { createHash } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import type { Descriptor } from '../../../../core/descriptor.ts';
import { parseDigest, type Digest } from '../../../../core/digest.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../../../../core/media-type.ts';
import { SourceError } from '../../../../mirror-job/engine/source.ts';
import {
  readContents,
  type LayoutContents,
  type Manifests,
} from '../../../../mirror-job/sources/layout/layout-contents.ts';

const REF_NAME = 'org.opencontainers.image.ref.name';
const LIMIT = 1000;

function digestOf(text: string): Digest {
  return parseDigest(`sha256:${createHash('sha256').update(text).digest('hex')}`);
}

/** Manifests in memory, as a layout has them on its disk. */
class Blobs {
  readonly #texts = new Map<Digest, string>();

  add(mediaType: string, manifest: object): Descriptor {
    const text = JSON.stringify({ schemaVersion: 2, mediaType, ...manifest });
    const digest = digestOf(text);
    this.#texts.set(digest, text);
    return { mediaType, digest, size: text.length };
  }

  addImage(name: string, rest: object = {}) {
    const config = { mediaType: 'application/vnd.test', digest: digestOf(name), size: 1 };
    return this.add(OCI_MANIFEST, { config, layers: [], ...rest });
  }

  addIndex(manifests: readonly object[], annotations: Readonly<Record<string, string>> = {}) {
    return this.add(OCI_INDEX, { manifests, annotations });
  }

  read(digest: Digest): Uint8Array | undefined {
    const text = this.#texts.get(digest);
    return text === undefined ? undefined : new TextEncoder().encode(text);
  }

  /** @param more what the layout says of its files, if it is not the usual */
  contentsOf(manifests: readonly object[], more: Partial<Manifests> = {}): Promise<LayoutContents> {
    return readContents('oci:test', { manifests }, undefined, {
      mayHave: () => true,
      read: async (digest) => this.read(digest),
      ...more,
    });
  }
}

function byDigest(a: { readonly digest: Digest }, b: { readonly digest: Digest }): number {
  return a.digest < b.digest ? -1 : 1;
}

function tagged(descriptor: Descriptor, tag: string): Descriptor {
  return { ...descriptor, annotations: { [REF_NAME]: tag } };
}

test.each([
  ['other referrers', (position: number) => `referrer ${position}`, LIMIT + 1],
  ['the same one', () => 'referrer', 1],
])(
  'a tag lists 25,000 times %s, for each of a hundred images: the run is not held up',
  async (_what, nameOf, count) => {
    const blobs = new Blobs();
    const listed = Array.from({ length: 25_000 }, (_, position) => ({
      mediaType: OCI_MANIFEST,
      digest: digestOf(nameOf(position)),
      size: 1,
    }));
    const list = blobs.add(OCI_INDEX, { manifests: listed });
    const images = Array.from({ length: 100 }, (_, position) => blobs.addImage(`image ${position}`));
    const started = performance.now();
    const contents = await blobs.contentsOf(
      images.flatMap((image) => [image, tagged(list, image.digest.replace(':', '-'))]),
    );
    for (const { digest } of images) {
      const referrers = contents.referrers(digest, LIMIT);
      expect(referrers.slice(0, 2).map((one) => one.digest)).toEqual([
        ...new Set(listed.slice(0, 2).map((one) => one.digest)),
      ]);
      expect(referrers).toHaveLength(count);
    }
    // A comparison of each with each took 18 seconds for one image.
    expect(performance.now() - started).toBeLessThan(5000);
  },
);

test('a referrer that names its subject, and is listed by a tag too, is one', async () => {
  const blobs = new Blobs();
  const image = blobs.addImage('image');
  const annotations = { 'a.b': 'c'.repeat(1000) };
  const one = blobs.addImage('one', { subject: image, annotations });
  const two = blobs.addImage('two', { subject: image, annotations });
  const other = blobs.addImage('other');
  const list = blobs.add(OCI_INDEX, { manifests: [two, { ...other, annotations }] });
  const contents = await blobs.contentsOf([image, one, two, tagged(list, image.digest.replace(':', '-'))]);
  // Without annotations, because a layout may have thousands of long ones.
  expect(contents.referrers(image.digest, LIMIT).toSorted(byDigest)).toEqual(
    [one, two, other].toSorted(byDigest),
  );
  expect(contents.referrers(image.digest, 1)).toHaveLength(2);
  expect(contents.referrers(digestOf('none'), LIMIT)).toEqual([]);
});

const missing = Array.from({ length: 25_000 }, (_, position) => ({
  mediaType: OCI_MANIFEST,
  digest: digestOf(`missing ${position}`),
  size: 1,
}));

test('a manifest that the layout lacks is not asked for', async () => {
  const blobs = new Blobs();
  const list = blobs.addIndex(missing);
  const read = vi.fn<Manifests['read']>(async (digest) => blobs.read(digest));
  await blobs.contentsOf([list], { mayHave: (digest) => digest === list.digest, read });
  expect(read.mock.calls).toEqual([[list.digest]]);
});

test('an index may list manifests that the layout lacks, as those of other platforms', async () => {
  const blobs = new Blobs();
  const lists = Array.from({ length: 9 }, (_, position) =>
    blobs.addIndex(missing, { position: `${position}` }),
  );
  const mayHave = (digest: Digest) => lists.some((list) => list.digest === digest);
  expect((await blobs.contentsOf(lists, { mayHave })).tags.size).toBe(0);
});

test.each([
  ['that the layout lacks', 41, false, 'its indexes list more than 1000000 manifests in all'],
  ['as referrers of images', 16, true, 'it has more than 400000 manifests and entries of lists of referrers'],
])(
  'indexes that list too many manifests %s are refused, although each is within its bounds',
  async (_what, count, areReferrers, sentence) => {
    const blobs = new Blobs();
    const lists = Array.from({ length: count }, (_, position) => {
      const list = blobs.addIndex(missing, { position: `${position}` });
      return areReferrers ? tagged(list, digestOf(`image ${position}`).replace(':', '-')) : list;
    });
    const mayHave = (digest: Digest) => lists.some((list) => list.digest === digest);
    await expect(blobs.contentsOf(lists, { mayHave })).rejects.toThrow(
      new SourceError(
        `oci:test: ${sentence}, which is the most that Lifeboat reads of one layout. Split it into several layouts.`,
      ),
    );
  },
);

test('a run that has to end reads no further manifest of a layout', async () => {
  const blobs = new Blobs();
  const stop = new AbortController();
  const read = vi.fn<Manifests['read']>(async (digest) => {
    stop.abort(new Error('enough'));
    return blobs.read(digest);
  });
  const images = [blobs.addImage('one'), blobs.addImage('two')];
  await expect(blobs.contentsOf(images, { read, signal: stop.signal })).rejects.toThrow(new Error('enough'));
  expect(read).toHaveBeenCalledTimes(1);
});
