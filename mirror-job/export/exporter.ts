/** Writes images of a bucket into an OCI image layout: every manifest and blob that they need, and their referrers. */
import { algorithmOf, hexOf, type Digest } from '../../core/digest.ts';
import { encodeJson } from '../../core/json.ts';
import { formatReference, type Reference } from '../../core/reference.ts';
import { BucketSource } from '../sources/bucket/bucket-source.ts';
import type { Environment } from '../engine/environment.ts';
import { createLimit } from '../engine/support/limit.ts';
import { resumed } from '../engine/transfer/resume.ts';
import { allOrThrow } from '../engine/support/all-or-throw.ts';
import { SourceError } from '../engine/source.ts';
import { StoreError, type ReadableStore } from '../engine/store/store.ts';
import { verified } from '../engine/transfer/verify.ts';
import { ClosureWalk, type NeededBlob } from './closure.ts';
import { layoutIndex } from './layout-index.ts';
import type { LayoutWriter } from './layout-writer.ts';

export interface ExportEnvironment extends Pick<Environment, 'log' | 'signal' | 'tally' | 'createHash'> {
  readonly store: ReadableStore;
}

interface ExportedImage {
  readonly image: string;
  readonly digest: Digest;
}

export interface ExportResult {
  readonly images: readonly ExportedImage[];
  readonly manifests: number;
  readonly blobs: number;
  /** The bytes of the blobs and manifests together. */
  readonly bytes: number;
  /** One sentence per image that could not be exported. If there is any, nothing was exported. */
  readonly failures: readonly string[];
}

/**
 * Writes a layout's files, and its `index.json` and `oci-layout` last. All images are checked before one of them fails
 * the export, so that all failures are reported together. The blobs are read only if there is no failure.
 * @param references each names a tag, or a digest, or neither for all tags of the repository
 * @throws the signal's reason, and what the writer throws
 */
export async function exportImages(
  environment: ExportEnvironment,
  references: readonly Reference[],
  writer: LayoutWriter,
): Promise<ExportResult> {
  const { tally, log } = environment;
  const files = new FileWriter(environment, writer);
  const walks: ClosureWalk[] = [];
  const failures: string[] = [];
  for (const [repository, group] of Map.groupBy(references, (reference) => reference.repository)) {
    const source = new BucketSource(environment.store, repository);
    const walk = new ClosureWalk(environment, source, repository, (digest, bytes) =>
      files.manifest(digest, bytes),
    );
    walks.push(walk);
    for (const reference of group) {
      tally.add('planned');
      try {
        await walk.add(reference);
      } catch (error) {
        if (!(error instanceof SourceError || error instanceof StoreError)) throw error;
        failures.push(`${formatReference(reference)}: ${error.message}`);
      }
      tally.add('finished');
    }
  }
  const blobs = new Map(walks.flatMap((walk) => [...walk.blobs]));
  const images = walks
    .flatMap(({ repository, roots }) =>
      roots.map(({ tag, descriptor: { digest } }) => {
        const named = tag === undefined ? { tag, digest } : { tag, digest: undefined };
        return { image: formatReference({ repository, ...named }), digest };
      }),
    )
    .toSorted((a, b) => (a.image < b.image ? -1 : 1));
  if (failures.length === 0) {
    for (const failure of await files.blobs(blobs)) failures.push(failure);
    if (failures.length === 0) await files.json('index.json', layoutIndex(walks));
    // `oci-layout` is written last, because this file makes the folder a layout.
    if (failures.length === 0) await files.json('oci-layout', { imageLayoutVersion: '1.0.0' });
  }
  for (const warning of walks.flatMap((walk) => walk.warnings)) log.warn(warning);
  return { images, failures, ...files.written };
}

/** Writes each digest once, however many images and repositories need it. */
class FileWriter {
  readonly #environment: ExportEnvironment;
  readonly #writer: LayoutWriter;
  readonly #manifests = new Map<Digest, Promise<void>>();
  readonly #limit;
  #blobs = 0;
  #bytes = 0;

  constructor(environment: ExportEnvironment, writer: LayoutWriter) {
    this.#environment = environment;
    this.#writer = writer;
    this.#limit = createLimit(writer.concurrency);
  }

  get written(): { manifests: number; blobs: number; bytes: number } {
    return { manifests: this.#manifests.size, blobs: this.#blobs, bytes: this.#bytes };
  }

  manifest(digest: Digest, bytes: Uint8Array): Promise<void> {
    const written =
      this.#manifests.get(digest) ??
      this.#limit(() => {
        this.#bytes += bytes.length;
        return this.#writer.write(fileName(digest), bytes.length, once(bytes));
      });
    this.#manifests.set(digest, written);
    return written;
  }

  async json(name: string, value: unknown): Promise<void> {
    const bytes = encodeJson(value);
    await this.#writer.write(name, bytes.length, once(bytes));
  }

  /** @returns a sentence for each blob that is missing or has other bytes. After the first failure, no further blob is begun */
  async blobs(blobs: ReadonlyMap<Digest, NeededBlob>): Promise<string[]> {
    const { tally } = this.#environment;
    for (const { descriptor } of blobs.values()) tally.add('bytesPlanned', descriptor.size);
    const failures: string[] = [];
    const write = async (blob: NeededBlob): Promise<void> => {
      if (failures.length > 0) return;
      try {
        await this.#blob(blob);
      } catch (error) {
        if (!(error instanceof SourceError || error instanceof StoreError)) throw error;
        failures.push(error.message);
      }
    };
    await allOrThrow([...blobs.values()].map((blob) => this.#limit(() => write(blob))));
    return failures;
  }

  async #blob({ descriptor, source }: NeededBlob): Promise<void> {
    const { signal, tally, createHash } = this.#environment;
    signal.throwIfAborted();
    const { digest, size } = descriptor;
    // Some artifacts have a layer that is also a manifest. Its file is written already.
    if (this.#manifests.has(digest)) return;
    const running = { label: digest, size, done: 0 };
    tally.running.add(running);
    try {
      const body = verified(resumed(source, descriptor, signal), descriptor, source, createHash);
      const counted = count(body, (bytes) => {
        running.done += bytes;
        tally.add('bytes', bytes);
      });
      await this.#writer.write(fileName(digest), size, counted);
    } finally {
      tally.running.delete(running);
    }
    this.#blobs += 1;
    this.#bytes += size;
  }
}

function fileName(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${hexOf(digest)}`;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function* count(
  body: AsyncIterable<Uint8Array>,
  add: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    add(chunk.length);
    yield chunk;
  }
}
