/**
 * Reads OCI image layouts from disk into a repository of the tests, and writes them.
 * https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  blobOf,
  emptyRepository,
  manifestOf,
  type Blob,
  type Digest,
  type Manifest,
  type Repository,
} from './content.ts';
import { readJson, referencesOf, type Reference } from './manifest-json.ts';
import { OCI_INDEX } from './media-types.ts';

const REF_NAME = 'org.opencontainers.image.ref.name';

/**
 * Reads everything that index.json lists, tagged or not, with everything below it. References to content that the
 * layout lacks are left out, as in registries.
 */
export async function readLayout(directory: string): Promise<Repository> {
  const repository = emptyRepository();
  const index = readJson(await readFile(join(directory, 'index.json')));
  for (const entry of referencesOf(index).manifests) {
    await readManifest(directory, entry, repository);
    const tag = entry.annotations[REF_NAME];
    if (tag !== undefined) repository.tags.set(tag, entry.digest);
  }
  return repository;
}

async function readManifest(directory: string, entry: Reference, repository: Repository): Promise<void> {
  if (repository.manifests.has(entry.digest)) return;
  const path = blobPath(directory, entry.digest);
  if ((await sizeOf(path)) === undefined) return;
  const bytes = await readFile(path);
  const { mediaType, manifests, blobs } = referencesOf(readJson(bytes));
  for (const child of manifests) await readManifest(directory, child, repository);
  for (const blob of blobs) {
    const file = blobPath(directory, blob.digest);
    if ((await sizeOf(file)) !== undefined) repository.blobs.set(blob.digest, await fileBlob(file));
  }
  repository.manifests.set(entry.digest, { bytes, mediaType: mediaType ?? entry.mediaType });
}

/** Writes a layout. Its index.json lists the tags, and every manifest to which no tag and no index refers. */
export async function writeLayout(repository: Repository, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const [digest, blob] of repository.blobs) await writeBlob(directory, digest, blob);
  for (const [digest, { bytes }] of repository.manifests) await writeBlob(directory, digest, blobOf(bytes));

  const referenced = new Set<Digest>(repository.tags.values());
  for (const { bytes } of repository.manifests.values()) {
    for (const child of referencesOf(readJson(bytes)).manifests) referenced.add(child.digest);
  }
  const manifests = [
    ...[...repository.tags].map(([tag, digest]) =>
      indexEntry(digest, manifestOf(repository, digest), { [REF_NAME]: tag }),
    ),
    ...[...repository.manifests]
      .filter(([digest]) => !referenced.has(digest))
      .map(([digest, manifest]) => indexEntry(digest, manifest)),
  ];
  const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests };
  await writeFile(join(directory, 'index.json'), JSON.stringify(index));
  await writeFile(join(directory, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
}

function indexEntry(digest: Digest, manifest: Manifest, annotations?: Record<string, string>): object {
  return { mediaType: manifest.mediaType, digest, size: manifest.bytes.length, annotations };
}

async function writeBlob(directory: string, digest: Digest, blob: Blob): Promise<void> {
  const path = blobPath(directory, digest);
  await mkdir(join(path, '..'), { recursive: true });
  await pipeline(Readable.from(blob.open()), createWriteStream(path));
}

/** @throws if there is no such file */
export async function fileBlob(path: string): Promise<Blob> {
  const { size } = await stat(path);
  return {
    size,
    async *open(start = 0, end = size) {
      if (start >= end) return;
      for await (const chunk of createReadStream(path, { start, end: end - 1 })) {
        if (Buffer.isBuffer(chunk)) yield chunk;
      }
    },
  };
}

function blobPath(directory: string, digest: Digest): string {
  return join(directory, 'blobs', ...digest.split(':'));
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch {
    return undefined;
  }
}

/** Returns the digests of all files under `blobs/`. */
export async function storedDigests(directory: string): Promise<Digest[]> {
  const digests: Digest[] = [];
  for (const algorithm of await readdir(join(directory, 'blobs'))) {
    for (const hex of await readdir(join(directory, 'blobs', algorithm))) digests.push(`${algorithm}:${hex}`);
  }
  return digests.toSorted();
}
