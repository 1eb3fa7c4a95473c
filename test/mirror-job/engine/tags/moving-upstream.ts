/** An upstream whose tag `latest` moves day by day, and the runs that mirror it into memory. */
import { parseDigest } from '../../../../core/digest.ts';
import { parseManifest } from '../../../../core/manifest.ts';
import { parseRepository, parseTag } from '../../../../core/reference.ts';
import { decodeTag } from '../../../../core/tag-object.ts';
import type { Limits } from '../../../../mirror-job/engine/runtime.ts';
import { publishTag } from '../../../../mirror-job/engine/tags/publish.ts';
import type { Finding, Outcome } from '../../../../mirror-job/engine/report.ts';
import { RepositoryState } from '../../../../mirror-job/engine/tags/repository-state.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { addImage, addLayer, tagAs, type Descriptor } from '../../../support/builder.ts';
import { emptyRepository } from '../../../support/content.ts';
import { DAY, environmentFor, imageOf, TestClock, type ImageOptions } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

export const TAG = 'repositories/mirror.test/app/_tags/latest';
export const INDEX = 'repositories/mirror.test/app/_index.json';
export const NAMES = ['a', 'b', 'c', 'd', 'e'] as const;

interface Shown {
  /** The outcome of `latest`, or of all tags if there are several. */
  readonly outcome: Outcome | undefined;
  readonly findings: readonly Finding[];
  readonly counts: Readonly<Record<string, number>>;
}

/** Moves upstream's `latest` day by day, and mirrors it. */
export class MovingUpstream {
  readonly content = emptyRepository();
  readonly source = new MemorySource('source.test/app', this.content);
  readonly store = new MemoryStore();
  readonly clock = new TestClock();
  readonly images = new Map<string, Descriptor>();

  static async start(): Promise<MovingUpstream> {
    const upstream = new MovingUpstream();
    for (const name of NAMES) {
      const layer = await addLayer(upstream.content, name);
      upstream.images.set(name, addImage(upstream.content, { layers: [layer] }));
    }
    return upstream;
  }

  image(name: string): Descriptor {
    const image = this.images.get(name);
    if (image === undefined) throw new Error(`There is no image ${name}.`);
    return image;
  }

  /** The name of the image that our tag points to. */
  ours(key = TAG): string | undefined {
    if (!this.store.objects.has(key)) return undefined;
    const { digest } = decodeTag(key, this.store.objects.get(key)?.bytes ?? new Uint8Array());
    return [...this.images].find(([, image]) => image.digest === digest)?.[0];
  }

  async sync(shown: string, options: ImageOptions = {}, days = 0): Promise<Shown> {
    this.clock.advance(days * DAY);
    tagAs(this.content, this.image(shown), 'latest');
    return this.run({ tags: ['latest'], ...options });
  }

  async run(options: ImageOptions = {}, limits: Partial<Limits> = {}): Promise<Shown> {
    this.store.calls.length = 0;
    this.source.calls.length = 0;
    const environment = environmentFor(this.store, { clock: this.clock, limits });
    const image = imageOf(this.source, 'mirror.test/app', { referrersEveryMs: false, ...options });
    // Requests are counted here, and the scrub's have tests of their own.
    const { items, findings, counts } = await runMirror(environment, 'default', [image], { scrubs: false });
    return { outcome: items.find(({ reference }) => reference === 'latest')?.outcome, findings, counts };
  }

  approve(name: string): string {
    return `"lifeboat approve mirror.test/app:latest@${this.image(name).digest}"`;
  }

  /** As `lifeboat approve` and `lifeboat revert` do. */
  async setTag(name: string, hold: string | undefined): Promise<void> {
    const environment = environmentFor(this.store, { clock: this.clock });
    const repository = parseRepository('mirror.test/app');
    const state = await RepositoryState.open(environment, repository);
    const tag = parseTag('latest');
    const digest = parseDigest(this.image(name).digest);
    const stored = this.store.objects.get(
      `repositories/mirror.test/app/_manifests/sha256/${digest.slice(7)}`,
    );
    const before = state.tag(tag);
    const place = [before, ...state.candidates(tag)].find((entry) => entry?.digest === digest);
    if (stored === undefined || before === undefined || place === undefined) throw new Error('It is stored.');
    await state.note({ ...before, kind: 'candidate' });
    await state.unlist(tag);
    const manifest = parseManifest(stored.bytes, stored.contentType);
    const bytes = new Uint8Array(stored.bytes);
    const target = {
      manifest,
      digest,
      size: bytes.length,
      bytes,
      children: [],
      platforms: { taken: [], leftOut: [] },
    };
    await publishTag(environment, repository, tag, target, { expected: before.digest, hold });
    await state.note({ ...place, kind: 'tag', hold });
    await state.flush();
  }
}

export const writes = ({ calls }: MemoryStore): string[] =>
  calls.filter((call) => call.startsWith('put ') && !call.startsWith('put state/'));
