/**
 * An image from an OCI image layout: a folder, or a tar of one.
 * https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
 */
import { algorithmOf, digestOf, hexOf, isDigest, type Digest } from '../../../core/digest.ts';
import { TooManyValuesError, parseJson } from '../../../core/json.ts';
import { MAX_MANIFEST_BYTES } from '../../../core/manifest.ts';
import type { Repository, Tag } from '../../../core/reference.ts';
import {
  SourceError,
  type ReferrerList,
  type Resolved,
  type Source,
  type SourceManifest,
} from '../../engine/source.ts';
import { FileRefusedError } from './file-below.ts';
import { readContents, type LayoutContents } from './layout-contents.ts';
import { openLayoutFiles, type LayoutFiles } from './layout-files.ts';
import { TarInvalidError } from './tar-index.ts';

/** As of a page of tags. An `index.json` has 200 to 300 bytes for each tag, so some 60,000 tags fit in. */
const MAX_INDEX_BYTES = 16 * 1024 * 1024;
/** As of a page of tags. 60,000 tags with platform and name have some 700,000. docs/decisions/0109 */
const MAX_VALUES = 1_000_000;
/** An `oci-layout` holds a version and nothing else. */
const MAX_MARKER_BYTES = 64 * 1024;

export class LayoutSource implements Source {
  readonly name: string;
  readonly #path: string;
  readonly #repository: Repository | undefined;
  readonly #signal: AbortSignal | undefined;
  #files: Promise<LayoutFiles> | undefined;
  #contents: Promise<LayoutContents> | undefined;

  /**
   * @param path a folder or a tar that holds `oci-layout`, `index.json` and `blobs/`
   * @param repository whose tags to take from a layout that holds those of several repositories
   * @param signal ends the reading of its lists, which takes minutes for a large one
   */
  constructor(path: string, repository?: Repository, signal?: AbortSignal) {
    this.#path = path;
    this.#repository = repository;
    this.#signal = signal;
    this.name = `oci:${path}`;
  }

  async tags(): Promise<readonly Tag[]> {
    return [...(await this.#read()).tags.keys()];
  }

  /** The images that have no tag. */
  async unnamed(): Promise<readonly Digest[]> {
    return (await this.#read()).unnamed;
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
    const files = await this.#open();
    const name = blobName(digest);
    const isThere = (await this.#try(files, name, () => files.size(name))) !== undefined;
    return isThere ? this.#stream(files, name, offset) : undefined;
  }

  async referrers(subject: Digest, limit: number): Promise<ReferrerList> {
    return { descriptors: (await this.#read()).referrers(subject, limit) };
  }

  /** A person who names a layout has it before them, and means to publish it. */
  async isPublic(): Promise<boolean> {
    return true;
  }

  #open(): Promise<LayoutFiles> {
    this.#files ??= openLayoutFiles(this.#path, this.#signal).catch((error: unknown) => {
      this.#signal?.throwIfAborted();
      const reason = error instanceof TarInvalidError ? error.message : `cannot be read: ${String(error)}.`;
      throw new SourceError(`${this.name} ${reason}`, { cause: error });
    });
    return this.#files;
  }

  #read(): Promise<LayoutContents> {
    this.#contents ??= this.#readContents();
    return this.#contents;
  }

  async #readContents(): Promise<LayoutContents> {
    await this.#json('oci-layout', MAX_MARKER_BYTES);
    const index = await this.#json('index.json', MAX_INDEX_BYTES);
    const files = await this.#open();
    const [sha256, sha512] = await Promise.all(
      ['sha256', 'sha512'].map((one) => files.lookUp(`blobs/${one}`)),
    );
    return readContents(this.name, index, this.#repository, {
      mayHave: (digest) => (algorithmOf(digest) === 'sha256' ? sha256 : sha512)?.(hexOf(digest)) === true,
      read: (digest) => this.#bytes(digest),
      signal: this.#signal,
    });
  }

  async #json(name: string, limit: number): Promise<unknown> {
    const files = await this.#open();
    const bytes = await this.#try(files, name, () => files.read(name, limit));
    if (bytes === undefined) {
      throw new SourceError(`${this.name} is not an OCI image layout: there is no ${files.place(name)}.`);
    }
    try {
      return parseJson(bytes, MAX_VALUES);
    } catch (error) {
      if (error instanceof TooManyValuesError) {
        throw new SourceError(
          `${this.name}: ${files.place(name)} has more than ${MAX_VALUES} values, which is the most that Lifeboat reads of one layout. Split it into several layouts.`,
          { cause: error },
        );
      }
      throw new SourceError(`${this.name}: ${files.place(name)} is not JSON.`, { cause: error });
    }
  }

  /** A manifest's bytes, if they are there and are what they are called. */
  async #bytes(digest: Digest): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const files = await this.#open();
    const name = blobName(digest);
    const size = await this.#try(files, name, () => files.size(name));
    if (size !== undefined && size > MAX_MANIFEST_BYTES) {
      throw new SourceError(
        `${this.name}: ${files.place(name)} has ${size} bytes, too many for a manifest (4 MiB).`,
      );
    }
    const bytes = await this.#try(files, name, () => files.read(name, MAX_MANIFEST_BYTES));
    const actual = bytes === undefined ? digest : await digestOf(bytes, algorithmOf(digest));
    if (actual !== digest) {
      throw new SourceError(
        `${this.name}: ${files.place(name)} holds other bytes: their digest is ${actual}.`,
      );
    }
    return bytes;
  }

  async *#stream(files: LayoutFiles, name: string, offset: number): AsyncGenerator<Uint8Array> {
    try {
      yield* files.stream(name, offset);
    } catch (error) {
      throw this.#unreadable(files, name, error);
    }
  }

  async #try<Value>(files: LayoutFiles, name: string, read: () => Promise<Value>): Promise<Value> {
    try {
      return await read();
    } catch (error) {
      throw this.#unreadable(files, name, error);
    }
  }

  #unreadable(files: LayoutFiles, name: string, cause: unknown): SourceError {
    const reason = cause instanceof FileRefusedError ? cause.message : `cannot be read: ${String(cause)}.`;
    return new SourceError(`${this.name}: ${files.place(name)} ${reason}`, { cause });
  }
}

function blobName(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${hexOf(digest)}`;
}
