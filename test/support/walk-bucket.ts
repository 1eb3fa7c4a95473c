/**
 * Reads a whole bucket and lists its faults. The documented layout is written out again here, so that the walk finds
 * mistakes in core/.
 */
import { blobKey, manifestKey, sortKeys, type RepositoryKeys } from './bucket-keys.ts';
import { BucketReader, type BucketOptions } from './bucket-reader.ts';
import { algorithmOf, digestOf, type Digest } from './content.ts';
import { isObject, readJson, referencesOf, type JsonObject, type Reference } from './manifest-json.ts';

export interface BucketWalkOptions extends BucketOptions {
  /** The size, in bytes, above which blobs are not hashed. By default all blobs are hashed. */
  readonly hashUpTo?: number;
  /** Whether indexes without a tag may lack children. */
  readonly sparse?: boolean;
}

export interface BucketWalk {
  /** The digests by `<repository>:<tag>`. */
  readonly tags: ReadonlyMap<string, Digest>;
  /** Faults that must not exist at any moment, even after a run was killed. */
  readonly problems: readonly string[];
  /** Faults that must not exist after a complete run: lists that are out of date. */
  readonly behind: readonly string[];
}

const PLATFORMS = 'dev.lifeboat.platforms';

export async function walkBucket(options: BucketWalkOptions): Promise<BucketWalk> {
  const walker = new BucketWalker(options);
  await walker.walk();
  return walker;
}

class BucketWalker implements BucketWalk {
  readonly tags = new Map<string, Digest>();
  readonly problems: string[] = [];
  readonly behind: string[] = [];
  readonly #reader: BucketReader;
  readonly #options: BucketWalkOptions;
  #sizes: ReadonlyMap<string, number> = new Map();

  constructor(options: BucketWalkOptions) {
    this.#options = options;
    this.#reader = new BucketReader(options);
  }

  async walk(): Promise<void> {
    this.#sizes = await this.#reader.sizes();
    if (this.#sizes.size === 0) return;
    const identity = await this.#json('lifeboat.json');
    if (identity !== undefined && identity['version'] !== 1)
      this.problems.push('lifeboat.json: its version is not 1.');
    const { repositories, unknown } = sortKeys(this.#sizes.keys());
    for (const key of unknown) this.problems.push(`${key}: no such key is documented.`);
    for (const [key, size] of this.#sizes) if (key.startsWith('blobs/')) await this.#blobBytes(key, size);
    for (const [name, repository] of repositories) await this.#repository(name, repository);
  }

  async #blobBytes(key: string, size: number): Promise<void> {
    if (size > (this.#options.hashUpTo ?? Number.POSITIVE_INFINITY)) return;
    const expected = key.slice('blobs/'.length).replace('/', ':');
    const digest = await this.#reader.digest(key, algorithmOf(expected));
    if (digest !== expected) this.problems.push(`${key}: its bytes have the digest ${digest}.`);
  }

  async #repository(name: string, repository: RepositoryKeys): Promise<void> {
    const root = `repositories/${name}/`;
    const mayLack = new Set<Digest>();
    for (const tag of repository.tags) await this.#tag(root, name, tag, mayLack);
    for (const digest of repository.blobs) await this.#blobLink(root, digest);
    for (const digest of repository.manifests) await this.#manifest(root, repository, digest, mayLack);
    for (const digest of repository.referrers) await this.#referrers(root, digest);
    for (const file of repository.files) await this.#json(root + file);
    await this.#tagList(root, name, repository);
  }

  async #tag(root: string, name: string, tag: string, mayLack: Set<Digest>): Promise<void> {
    const key = `${root}_tags/${tag}`;
    const json = await this.#json(key);
    if (json === undefined) return;
    const { digest, mediaType, size, annotations, data } = json;
    if (typeof digest !== 'string' || typeof data !== 'string') {
      this.problems.push(`${key}: it has no digest, or no data.`);
      return;
    }
    this.tags.set(`${name}:${tag}`, digest);
    const bytes = Buffer.from(data, 'base64');
    if (bytes.length !== size)
      this.problems.push(`${key}: its data has ${bytes.length} bytes, not ${String(size)}.`);
    if (digestOf(bytes, algorithmOf(digest)) !== digest)
      this.problems.push(`${key}: its data is not ${digest}.`);
    const stored = await this.#reader.read(manifestKey(root, digest));
    if (stored === undefined) {
      this.problems.push(`${key}: its manifest ${digest} is not stored.`);
      return;
    }
    if (!stored.bytes.equals(bytes))
      this.problems.push(`${key}: its data is not what ${digest} is stored as.`);
    if (stored.contentType !== mediaType) {
      this.problems.push(
        `${key}: its type is ${String(mediaType)}, but the manifest's is ${stored.contentType}.`,
      );
    }
    const platforms = isObject(annotations) ? annotations[PLATFORMS] : undefined;
    if (typeof platforms === 'string') await this.#allowSparse(root, bytes, platforms.split(','), mayLack);
  }

  /**
   * Finds the children that a tag with a list of platforms may lack: those of other platforms, and their attestations.
   */
  async #allowSparse(
    root: string,
    bytes: Uint8Array,
    platforms: readonly string[],
    mayLack: Set<Digest>,
  ): Promise<void> {
    const { manifests } = referencesOf(readJson(bytes));
    for (const child of manifests) {
      const about = child.annotations['vnd.docker.reference.digest'];
      const image = manifests.find(({ digest }) => digest === about) ?? child;
      const { platform } = image;
      const chosen = platform === undefined || platforms.includes(withoutUsualVariant(platform));
      if (!chosen) mayLack.add(child.digest);
      const stored = await this.#reader.read(manifestKey(root, child.digest));
      if (stored !== undefined) await this.#allowSparse(root, stored.bytes, platforms, mayLack);
    }
  }

  async #blobLink(root: string, digest: Digest): Promise<void> {
    const key = `${root}_blobs/${digest.replace(':', '/')}`;
    const json = await this.#json(key);
    if (json === undefined) return;
    const size = this.#sizes.get(blobKey(digest));
    if (size === undefined) this.problems.push(`${key}: the blob is not stored.`);
    else if (json['size'] !== size)
      this.problems.push(`${key}: it says ${String(json['size'])} bytes, and ${size} are stored.`);
    if (json['digest'] !== digest) this.problems.push(`${key}: it names ${String(json['digest'])}.`);
    if (json['mediaType'] !== 'application/octet-stream')
      this.problems.push(`${key}: its mediaType is another.`);
  }

  async #manifest(
    root: string,
    repository: RepositoryKeys,
    digest: Digest,
    mayLack: ReadonlySet<Digest>,
  ): Promise<void> {
    const key = manifestKey(root, digest);
    const stored = await this.#reader.read(key);
    if (stored === undefined) return;
    if (digestOf(stored.bytes, algorithmOf(digest)) !== digest) {
      this.problems.push(`${key}: its bytes have another digest.`);
      return;
    }
    const { mediaType, manifests, blobs, subject } = referencesOf(readJson(stored.bytes));
    if (mediaType !== undefined && mediaType !== stored.contentType) {
      this.problems.push(`${key}: it says ${mediaType}, and its Content-Type is ${stored.contentType}.`);
    }
    for (const child of manifests) {
      const size = this.#sizes.get(manifestKey(root, child.digest));
      const lacking = size === undefined && (mayLack.has(child.digest) || this.#options.sparse === true);
      if (!lacking && size !== child.size)
        this.problems.push(`${key}: its child ${child.digest} ${storedAs(size)}.`);
    }
    for (const blob of blobs) this.#blobOf(key, repository, blob);
    if (subject !== undefined) await this.#listedAsReferrer(root, digest, subject.digest);
  }

  #blobOf(key: string, repository: RepositoryKeys, blob: Reference): void {
    const linked = repository.blobs.has(blob.digest);
    if (!linked && blob.urls.length > 0) return;
    if (!linked) this.problems.push(`${key}: its blob ${blob.digest} is not linked.`);
    const size = this.#sizes.get(blobKey(blob.digest));
    if (size !== blob.size) this.problems.push(`${key}: its blob ${blob.digest} ${storedAs(size)}.`);
  }

  async #listedAsReferrer(root: string, digest: Digest, subject: Digest): Promise<void> {
    const key = `${root}_referrers/${subject.replace(':', '/')}`;
    const index = await this.#reader.read(key);
    const listed = index === undefined ? [] : referencesOf(readJson(index.bytes)).manifests;
    if (!listed.some((entry) => entry.digest === digest))
      this.behind.push(`${key}: it does not list ${digest}.`);
  }

  async #referrers(root: string, subject: Digest): Promise<void> {
    const key = `${root}_referrers/${subject.replace(':', '/')}`;
    const json = await this.#json(key);
    if (json === undefined) return;
    if (json['schemaVersion'] !== 2 || json['mediaType'] !== 'application/vnd.oci.image.index.v1+json') {
      this.problems.push(`${key}: it is not an OCI image index.`);
    }
    for (const entry of referencesOf(json).manifests) {
      const stored = await this.#reader.read(manifestKey(root, entry.digest));
      if (stored?.bytes.length !== entry.size) {
        this.problems.push(`${key}: its ${entry.digest} ${storedAs(stored?.bytes.length)}.`);
      }
      if (stored === undefined) continue;
      const manifest = referencesOf(readJson(stored.bytes));
      const type = manifest.artifactType ?? manifest.config?.mediaType;
      if (manifest.subject?.digest !== subject)
        this.problems.push(`${key}: ${entry.digest} refers to another.`);
      if (entry.artifactType !== type) {
        this.problems.push(
          `${key}: the artifactType of ${entry.digest} is ${type}, not ${entry.artifactType}.`,
        );
      }
    }
  }

  async #tagList(root: string, name: string, repository: RepositoryKeys): Promise<void> {
    const key = `${root}_tags.json`;
    const wanted = [...repository.tags].toSorted();
    if (!this.#sizes.has(key)) {
      this.behind.push(`${key}: it is not there.`);
      return;
    }
    const json = await this.#json(key);
    const tags: string[] = Array.isArray(json?.['tags']) ? json['tags'].map(String) : [];
    if (json?.['name'] !== name) this.problems.push(`${key}: its name is ${String(json?.['name'])}.`);
    if (tags.join(' ') !== [...new Set(tags)].toSorted().join(' '))
      this.problems.push(`${key}: it is not sorted.`);
    for (const tag of tags) {
      if (!repository.tags.has(tag)) this.problems.push(`${key}: it lists ${tag}, which is not there.`);
    }
    for (const tag of wanted) if (!tags.includes(tag)) this.behind.push(`${key}: it does not list ${tag}.`);
  }

  /**
   * @returns the object's JSON. If there is no such object, or if it is not a JSON object, a fault is reported and the
   * result is undefined
   */
  async #json(key: string): Promise<JsonObject | undefined> {
    const object = await this.#reader.read(key);
    try {
      if (object !== undefined) return readJson(object.bytes);
      this.problems.push(`${key}: it is not there.`);
    } catch {
      this.problems.push(`${key}: it is not a JSON object.`);
    }
    return undefined;
  }
}

function storedAs(size: number | undefined): string {
  return size === undefined ? 'is not stored' : `is stored with ${size} bytes, not with those it names`;
}

/**
 * Normalises a platform as containerd does: `linux/arm64` is `linux/arm64/v8` and no other variant, and `linux/arm` is
 * `linux/arm/v7`.
 */
function withoutUsualVariant(platform: string): string {
  return platform.replace(/\/arm$/, '/arm/v7').replace(/\/arm64\/v8$/, '/arm64');
}
