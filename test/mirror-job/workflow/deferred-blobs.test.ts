/** Large blobs are left to instances of their own, and all others are written. */
import { expect, test } from 'vitest';
import type { Descriptor } from '../../../core/descriptor.ts';
import { parseDigest } from '../../../core/digest.ts';
import { blobKey } from '../../../core/layout.ts';
import { parseRepository } from '../../../core/reference.ts';
import type { BlobWriter } from '../../../mirror-job/engine/copy/blob-copy.ts';
import { SourceError } from '../../../mirror-job/engine/source.ts';
import { SkippedError } from '../../../mirror-job/engine/support/skipped-error.ts';
import { Tally } from '../../../mirror-job/engine/tally.ts';
import { DeferredBlobs, LARGE_BYTES } from '../../../mirror-job/workflow/deferred-blobs.ts';
import { emptyRepository } from '../../support/content.ts';
import { MemorySource } from '../support/memory-source.ts';
import { MemoryStore } from '../support/memory-store.ts';

const REPOSITORY = parseRepository('docker.io/library/app');
const SOURCE = new MemorySource('docker.io/library/app', emptyRepository());
const GIBIBYTE = 1024 ** 3;

function blobOf(size: number, digit = 'a'): Descriptor {
  return { mediaType: 'application/octet-stream', digest: parseDigest(`sha256:${digit.repeat(64)}`), size };
}

/** @returns the blobs under test, and those that reached the writer below */
function create(stored: Readonly<Record<string, number>> = {}) {
  const written: number[] = [];
  const inner: BlobWriter = {
    ensure: async (_repository, { size }) => {
      written.push(size);
    },
  };
  const store = new MemoryStore();
  store.size = async (key) => stored[key];
  const blobs = new DeferredBlobs(inner, store);
  const ensure = (blob: Descriptor) => blobs.ensure(REPOSITORY, blob, SOURCE, new Tally());
  return { blobs, ensure, written };
}

test('a blob below 256 MiB is written, and a larger one is left, once', async () => {
  const { blobs, ensure, written } = create();
  await ensure(blobOf(LARGE_BYTES - 1));
  const large = blobOf(LARGE_BYTES, 'b');
  await expect(ensure(large)).rejects.toBeInstanceOf(SkippedError);
  await expect(ensure(large)).rejects.toBeInstanceOf(SkippedError);
  expect(written).toEqual([LARGE_BYTES - 1]);
  const { digest, size } = large;
  expect(blobs.take(REPOSITORY)).toEqual([{ digest, size, repository: REPOSITORY, source: SOURCE.name }]);
  expect(blobs.take(REPOSITORY)).toEqual([]);
});

test('a large blob that is stored is written like any other, unless the object has another size', async () => {
  const blob = blobOf(GIBIBYTE);
  const { ensure, written } = create({ [blobKey(blob.digest)]: GIBIBYTE });
  await ensure(blob);
  expect(written).toEqual([GIBIBYTE]);
  await expect(create({ [blobKey(blob.digest)]: 5 }).ensure(blob)).rejects.toBeInstanceOf(SkippedError);
});

test('a blob that its instance could not copy fails with the reason', async () => {
  const { blobs, ensure } = create();
  const blob = blobOf(GIBIBYTE);
  blobs.fail(blob.digest, 'The registry sent other bytes.');
  await expect(ensure(blob)).rejects.toThrow(new SourceError('The registry sent other bytes.'));
  expect(blobs.take(REPOSITORY)).toEqual([]);
});

test('a blob of more than 20 GiB fails with a sentence that says who can copy it', async () => {
  const { blobs, ensure } = create();
  await expect(ensure(blobOf(20 * GIBIBYTE))).rejects.toBeInstanceOf(SkippedError);
  blobs.take(REPOSITORY);
  await expect(ensure(blobOf(20 * GIBIBYTE + 1))).rejects.toThrow(
    /more than the 21474836480 that a job in a Worker copies\. Mirror this image by a job on a machine/,
  );
  expect(blobs.take(REPOSITORY)).toEqual([]);
});

test('when the time of a step is over no further blob is written, and another repository goes on', async () => {
  const { blobs, ensure, written } = create();
  const over = new AbortController();
  blobs.begin(REPOSITORY, over.signal);
  await ensure(blobOf(1));
  over.abort(new SkippedError('The step was over before this was done.'));
  await expect(ensure(blobOf(2))).rejects.toThrow('The step was over before this was done.');
  await blobs.ensure(parseRepository('quay.io/a/b'), blobOf(3), SOURCE, new Tally());
  expect(written).toEqual([1, 3]);
});
