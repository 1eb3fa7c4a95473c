/** A source that may have only a part of an image, beside the bucket that may have another part of it. */
import type { Descriptor } from '../../../core/descriptor.ts';
import { isDigest, type Digest } from '../../../core/digest.ts';
import { ManifestInvalidError, parseManifest } from '../../../core/manifest.ts';
import type { Repository, Tag } from '../../../core/reference.ts';
import { isLayer } from '../graph/edges.ts';
import { readManifest } from '../graph/read-manifest.ts';
import { isUnknown, spellPlatform, type Platforms } from '../selection/platform.ts';
import {
  SourceError,
  type ReferrerList,
  type Resolved,
  type Source,
  type SourceManifest,
} from '../source.ts';
import type { Store } from '../store/store.ts';

export class AvailableSource implements Source {
  readonly name: string;
  readonly upstream?: NonNullable<Source['upstream']>;
  readonly #source: Source;
  readonly #store: Pick<Store, 'get'>;
  readonly #repository: Repository;
  #hasGiven = false;

  /** @param store where manifests are taken from that the source lacks */
  constructor(source: Source, store: Pick<Store, 'get'>, repository: Repository) {
    this.#source = source;
    this.#store = store;
    this.#repository = repository;
    this.name = source.name;
    if (source.upstream !== undefined) this.upstream = source.upstream;
  }

  /** Whether the source, and not the bucket alone, has given a manifest or a blob. */
  get hasGiven(): boolean {
    return this.#hasGiven;
  }

  tags(): Promise<readonly Tag[]> {
    return this.#source.tags();
  }

  resolve(tag: Tag, isGuess?: boolean): Promise<Resolved | undefined> {
    return this.#source.resolve(tag, isGuess);
  }

  async manifest(reference: Tag | Digest, limit?: number): Promise<SourceManifest | undefined> {
    const found = await this.#source.manifest(reference, limit);
    this.#hasGiven ||= found !== undefined;
    if (found !== undefined || !isDigest(reference)) return found;
    const stored = await readManifest(this.#store, this.#repository, reference);
    if (stored === 'absent' || stored === 'damaged') return undefined;
    return { digest: reference, bytes: stored.bytes, mediaType: stored.contentType };
  }

  async blob(...call: Parameters<Source['blob']>): ReturnType<Source['blob']> {
    const found = await this.#source.blob(...call);
    this.#hasGiven ||= found !== undefined;
    return found;
  }

  referrers(subject: Digest, limit: number): Promise<ReferrerList> {
    return this.#source.referrers(subject, limit);
  }

  isPublic(digest: Digest): Promise<boolean> {
    return this.#source.isPublic(digest);
  }

  /**
   * Finds out for which platforms an image is there: an archive often has one of them, and an index that names all.
   * @returns undefined for all, or for an image that is no index
   * @throws {SourceError} if there is nothing of it, or if it is no manifest
   */
  async platformsOf(digest: Digest): Promise<Platforms> {
    const root = await this.manifest(digest);
    if (root === undefined) throw new SourceError(`${this.name} has no manifest ${digest}.`);
    const children = childrenOf(this.name, root);
    const platforms = new Set<string>();
    let isWhole = true;
    for (const child of children) {
      if ((await this.manifest(child.digest)) === undefined) isWhole = false;
      else if (child.platform !== undefined && !isUnknown(child.platform)) {
        platforms.add(spellPlatform(child.platform));
      }
    }
    if (isWhole) return undefined;
    if (platforms.size > 0) return [...platforms].toSorted();
    throw new SourceError(`${this.name} has the index ${digest}, and no image of it for any platform.`);
  }
}

function childrenOf(name: string, { bytes, mediaType, digest }: SourceManifest): readonly Descriptor[] {
  try {
    return parseManifest(bytes, mediaType).manifests.filter((child) => !isLayer(child));
  } catch (error) {
    if (!(error instanceof ManifestInvalidError)) throw error;
    throw new SourceError(`${name}: manifest ${digest}: ${error.message}`, { cause: error });
  }
}
