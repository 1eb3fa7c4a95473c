/**
 * Manifests with all that they need: blobs first, then children, then the manifest itself. What is in the
 * bucket as a manifest is therefore complete, and a run that died goes on from whatever it had finished.
 */
import type { Descriptor } from '../../core/descriptor.ts';
import type { Digest } from '../../core/digest.ts';
import { manifestKey } from '../../core/layout.ts';
import { ManifestInvalidError, namesManifest, parseManifest, type Manifest } from '../../core/manifest.ts';
import type { Repository } from '../../core/reference.ts';
import type { BlobCopier } from './blob-copy.ts';
import type { Environment } from './environment.ts';
import { Memo } from './memo.ts';
import { SourceError, type Source, type SourceManifest } from './source.ts';

/** Deeper than any image: an index of indexes of images is three. */
const MAX_DEPTH = 8;

/** A manifest that is stored, and what is stored with it. */
export interface StoredManifest {
  readonly manifest: Manifest;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly children: readonly StoredManifest[];
}

export class ManifestCopier {
  readonly #environment: Environment;
  readonly #repository: Repository;
  readonly #blobs: BlobCopier;
  readonly #stored = new Memo<Digest, StoredManifest>();

  constructor(environment: Environment, repository: Repository, blobs: BlobCopier) {
    this.#environment = environment;
    this.#repository = repository;
    this.#blobs = blobs;
  }

  /**
   * Makes sure that the repository has a manifest and its closure.
   * @param given its bytes, where they are at hand already
   * @param expected the descriptor that asked for it, where there is one: its size and type must hold
   * @throws {SourceError} naming what the source lacks, or sent wrong
   * @throws {StoreError}
   */
  ensure(
    digest: Digest,
    source: Source,
    given?: SourceManifest,
    expected?: Descriptor,
    depth = 0,
  ): Promise<StoredManifest> {
    if (depth > MAX_DEPTH) {
      throw new SourceError(
        `${source.name}: indexes within indexes, more than ${MAX_DEPTH} deep, at ${digest}. No image is built like that.`,
      );
    }
    return this.#stored.get(digest, () => this.#ensure(digest, source, given, expected, depth));
  }

  async #ensure(
    digest: Digest,
    source: Source,
    given: SourceManifest | undefined,
    expected: Descriptor | undefined,
    depth: number,
  ): Promise<StoredManifest> {
    const { store, signal, tally } = this.#environment;
    signal.throwIfAborted();
    const key = manifestKey(this.#repository, digest);
    const present = await store.get(key);
    const fetched =
      present === undefined
        ? (given ?? (await fetchManifest(source, digest)))
        : { digest, bytes: new Uint8Array(present.bytes), mediaType: present.contentType };
    const manifest = parse(fetched, source, expected);
    const children = await this.#ensureChildren(manifest, source, depth);
    if (present === undefined) {
      await Promise.all(manifest.blobs.map((blob) => this.#ensureBlob(blob, source)));
      signal.throwIfAborted();
      await store.put(key, fetched.bytes, { contentType: manifest.mediaType });
      tally.manifestsCopied += 1;
    }
    return { manifest, digest, size: fetched.bytes.length, bytes: fetched.bytes, children };
  }

  async #ensureChildren(manifest: Manifest, source: Source, depth: number): Promise<StoredManifest[]> {
    const children = await Promise.all(
      manifest.manifests.map(async (child) => {
        if (namesManifest(child)) return this.ensure(child.digest, source, undefined, child, depth + 1);
        // Build caches are indexes whose "manifests" are layers: what is no manifest by its type is a blob.
        await this.#ensureBlob(child, source);
        return undefined;
      }),
    );
    return children.filter((child) => child !== undefined);
  }

  async #ensureBlob(blob: Descriptor, source: Source): Promise<void> {
    try {
      await this.#blobs.ensure(this.#repository, blob, source);
    } catch (error) {
      // Layers that are kept elsewhere by licence: pulling clients fetch them from their `urls` themselves.
      if (blob.urls === undefined || !(error instanceof SourceError)) throw error;
      this.#environment.log.warn(
        `${source.name}: layer ${blob.digest} is not at the registry; clients fetch it from ${blob.urls.join(', ')}.`,
      );
    }
  }
}

async function fetchManifest(source: Source, digest: Digest): Promise<SourceManifest> {
  const manifest = await source.manifest(digest);
  if (manifest === undefined) throw new SourceError(`${source.name} has no manifest ${digest}.`);
  return manifest;
}

function parse(fetched: SourceManifest, source: Source, expected: Descriptor | undefined): Manifest {
  if (expected !== undefined && fetched.bytes.length !== expected.size) {
    throw new SourceError(
      `${source.name}: manifest ${fetched.digest} has ${fetched.bytes.length} bytes, and the index that lists it says ${expected.size}.`,
    );
  }
  try {
    return parseManifest(fetched.bytes, fetched.mediaType ?? expected?.mediaType);
  } catch (error) {
    if (!(error instanceof ManifestInvalidError)) throw error;
    throw new SourceError(`${source.name}: manifest ${fetched.digest}: ${error.message}`, { cause: error });
  }
}
