/**
 * Describes the content of a registry for tests, independent of the code under test. The content is in memory, except
 * the bytes of blobs, which are generated while they are streamed.
 */
import { createCipheriv, createHash } from 'node:crypto';

/** Has the form `sha256:<hex>` or `sha512:<hex>`. */
export type Digest = string;
export type Algorithm = 'sha256' | 'sha512';

export interface Blob {
  readonly size: number;
  /** Returns the bytes from `start` up to `end`, without the byte at `end`; by default the whole blob. */
  open(start?: number, end?: number): AsyncIterable<Uint8Array>;
}

export interface Manifest {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
}

export interface Repository {
  readonly tags: Map<string, Digest>;
  /** The manifests in an order in which they can be pushed: children before their parents. */
  readonly manifests: Map<Digest, Manifest>;
  readonly blobs: Map<Digest, Blob>;
}

export interface Corpus {
  readonly repositories: Map<string, Repository>;
}

export function emptyRepository(): Repository {
  return { tags: new Map(), manifests: new Map(), blobs: new Map() };
}

/** Returns a corpus with some of the repositories. It shares their content with the whole corpus. */
export function selectRepositories(corpus: Corpus, wanted: (name: string) => boolean): Corpus {
  return { repositories: new Map([...corpus.repositories].filter(([name]) => wanted(name))) };
}

/** @throws if the corpus has no such repository */
export function repositoryOf(corpus: Corpus, name: string): Repository {
  const repository = corpus.repositories.get(name);
  if (repository === undefined) throw new Error(`The corpus has no repository ${name}.`);
  return repository;
}

/** @throws if the repository has no such tag */
export function digestOfTag(repository: Repository, tag: string): Digest {
  const digest = repository.tags.get(tag);
  if (digest === undefined) throw new Error(`The repository has no tag ${tag}.`);
  return digest;
}

/** @throws if the repository has no such manifest */
export function manifestOf(repository: Repository, digest: Digest): Manifest {
  const manifest = repository.manifests.get(digest);
  if (manifest === undefined) throw new Error(`The repository has no manifest ${digest}.`);
  return manifest;
}

export function digestOf(bytes: Uint8Array, algorithm: Algorithm = 'sha256'): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

/** Returns the digest of a blob, and holds only one chunk of it in memory at a time. */
export async function digestOfBlob(blob: Blob, algorithm: Algorithm = 'sha256'): Promise<Digest> {
  const hash = createHash(algorithm);
  for await (const chunk of blob.open()) hash.update(chunk);
  return `${algorithm}:${hash.digest('hex')}`;
}

/** @throws if the digest is of another algorithm */
export function algorithmOf(digest: Digest): Algorithm {
  if (digest.startsWith('sha256:')) return 'sha256';
  if (digest.startsWith('sha512:')) return 'sha512';
  throw new Error(`${digest} is neither a sha256 nor a sha512 digest.`);
}

export async function bytesOf(blob: Blob): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of blob.open()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export function blobOf(bytes: Uint8Array): Blob {
  return {
    size: bytes.length,
    async *open(start = 0, end = bytes.length) {
      if (start < end) yield bytes.subarray(start, end);
    },
  };
}

const AES_BLOCK = 16;
const CHUNK = 256 * 1024;

/**
 * Makes a blob of `size` bytes that depend on the seed alone and cannot be compressed. Each reading generates the bytes
 * again.
 */
export function randomBlob(seed: string, size: number): Blob {
  return {
    size,
    async *open(start = 0, end = size) {
      yield* randomBytes(seed, start, Math.min(end, size));
    },
  };
}

/** Generates the key stream of AES in counter mode, because it is as fast as memory and can start anywhere. */
function* randomBytes(seed: string, start: number, end: number): Generator<Buffer> {
  const key = createHash('sha256').update(seed).digest();
  const counter = Buffer.alloc(AES_BLOCK);
  counter.writeBigUInt64BE(BigInt(Math.floor(start / AES_BLOCK)), 8);
  const cipher = createCipheriv('aes-256-ctr', key, counter);
  cipher.update(Buffer.alloc(start % AES_BLOCK));
  const zeros = Buffer.alloc(CHUNK);
  for (let position = start; position < end; position += CHUNK) {
    yield cipher.update(zeros.subarray(0, Math.min(CHUNK, end - position)));
  }
}

/** Joins blobs into one. */
export function joinBlobs(parts: readonly Blob[]): Blob {
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  return {
    size,
    async *open(start = 0, end = size) {
      let offset = 0;
      for (const part of parts) {
        const from = Math.max(start - offset, 0);
        const to = Math.min(end - offset, part.size);
        if (from < to) yield* part.open(from, to);
        offset += part.size;
      }
    },
  };
}
