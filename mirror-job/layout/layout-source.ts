/**
 * An image from an OCI image layout, a folder.
 * https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
 */
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { REF_NAME } from '../../core/bucket-object.ts';
import { parseDescriptor, type Descriptor } from '../../core/descriptor.ts';
import { algorithmOf, digestOf, hexOf, isDigest, type Digest } from '../../core/digest.ts';
import { isObject, parseJson } from '../../core/json.ts';
import {
  MAX_MANIFEST_SIZE,
  ManifestInvalidError,
  namesManifest,
  parseManifest,
} from '../../core/manifest.ts';
import { referrersTag } from '../../core/tag-list.ts';
import { isTag, type Tag } from '../../core/reference.ts';
import { referrerDescriptor } from '../../core/referrers.ts';
import { SourceError, type Resolved, type Source, type SourceManifest } from '../engine/source.ts';

/** What a layout's `index.json` leads to, read once. */
interface Contents {
  readonly tags: ReadonlyMap<Tag, Descriptor>;
  /** By subject: a layout has no API to ask, so every manifest is looked at. */
  readonly referrers: ReadonlyMap<Digest, readonly Descriptor[]>;
}

export class LayoutSource implements Source {
  readonly name: string;
  readonly #folder: string;
  #contents: Promise<Contents> | undefined;

  /** @param folder that holds `oci-layout`, `index.json` and `blobs/` */
  constructor(folder: string) {
    this.#folder = folder;
    this.name = `oci:${folder}`;
  }

  async tags(): Promise<readonly Tag[]> {
    return [...(await this.#read()).tags.keys()];
  }

  async resolve(tag: Tag): Promise<Resolved | undefined> {
    const descriptor = (await this.#read()).tags.get(tag);
    return descriptor === undefined ? undefined : { digest: descriptor.digest };
  }

  async manifest(reference: Tag | Digest): Promise<SourceManifest | undefined> {
    const known = isDigest(reference) ? undefined : (await this.#read()).tags.get(reference);
    const digest = isDigest(reference) ? reference : known?.digest;
    if (digest === undefined) return undefined;
    const bytes = await this.#bytes(digest);
    return bytes === undefined ? undefined : { digest, bytes, mediaType: known?.mediaType };
  }

  async blob(digest: Digest, _size: number, offset: number): Promise<AsyncIterable<Uint8Array> | undefined> {
    const path = this.#path(digest);
    if ((await this.#size(path)) === undefined) return undefined;
    return this.#stream(path, offset);
  }

  async referrers(subject: Digest): Promise<readonly Descriptor[]> {
    return (await this.#read()).referrers.get(subject) ?? [];
  }

  /** Whoever names a folder has it before them, and means to publish it. */
  async isPublic(): Promise<boolean> {
    return true;
  }

  #read(): Promise<Contents> {
    this.#contents ??= this.#readContents();
    return this.#contents;
  }

  async #readContents(): Promise<Contents> {
    await this.#json('oci-layout');
    const index = await this.#json('index.json');
    const list: unknown = isObject(index) ? index['manifests'] : undefined;
    if (!Array.isArray(list)) throw new SourceError(`${this.name}: index.json has no list of manifests.`);
    const tags = new Map<Tag, Descriptor>();
    const roots: Descriptor[] = [];
    for (const [position, entry] of list.entries()) {
      const descriptor = this.#descriptor(entry, `entry ${position} of index.json`);
      roots.push(descriptor);
      const tag = tagOf(descriptor);
      if (tag === undefined) continue;
      const other = tags.get(tag);
      if (other !== undefined && other.digest !== descriptor.digest) {
        throw new SourceError(
          `${this.name}: index.json gives the tag "${tag}" to two manifests, ${other.digest} and ${descriptor.digest}. Keep one of them.`,
        );
      }
      tags.set(tag, descriptor);
    }
    return { tags, referrers: await this.#collectReferrers(roots, tags) };
  }

  /** Looks at every manifest below the roots for a `subject`, and at the tags that list referrers the old way. */
  async #collectReferrers(
    roots: readonly Descriptor[],
    tags: ReadonlyMap<Tag, Descriptor>,
  ): Promise<ReadonlyMap<Digest, readonly Descriptor[]>> {
    const referrers = new Map<Digest, Descriptor[]>();
    const add = (subject: Digest, descriptor: Descriptor): void => {
      const known = referrers.get(subject) ?? [];
      if (!known.some(({ digest }) => digest === descriptor.digest))
        referrers.set(subject, [...known, descriptor]);
    };
    const visited = new Set<Digest>();
    const lists = new Map<Digest, readonly Descriptor[]>();
    const queue = [...roots];
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      if (visited.has(next.digest) || !namesManifest(next)) continue;
      visited.add(next.digest);
      const bytes = await this.#bytes(next.digest);
      // What is not a manifest, or not there, fails the tag that needs it, not the whole folder.
      const manifest = bytes === undefined ? undefined : parseLeniently(bytes, next.mediaType);
      if (bytes === undefined || manifest === undefined) continue;
      if (manifest.subject !== undefined) {
        add(manifest.subject.digest, referrerDescriptor(manifest, next.digest, bytes.length));
      }
      queue.push(...manifest.manifests);
      lists.set(next.digest, manifest.manifests);
    }
    for (const subject of visited) {
      const list = tags.get(referrersTag(subject));
      for (const referrer of (list && lists.get(list.digest)) ?? []) add(subject, referrer);
    }
    return referrers;
  }

  #descriptor(value: unknown, where: string): Descriptor {
    try {
      return parseDescriptor(value, where);
    } catch (error) {
      throw new SourceError(`${this.name}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
  }

  async #json(file: string): Promise<unknown> {
    const path = join(this.#folder, file);
    let bytes: Uint8Array;
    try {
      bytes = await readFile(path);
    } catch (error) {
      throw new SourceError(
        `${this.name} is not an OCI image layout: ${isMissing(error) ? `there is no ${path}` : String(error)}.`,
        { cause: error },
      );
    }
    try {
      return parseJson(bytes);
    } catch (error) {
      throw new SourceError(`${this.name}: ${path} is not JSON.`, { cause: error });
    }
  }

  /** A manifest's bytes, if they are there and are what they are called. */
  async #bytes(digest: Digest): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const path = this.#path(digest);
    const size = await this.#size(path);
    if (size === undefined) return undefined;
    if (size > MAX_MANIFEST_SIZE) {
      throw new SourceError(`${this.name}: ${path} has ${size} bytes, too many for a manifest (4 MiB).`);
    }
    const bytes = new Uint8Array(await readFile(path));
    const actual = await digestOf(bytes, algorithmOf(digest));
    if (actual !== digest)
      throw new SourceError(`${this.name}: ${path} holds other bytes: their digest is ${actual}.`);
    return bytes;
  }

  async #size(path: string): Promise<number | undefined> {
    try {
      const { size } = await stat(path);
      return size;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw new SourceError(`${this.name}: ${path} cannot be read.`, { cause: error });
    }
  }

  async *#stream(path: string, offset: number): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of createReadStream(path, { start: offset, highWaterMark: 256 * 1024 })) {
        if (chunk instanceof Uint8Array) yield chunk;
      }
    } catch (error) {
      throw new SourceError(`${this.name}: ${path} cannot be read.`, { cause: error });
    }
  }

  #path(digest: Digest): string {
    return join(this.#folder, 'blobs', algorithmOf(digest), hexOf(digest));
  }
}

/** Tools write the tag itself, or a whole reference that ends in one. */
function tagOf(descriptor: Descriptor): Tag | undefined {
  const name = descriptor.annotations?.[REF_NAME];
  if (name === undefined) return undefined;
  if (isTag(name)) return name;
  const tag = name.slice(name.lastIndexOf(':') + 1);
  return isTag(tag) ? tag : undefined;
}

function parseLeniently(bytes: Uint8Array, mediaType: string): ReturnType<typeof parseManifest> | undefined {
  try {
    return parseManifest(bytes, mediaType);
  } catch (error) {
    if (error instanceof ManifestInvalidError) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
