/** A repository of the bucket in memory whose one tag has stood at several digests, each stored with all it needs. */
import { parseDigest, type Digest } from '../../../../core/digest.ts';
import { decodeMovement } from '../../../../core/history.ts';
import { parseRepository, parseTag } from '../../../../core/reference.ts';
import {
  decodeRepositoryIndex,
  encodeRepositoryIndex,
  type CandidateEntry,
  type TagEntry,
} from '../../../../core/repository-index.ts';
import { decodeTag, type TagObject } from '../../../../core/tag-object.ts';
import { approveTag } from '../../../../mirror-job/engine/tags/approve.ts';
import { findManifest } from '../../../../mirror-job/engine/copy/find-manifest.ts';
import type { HandOutcome } from '../../../../mirror-job/engine/tags/move-by-hand.ts';
import { RepositoryState } from '../../../../mirror-job/engine/tags/repository-state.ts';
import { revertTag } from '../../../../mirror-job/engine/tags/revert.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import type { MovePolicy } from '../../../../mirror-job/engine/image.ts';
import { addImage, addLayer, tagAs } from '../../../support/builder.ts';
import { emptyRepository, type Repository } from '../../../support/content.ts';
import { environmentFor, imageOf, TestClock } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const repository = parseRepository('mirror.test/app');
const tag = parseTag('latest');

export class TagFixture {
  readonly store = new MemoryStore();
  readonly clock = new TestClock('2026-01-01T00:00:00.000Z');
  readonly upstream: Repository = emptyRepository();
  readonly source = new MemorySource('source.test/app', this.upstream);
  readonly repository = repository;
  readonly tag = tag;
  readonly #digests = new Map<string, Digest>();
  moves: Partial<MovePolicy>;
  /** The log of the last run. */
  logged: readonly string[] = [];

  constructor(moves: Partial<MovePolicy> = {}) {
    this.moves = moves;
  }

  /** An hour later, upstream's tag is at the image `name`, and a run mirrors it. */
  async sync(name: string): Promise<Digest> {
    const digest = await this.push(name);
    await this.run();
    return digest;
  }

  async push(name: string): Promise<Digest> {
    const image = addImage(this.upstream, { layers: [await addLayer(this.upstream, name)] });
    tagAs(this.upstream, image, 'latest');
    const digest = parseDigest(image.digest);
    this.#digests.set(name, digest);
    return digest;
  }

  async run(): Promise<void> {
    this.clock.advance(3_600_000);
    const environment = environmentFor(this.store, { clock: this.clock });
    await runMirror(environment, 'default', [imageOf(this.source, repository, { moves: this.moves })]);
    this.logged = environment.logged;
  }

  digest(name: string): Digest {
    const digest = this.#digests.get(name);
    if (digest === undefined) throw new Error(`No image ${name} was pushed.`);
    return digest;
  }

  /** A command's environment, a minute later. */
  environment() {
    this.clock.advance(60_000);
    return environmentFor(this.store, { clock: this.clock });
  }

  async approve(
    name: string,
    { reason, by, isListed = false }: { reason?: string; by?: string; isListed?: boolean } = {},
  ) {
    const environment = this.environment();
    const target = await findManifest(environment, repository, this.digest(name));
    if (target === undefined) throw new Error(`${name} is not stored.`);
    const state = await RepositoryState.open(environment, repository);
    return approveTag(environment, state, { repository, tag, target, reason, by, isListed });
  }

  async revert({ to, reason, by }: { to?: string; reason?: string; by?: string } = {}): Promise<HandOutcome> {
    const environment = this.environment();
    const state = await RepositoryState.open(environment, repository);
    const digest = to === undefined ? undefined : this.digest(to);
    return revertTag(environment, state, { repository, tag, to: digest, reason, by });
  }

  /** The tag itself. */
  stands(): TagObject {
    return decodeTag(TAG_KEY, this.#bytes(TAG_KEY));
  }

  index(): readonly (TagEntry | CandidateEntry)[] {
    const stored = this.store.objects.get(INDEX_KEY);
    const entries = stored === undefined ? [] : decodeRepositoryIndex(INDEX_KEY, stored.bytes);
    return entries.filter((entry) => entry.kind !== 'pin');
  }

  /** Drops all candidates, as an index does that was made anew from the tags. */
  forgetCandidates(): void {
    const stored = this.store.objects.get(INDEX_KEY);
    const tags = this.index().filter(({ kind }) => kind === 'tag');
    if (stored === undefined) throw new Error(`There is no ${INDEX_KEY}.`);
    this.store.objects.set(INDEX_KEY, { ...stored, bytes: encodeRepositoryIndex(tags) });
  }

  /** The records in order: from which image to which, and why. */
  history(): string[] {
    return this.store.keys('/_history/').map((key) => {
      const { from, to, why } = decodeMovement(key, this.#bytes(key));
      return `${this.nameOf(from)} → ${this.nameOf(to)}: ${why}`;
    });
  }

  nameOf(digest: string | undefined): string {
    if (digest === undefined) return 'nowhere';
    for (const [name, one] of this.#digests) if (one === digest) return name;
    return digest;
  }

  #bytes(key: string): Uint8Array {
    const object = this.store.objects.get(key);
    if (object === undefined) throw new Error(`There is no ${key}.`);
    return object.bytes;
  }
}

export const TAG_KEY = 'repositories/mirror.test/app/_tags/latest';
export const INDEX_KEY = 'repositories/mirror.test/app/_index.json';

/** Upstream went from a to b to c, and the tag with it. The index has the last one. */
export async function threeDigests(): Promise<TagFixture> {
  const fixture = new TagFixture();
  for (const name of ['a', 'b', 'c']) await fixture.sync(name);
  fixture.forgetCandidates();
  return fixture;
}

/** `<kind> <image>`, and the hold. */
export function indexOf(fixture: TagFixture): string[] {
  return fixture
    .index()
    .map((entry) => {
      const hold = entry.kind === 'tag' && entry.hold !== undefined ? ` (${entry.hold})` : '';
      return `${entry.kind} ${fixture.nameOf(entry.digest)}${hold}`;
    })
    .toSorted();
}
