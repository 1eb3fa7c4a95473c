/** Holds a source in memory, so that a test can replace any answer, and read the calls. */
import { parseDescriptor } from '../../../core/descriptor.ts';
import { parseDigest, type Digest } from '../../../core/digest.ts';
import { parseTag, type Tag } from '../../../core/reference.ts';
import {
  TooLongError,
  type ReferrerList,
  type Resolved,
  type Source,
  type SourceManifest,
} from '../../../mirror-job/engine/source.ts';
import type { Repository } from '../../support/content.ts';
import { readJson, referencesOf } from '../../support/manifest-json.ts';

export class MemorySource implements Source {
  readonly name: string;
  readonly repository: Repository;
  /** The calls in their order, each as `<call> <what>`. */
  readonly calls: string[] = [];
  /** Runs before each call. If it throws, the call throws the same error. */
  before: (call: keyof Source, what: string) => void | Promise<void> = () => {};
  /** Reads a blob's bytes. */
  open: (digest: Digest, offset: number) => AsyncIterable<Uint8Array> | undefined;
  isShown = true;
  /** Whether the list of tags leaves this tag out. */
  hidden: (tag: string) => boolean = () => false;
  upstream?: NonNullable<Source['upstream']>;

  constructor(name: string, repository: Repository) {
    this.name = name;
    this.repository = repository;
    this.open = (digest, offset) => repository.blobs.get(digest)?.open(offset);
  }

  async tags(): Promise<readonly Tag[]> {
    await this.#begin('tags', '');
    return [...this.repository.tags.keys()].filter((tag) => !this.hidden(tag)).map((tag) => parseTag(tag));
  }

  async resolve(tag: Tag): Promise<Resolved | undefined> {
    await this.#begin('resolve', tag);
    const digest = this.repository.tags.get(tag);
    return digest === undefined ? undefined : { digest: parseDigest(digest) };
  }

  async manifest(reference: Tag | Digest, limit = Infinity): Promise<SourceManifest | undefined> {
    await this.#begin('manifest', reference);
    const digest = this.repository.tags.get(reference) ?? reference;
    const manifest = this.repository.manifests.get(digest);
    if (manifest === undefined) return undefined;
    if (manifest.bytes.length > limit) throw new TooLongError(`${this.name} sent too much.`, limit);
    return {
      digest: parseDigest(digest),
      bytes: new Uint8Array(manifest.bytes),
      mediaType: manifest.mediaType,
    };
  }

  async blob(digest: Digest, _size: number, offset: number): Promise<AsyncIterable<Uint8Array> | undefined> {
    await this.#begin('blob', `${digest} ${offset}`);
    return this.open(digest, offset);
  }

  async referrers(subject: Digest): Promise<ReferrerList> {
    await this.#begin('referrers', subject);
    const descriptors = [...this.repository.manifests].flatMap(([digest, { bytes, mediaType }]) => {
      const refers = referencesOf(readJson(bytes)).subject?.digest === subject;
      return refers ? [parseDescriptor({ mediaType, digest, size: bytes.length }, 'a referrer')] : [];
    });
    return { descriptors };
  }

  async isPublic(reference: Tag | Digest): Promise<boolean> {
    await this.#begin('isPublic', reference);
    return this.isShown;
  }

  async #begin(call: keyof Source, what: string): Promise<void> {
    this.calls.push(`${call} ${what}`.trim());
    await this.before(call, what);
  }
}
