/** A bucket in memory that a run has filled, and checks of it. Nothing real makes a single call fail, or a process die at one. */
import type { DeepEnvironment } from '../../../../mirror-job/engine/verify/deep-check.ts';
import type { OpenStore } from '../../../../mirror-job/engine/verify/image-restore.ts';
import { verifyStore, type StoreResult } from '../../../../mirror-job/engine/verify/verify-store.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { BucketSource } from '../../../../mirror-job/sources/bucket/bucket-source.ts';
import { isMd5Etag } from '../../../../mirror-job/storage/s3/etag-check.ts';
import { addArtifact, addImage, addIndex, addLayer, AMD64, ARM64, tagAs } from '../../../support/builder.ts';
import { emptyRepository } from '../../../support/content.ts';
import { environmentFor, imageOf } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

export const NAME = 'default';
export const STATE = `state/${NAME}/verify.json`;

export const openStore: OpenStore = (store, repository) => new BucketSource(store, repository);

export class VerifyScene {
  readonly store = new MemoryStore();
  readonly upstream = emptyRepository();

  /** Fills the bucket: an index for two platforms with an SBOM under the tag `1`, and images under further tags. */
  static async fill(tags: number = 1): Promise<VerifyScene> {
    const scene = new VerifyScene();
    const { upstream, store } = scene;
    const images = [];
    for (const [seed, platform] of [
      ['amd64', AMD64],
      ['arm64', ARM64],
    ] as const) {
      images.push(addImage(upstream, { layers: [await addLayer(upstream, seed)], platform }));
    }
    const index = addIndex(upstream, images);
    addArtifact(upstream, {
      artifactType: 'a/b',
      subject: index,
      layers: [await addLayer(upstream, 'sbom')],
    });
    tagAs(upstream, index, '1');
    for (let tag = 2; tag <= tags; tag += 1) {
      tagAs(
        upstream,
        addImage(upstream, { layers: [await addLayer(upstream, `layer ${tag}`)] }),
        String(tag),
      );
    }
    const report = await runMirror(environmentFor(store), NAME, [
      imageOf(new MemorySource('source.test/app', upstream), 'mirror.test/app'),
    ]);
    if (report.counts.created !== tags) throw new Error('The bucket was not filled.');
    // openBucket writes it before a run.
    const identity = { version: 1, id: '11111111-1111-4111-8111-111111111111', audience: 'public' };
    await store.put('lifeboat.json', Buffer.from(JSON.stringify(identity)), {
      contentType: 'application/json',
    });
    store.calls.length = 0;
    return scene;
  }

  /** A copy of the bucket as it is now, which no process of this scene changes any more. */
  atThisMoment(): VerifyScene {
    const copy = new VerifyScene();
    for (const [key, object] of this.store.objects) copy.store.objects.set(key, object);
    return copy;
  }

  quick(): Promise<StoreResult> {
    return verifyStore(environmentFor(this.store), this.store, { name: NAME, isEtagOf: isMd5Etag });
  }

  /** @param environment for another clock or signal */
  deep(
    budgetBytes?: number,
    environment: DeepEnvironment = environmentFor(this.store),
  ): Promise<StoreResult> {
    return verifyStore(environment, this.store, {
      name: NAME,
      isEtagOf: isMd5Etag,
      deep: { budgetBytes, state: this.store, onBytes: () => {} },
    });
  }

  blobs(): string[] {
    return [...this.store.objects.keys()].filter((key) => key.startsWith('blobs/')).toSorted();
  }

  /** The blobs that were read since the last call of this. */
  hashed(): string[] {
    const streamed = this.store.calls.flatMap((call) => (call.startsWith('stream ') ? [call.slice(7)] : []));
    this.store.calls.length = 0;
    return streamed;
  }

  flip(key: string): void {
    const object = this.store.objects.get(key);
    if (object === undefined) throw new Error(`There is no ${key}.`);
    const bytes = new Uint8Array(object.bytes);
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    this.store.objects.set(key, { ...object, bytes });
  }
}
