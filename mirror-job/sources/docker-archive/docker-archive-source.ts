/**
 * An image from an archive in Docker's old format: a config, layers, and a list of both. It has no manifest, so one is made,
 * whose digest need not be the registry's. `podman save` and older `docker save` write layers without compression; `crane pull`
 * writes them as the registry has them.
 * https://github.com/moby/docker-image-spec/blob/v1.3.1/v1.3.md#combined-image-json--filesystem-changeset-format
 */
import { digestOf, isDigest, type Digest } from '../../../core/digest.ts';
import { encodeJson, isObject, parseJson } from '../../../core/json.ts';
import { OCI_MANIFEST } from '../../../core/media-type.ts';
import { NameInvalidError, parseReference, type Repository, type Tag } from '../../../core/reference.ts';
import {
  SourceError,
  type ReferrerList,
  type Resolved,
  type Source,
  type SourceManifest,
} from '../../engine/source.ts';
import { FileRefusedError } from '../layout/file-below.ts';
import type { LayoutFiles } from '../layout/layout-files.ts';
import { readPackedLayer, type PackedLayer } from './packed-layer.ts';

const MAX_JSON_BYTES = 16 * 1024 * 1024;
const MAX_VALUES = 250_000;
const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar';

/** An image of the archive. */
export interface ArchivedImage {
  readonly references: readonly string[];
  /** The config's digest, which is the original one: people know it as the image's id. */
  readonly config: Digest;
  /** The digests of the layers that are without compression. A registry has the same layers compressed, by other digests. */
  readonly unpacked: readonly Digest[];
  readonly manifest: SourceManifest;
  /** The file of each blob. */
  readonly files: ReadonlyMap<Digest, string>;
}

export class DockerArchiveSource implements Source {
  readonly name: string;
  readonly #files: LayoutFiles;
  readonly #repository: Repository;
  readonly #packed = new Map<string, Promise<PackedLayer | undefined>>();
  #images: Promise<readonly ArchivedImage[]> | undefined;

  /** @param repository whose tags to take from an archive of several repositories */
  constructor(path: string, files: LayoutFiles, repository: Repository) {
    this.name = `docker-archive:${path}`;
    this.#files = files;
    this.#repository = repository;
  }

  async tags(): Promise<readonly Tag[]> {
    const images = await this.#read();
    return [...new Set(images.flatMap((image) => this.#tagsOf(image)))];
  }

  async resolve(tag: Tag): Promise<Resolved | undefined> {
    const image = await this.image(tag);
    return image && { digest: image.manifest.digest, manifest: image.manifest };
  }

  /** @returns the image that has the tag; the only image, if it has no name at all */
  async image(tag: Tag | undefined): Promise<ArchivedImage | undefined> {
    const images = await this.#read();
    const [only, ...others] = images;
    const tagged = images.find((image) => tag !== undefined && this.#tagsOf(image).includes(tag));
    return tagged ?? (others.length === 0 && only?.references.length === 0 ? only : undefined);
  }

  /** @returns the image whose manifest, made from the archive, has the digest */
  async imageOf(digest: Digest): Promise<ArchivedImage | undefined> {
    return (await this.#read()).find(({ manifest }) => manifest.digest === digest);
  }

  async manifest(reference: Tag | Digest): Promise<SourceManifest | undefined> {
    const image = isDigest(reference) ? this.imageOf(reference) : this.image(reference);
    return (await image)?.manifest;
  }

  async blob(digest: Digest, _size: number, offset: number): Promise<AsyncIterable<Uint8Array> | undefined> {
    const file = (await this.#read()).flatMap(({ files }) => files.get(digest) ?? [])[0];
    return file === undefined ? undefined : this.#files.stream(file, offset);
  }

  async referrers(): Promise<ReferrerList> {
    return { descriptors: [] };
  }

  /** A person who names an archive has it before them, and means to publish it. */
  async isPublic(): Promise<boolean> {
    return true;
  }

  /** The tags under the repository's own name, or, if no reference names it, under whatever name the archive has. */
  #tagsOf({ references }: ArchivedImage): Tag[] {
    const named = references.flatMap((text) => {
      try {
        return [parseReference(text)];
      } catch (error) {
        if (error instanceof NameInvalidError) return [];
        throw error;
      }
    });
    const own = named.filter(({ repository }) => repository === this.#repository);
    return (own.length > 0 ? own : named).flatMap(({ tag }) => tag ?? []);
  }

  #read(): Promise<readonly ArchivedImage[]> {
    this.#images ??= this.#readImages();
    return this.#images;
  }

  async #readImages(): Promise<readonly ArchivedImage[]> {
    const list = (await this.#json('manifest.json')).json;
    if (!Array.isArray(list)) throw new SourceError(`${this.name}: manifest.json is not a list of images.`);
    const images: ArchivedImage[] = [];
    for (const entry of list) images.push(await this.#readImage(entry));
    return images;
  }

  async #readImage(entry: unknown): Promise<ArchivedImage> {
    const { Config: config, Layers: layers, RepoTags: references } = isObject(entry) ? entry : {};
    if (typeof config !== 'string' || !isTexts(layers)) {
      throw new SourceError(`${this.name}: manifest.json has an image without a config or layers.`);
    }
    const { bytes, json } = await this.#json(config);
    const rootfs = isObject(json) ? json['rootfs'] : undefined;
    const ids = isObject(rootfs) ? rootfs['diff_ids'] : undefined;
    if (!isTexts(ids) || ids.length !== layers.length || !ids.every((id) => isDigest(id))) {
      throw new SourceError(`${this.name}: ${config} does not say which layers the image has.`);
    }
    const digest = await digestOf(bytes);
    const files = new Map<Digest, string>([[digest, config]]);
    const descriptors = [];
    const unpacked: Digest[] = [];
    for (const [index, id] of ids.entries()) {
      const file = layers[index] ?? '';
      const size = await this.#size(file);
      if (!isDigest(id)) continue;
      const packed = await this.#packedOnce(file, id);
      // The copier hashes the layer: one whose bytes are others is refused there.
      const layer = packed?.digest ?? id;
      files.set(layer, file);
      descriptors.push({ mediaType: `${OCI_LAYER}${packed?.suffix ?? ''}`, digest: layer, size });
      if (packed === undefined) unpacked.push(layer);
    }
    const manifest = encodeJson({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: { mediaType: OCI_CONFIG, digest, size: bytes.length },
      layers: descriptors,
    });
    return {
      references: isTexts(references) ? references : [],
      config: digest,
      unpacked,
      manifest: { digest: await digestOf(manifest), bytes: manifest, mediaType: OCI_MANIFEST },
      files,
    };
  }

  /** Images of one archive share layers. */
  #packedOnce(file: string, id: Digest): Promise<PackedLayer | undefined> {
    const name = `${id} ${file}`;
    const known = this.#packed.get(name) ?? readPackedLayer(this.name, this.#files, file, id);
    this.#packed.set(name, known);
    return known;
  }

  async #size(file: string): Promise<number> {
    const size = await this.#files.size(file);
    if (size !== undefined) return size;
    throw new SourceError(
      `${this.name}: there is no file ${file}, which manifest.json names. If it is a link within the archive, write the archive anew with a current "skopeo copy" or "podman save".`,
    );
  }

  async #json(file: string): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly json: unknown }> {
    try {
      const bytes = await this.#files.read(file, MAX_JSON_BYTES);
      if (bytes === undefined) throw new SourceError(`${this.name}: there is no file ${file}.`);
      return { bytes, json: parseJson(bytes, MAX_VALUES) };
    } catch (error) {
      if (error instanceof SourceError) throw error;
      const reason = error instanceof FileRefusedError ? error.message : 'is not JSON that can be read.';
      throw new SourceError(`${this.name}: ${file} ${reason}`, { cause: error });
    }
  }
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}
