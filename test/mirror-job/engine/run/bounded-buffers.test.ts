/** The bound of all buffers holds for blobs of any size, and for any number of them at once. */
import { expect, test } from 'vitest';
import { BufferPool, type PooledBuffer } from '../../../../mirror-job/engine/transfer/buffer-pool.ts';
import { MEMORY_BUDGET_BYTES } from '../../../../mirror-job/engine/run-state.ts';
import { DEFAULT_LIMITS } from '../../../../mirror-job/engine/runtime.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import type { Upload } from '../../../../mirror-job/engine/store/store.ts';
import { addBytes, addManifest, tagAs } from '../../../support/builder.ts';
import { emptyRepository } from '../../../support/content.ts';
import { OCI_LAYER, OCI_MANIFEST } from '../../../support/media-types.ts';
import { environmentFor, imageOf } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const BLOBS = 40;
/** Bytes after which the run is told to stop. */
const SENT = 40 * MIB;

/** Records the largest number of bytes that it held. */
class WatchedPool extends BufferPool {
  most = 0;

  override async take(...given: Parameters<BufferPool['take']>): Promise<PooledBuffer> {
    const buffer = await super.take(...given);
    this.most = Math.max(this.most, this.held);
    return buffer;
  }
}

/** Accepts parts and drops their bytes. */
class SinkStore extends MemoryStore {
  override async beginUpload(key: string, contentType: string): Promise<Upload> {
    const upload = await super.beginUpload(key, contentType);
    return { ...upload, putPart: () => new Promise((resolve) => setImmediate(resolve)) };
  }
}

test('the job has 64 MiB of buffers, for parts of 8 MiB', () => {
  expect([MEMORY_BUDGET_BYTES, DEFAULT_LIMITS.partBytes]).toEqual([64 * MIB, 8 * MIB]);
});

test.each([
  { title: 'of the usual size', size: 500_000_000, total: MIB },
  { title: 'that are larger, because the blobs are so large', size: 700_000_000, total: 3 * MIB },
])('endless blobs hold all of the pool, and never more, in parts $title', async ({ size, total }) => {
  const partBytes = 64 * KIB;
  const repository = emptyRepository();
  const layers = Array.from({ length: BLOBS }, (_, index) => {
    const { digest } = addBytes(repository, OCI_LAYER, Buffer.from(`layer ${index}`));
    return { mediaType: OCI_LAYER, digest, size };
  });
  const config = addBytes(repository, OCI_LAYER, Buffer.from('{}'));
  const manifest = { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers };
  tagAs(repository, addManifest(repository, manifest), 'v1');

  const ended = new AbortController();
  const source = new MemorySource('source.test/app', repository);
  const chunk = new Uint8Array(48 * KIB);
  let sent = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      sent += chunk.length;
      if (sent > SENT) ended.abort();
      yield chunk;
    }
  }
  const ofConfig = source.open;
  source.open = (digest, offset) => (digest === config.digest ? ofConfig(digest, offset) : endless());
  const buffers = new WatchedPool(total, partBytes);
  const environment = {
    ...environmentFor(new SinkStore(), { limits: { partBytes }, signal: ended.signal }),
    buffers,
  };
  const report = await runMirror(environment, 'default', [imageOf(source, 'mirror.test/app')]);
  expect(report.interrupted).toBe(true);
  expect(sent).toBeGreaterThan(SENT);
  expect(buffers.most).toBe(total);
  expect(buffers.used).toBe(0);
});
