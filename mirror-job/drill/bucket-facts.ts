/** Looks up in the bucket what clusters run. Nothing is written, and each object of a repository is asked for once. */
import type {
  BucketFacts,
  Damaged,
  DrilledImage,
  Failed,
  ManifestFacts,
  TagFacts,
  UpstreamFacts,
} from '../../cluster/drill/observation.ts';
import type { Descriptor } from '../../core/descriptor.ts';
import type { Digest } from '../../core/digest.ts';
import type { Manifest } from '../../core/manifest.ts';
import { MANIFEST_KINDS, isManifestMediaType } from '../../core/media-type.ts';
import type { Tag } from '../../core/reference.ts';
import type { TagObject } from '../../core/tag-object.ts';
import { spellPlatform } from '../engine/selection/platform.ts';
import type { Store } from '../engine/store/store.ts';
import { allOrThrow } from '../engine/support/all-or-throw.ts';
import { createLimit } from '../engine/support/limit.ts';
import { statusOf } from '../engine/tags/tag-status.ts';
import { childrenFor, childrenForNodes } from './needed-children.ts';
import { isEntries, isManifest, manifestOf, RepositoryObjects } from './repository-objects.ts';

/** Repositories at once, which bounds the memory for their manifests, and reads at once. */
const REPOSITORIES = 8;
const READS = 16;
/** An index may have 128 MiB. */
const LARGE_READS = 2;

/** An index in an index is looked into as often as this. */
const MAX_DEPTH = 3;

/** @returns what the bucket has, in the order of the images. A read that failed is a part of it */
export async function bucketFactsOf(
  store: Pick<Store, 'get' | 'size'>,
  images: readonly DrilledImage[],
): Promise<readonly BucketFacts[]> {
  const repositories = createLimit(REPOSITORIES);
  const reads = createLimit(READS);
  const largeReads = createLimit(LARGE_READS);
  const limited: Pick<Store, 'get' | 'size'> = {
    get: (key) => reads(() => store.get(key)),
    size: (key) => reads(() => store.size(key)),
  };
  const byRepository = Map.groupBy(images, ({ reference }) => reference.repository);
  const facts = new Map<DrilledImage, BucketFacts>();
  await allOrThrow(
    [...byRepository].map(([repository, own]) =>
      repositories(async () => {
        const objects = new RepositoryObjects(limited, { largeReads, repository, images: own });
        const reader = new RepositoryFacts(objects);
        await allOrThrow(own.map(async (image) => facts.set(image, await reader.look(image))));
      }),
    ),
  );
  return images.flatMap((image) => facts.get(image) ?? []);
}

class RepositoryFacts {
  readonly #objects: RepositoryObjects;

  constructor(objects: RepositoryObjects) {
    this.#objects = objects;
  }

  async look(image: DrilledImage): Promise<BucketFacts> {
    const { reference, digest, platforms } = image;
    if (reference.digest !== undefined) {
      const manifest = await this.#objects.manifest(reference.digest);
      return {
        by: 'digest',
        manifest: isManifest(manifest)
          ? await this.#factsOf(reference.digest, manifest, platforms)
          : manifest,
      };
    }
    // A reference of a list has a tag or a digest.
    const { tag: name } = reference;
    if (name === undefined) return { by: 'tag', tag: 'absent', running: undefined, upstream: 'absent' };
    const tag = await this.#objects.tag(name);
    const current = tag !== 'absent' && 'moved' in tag ? tag : undefined;
    const upstream = this.#upstream(name, current, digest);
    return {
      by: 'tag',
      tag: tag === 'absent' || !('moved' in tag) ? tag : await this.#tagFacts(name, tag, platforms),
      running: digest === undefined || digest === current?.digest ? undefined : await this.#running(digest),
      upstream: await upstream,
    };
  }

  async #tagFacts(
    name: Tag,
    tag: TagObject,
    platforms: DrilledImage['platforms'],
  ): Promise<TagFacts | Damaged | Failed> {
    const manifest = await manifestOf(name, tag);
    if ('damaged' in manifest) return manifest;
    const [hasManifest, facts] = await Promise.all([
      this.#objects.has(tag.digest),
      this.#factsOf(tag.digest, manifest, platforms),
    ]);
    if (typeof hasManifest !== 'boolean') return hasManifest;
    if ('failed' in facts) return facts;
    return { ...facts, hasManifest, moved: tag.moved, mirrored: tag.platforms };
  }

  async #running(digest: Digest): Promise<'stored' | 'absent' | Failed> {
    const has = await this.#objects.has(digest);
    return typeof has === 'boolean' ? (has ? 'stored' : 'absent') : has;
  }

  async #upstream(
    tag: Tag,
    current: TagObject | undefined,
    running: Digest | undefined,
  ): Promise<UpstreamFacts | 'absent' | Failed> {
    const entries = await this.#objects.entries();
    if (!isEntries(entries)) return entries;
    const own = entries.filter((entry) => 'tag' in entry && entry.tag === tag);
    const { candidates, hold } = statusOf(own, tag, current);
    const newer = candidates.find(({ state }) => state !== 'older');
    const ran = candidates.find(({ digest }) => digest === running);
    const entry = own.find(({ kind }) => kind === 'tag');
    return {
      newer: newer === undefined ? undefined : { digest: newer.digest, firstSeen: newer.firstSeen },
      hold,
      gone: entry?.kind === 'tag' ? entry.gone : undefined,
      running: ran === undefined ? undefined : ran.state === 'older' ? 'older' : 'newer',
    };
  }

  /** Whether the children for the nodes are stored. */
  async #factsOf(
    digest: Digest,
    manifest: Manifest,
    platforms: DrilledImage['platforms'],
  ): Promise<ManifestFacts | Failed> {
    const arePlatformsKnown = platforms !== undefined && platforms.length > 0;
    if (manifest.kind !== 'index') return { digest, missing: [], unlisted: [], arePlatformsKnown };
    const looked = arePlatformsKnown
      ? await this.#lookFor(manifest, platforms)
      : await this.#lookForAll(manifest);
    if ('failed' in looked) return looked;
    // If nothing is stored for any platform, the nodes need not be known.
    const hasNothing = looked.missing.length > 0 && looked.stored === 0;
    return {
      digest,
      missing: looked.missing,
      unlisted: looked.unlisted,
      arePlatformsKnown: arePlatformsKnown || hasNothing,
    };
  }

  async #lookFor(index: Manifest, platforms: readonly string[]): Promise<Looked | Failed> {
    const results = await allOrThrow(
      platforms.map(async (platform) => {
        const found = await this.#childState(index, platform, MAX_DEPTH);
        return { platform, found };
      }),
    );
    const failure = results.map(({ found }) => found).find((found) => typeof found !== 'string');
    if (failure !== undefined) return failure;
    const of = (state: ChildState) =>
      results.filter(({ found }) => found === state).map(({ platform }) => platform);
    return { missing: of('missing'), unlisted: of('unlisted'), stored: of('stored').length };
  }

  async #lookForAll({ manifests }: Manifest): Promise<Looked | Failed> {
    const results = await allOrThrow(
      childrenForNodes(manifests).map(async (child) => ({
        child,
        found: await this.#objects.has(child.digest),
      })),
    );
    const failure = results.map(({ found }) => found).find((found) => typeof found !== 'boolean');
    if (failure !== undefined) return failure;
    const missing = results.filter(({ found }) => found === false).map(({ child }) => nameOf(child));
    return {
      missing: [...new Set(missing)].toSorted(),
      unlisted: [],
      stored: results.length - missing.length,
    };
  }

  /** Every child for the platform has to be stored, because the node chooses among them. */
  async #childState(index: Manifest, platform: string, depth: number): Promise<ChildState | Failed> {
    const children = childrenFor(index.manifests, platform);
    if (children.length === 0) return 'unlisted';
    const states = await allOrThrow(
      children.map(async (child): Promise<ChildState | Failed> => {
        if (!isIndex(child) || depth === 0) {
          const has = await this.#objects.has(child.digest);
          return typeof has === 'boolean' ? (has ? 'stored' : 'missing') : has;
        }
        const inner = await this.#objects.manifest(child.digest);
        if (isManifest(inner)) return this.#childState(inner, platform, depth - 1);
        return inner === 'absent' || 'damaged' in inner ? 'missing' : inner;
      }),
    );
    const failure = states.find((state) => typeof state !== 'string');
    return (
      failure ?? (states.includes('missing') ? 'missing' : states.includes('stored') ? 'stored' : 'unlisted')
    );
  }
}

type ChildState = 'stored' | 'missing' | 'unlisted';

interface Looked {
  readonly missing: readonly string[];
  readonly unlisted: readonly string[];
  /** How many of those that were looked for are stored. */
  readonly stored: number;
}

function isIndex({ mediaType }: Descriptor): boolean {
  return isManifestMediaType(mediaType) && MANIFEST_KINDS[mediaType] === 'index';
}

function nameOf({ platform, digest }: Descriptor): string {
  return platform === undefined ? digest : spellPlatform(platform);
}
