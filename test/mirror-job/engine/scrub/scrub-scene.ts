/** A mirror whose store loses objects, and the run that looks for them. */
import type { Environment } from '../../../../mirror-job/engine/environment.ts';
import type { Finding } from '../../../../mirror-job/engine/report.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { addImage, addLayer, tagAs, type Descriptor } from '../../../support/builder.ts';
import { emptyRepository, type Repository } from '../../../support/content.ts';
import { environmentFor, imageOf, TestClock, type ImageOptions } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

export const ROOT = 'repositories/mirror.test/app';
export const STATE = 'state/default/scrub.json';

export class Scene {
  readonly upstream: Repository = emptyRepository();
  readonly source = new MemorySource('source.test/app', this.upstream);
  readonly store = new MemoryStore();
  readonly clock = new TestClock();
  environment = environmentFor(this.store);

  /** Runs an hour later. Without referrers by default, so that only the scrub reads stored objects. */
  async run(options: ImageOptions = {}, more: Partial<Environment> = {}) {
    this.clock.advance(3_600_000);
    this.store.calls.length = 0;
    this.source.calls.length = 0;
    this.environment = environmentFor(this.store, { clock: this.clock });
    const images = [imageOf(this.source, 'mirror.test/app', { referrersEveryMs: false, ...options })];
    return runMirror({ ...this.environment, ...more }, 'default', images);
  }

  async image(seed: string, ...tags: string[]): Promise<{ image: Descriptor; layer: Descriptor }> {
    const layer = await addLayer(this.upstream, seed);
    const image = addImage(this.upstream, { layers: [layer] });
    tagAs(this.upstream, image, ...tags);
    return { image, layer };
  }

  lose(...keys: string[]): void {
    for (const key of keys) {
      if (!this.store.objects.delete(key)) throw new Error(`There is no ${key}.`);
    }
  }

  /** Makes the next run begin with the first object. */
  async startAgain(): Promise<void> {
    await this.store.put(STATE, Buffer.from('{"after":[],"lost":[]}'), { contentType: 'application/json' });
  }

  /** @returns how far the scrub has come */
  after(): readonly string[] {
    const { bytes } = this.store.objects.get(STATE) ?? {};
    const record: { after: string[] } = JSON.parse(Buffer.from(bytes ?? '{"after":[]}').toString());
    return record.after;
  }

  /** The digests of the tags' manifests, in order. */
  digests(): readonly string[] {
    return [...this.upstream.tags.values()].toSorted();
  }

  calls(...kinds: string[]): string[] {
    return this.store.calls.filter((call) => kinds.some((kind) => call.startsWith(kind)));
  }
}

export const path = ({ digest }: Pick<Descriptor, 'digest'>): string => digest.replace(':', '/');
export const blob = (one: Pick<Descriptor, 'digest'>): string => `blobs/${path(one)}`;
export const messages = (findings: readonly Finding[]): string[] => findings.map(({ message }) => message);

export const AGAIN =
  'It was fetched again from source.test/app. Ask the provider of the store why it was lost: other objects may be missing too.';
