/** Reads the bytes that a client stores, and the manifests among them. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import type { Algorithm, Digest } from '../content.ts';
import { readJson, referencesOf, type JsonObject, type References } from '../manifest-json.ts';
import type { Pulled } from './client.ts';

export interface StoredFile {
  readonly path: string;
  /** The size in bytes. */
  readonly size: number;
}

/** Files by the digest of their bytes, whatever the client calls them. */
export type Stored = ReadonlyMap<Digest, StoredFile>;

export interface NamedFile {
  readonly path: string;
  readonly algorithm: Algorithm;
}

export async function hashFiles(files: Iterable<NamedFile>): Promise<Stored> {
  const stored = new Map<Digest, StoredFile>();
  for (const { path, algorithm } of files) {
    const hash = createHash(algorithm);
    for await (const chunk of createReadStream(path)) hash.update(chunk);
    stored.set(`${algorithm}:${hash.digest('hex')}`, { path, size: (await stat(path)).size });
  }
  return stored;
}

/** Returns the algorithm, for clients that name files by their hexadecimal digits alone. */
export function algorithmOfHex(hex: string): Algorithm {
  return hex.length === 128 ? 'sha512' : 'sha256';
}

/**
 * Returns the pulled content, as far as the stored files show it.
 * @param known the facts that the client reports
 * @param image the image's digest, if it is known already; by default the image that the index has for this machine
 * @throws if no stored file has the reference's digest
 */
export async function readPulled(
  pulled: Pick<Pulled, 'reference' | 'digest' | 'stored' | 'output'>,
  image?: Digest,
): Promise<Pulled> {
  const own = image ?? (await ownImage(pulled.stored, pulled.digest));
  if (own === undefined) return { ...pulled, image: undefined, config: undefined, layers: [] };
  const manifest = await readManifest(pulled.stored, own);
  return {
    ...pulled,
    image: own,
    config: await readConfig(pulled.stored, manifest),
    layers: manifest.layers.map((layer) => layer.digest),
  };
}

async function readConfig(stored: Stored, manifest: References): Promise<JsonObject | undefined> {
  return manifest.config === undefined ? undefined : readStored(stored, manifest.config.digest);
}

async function ownImage(stored: Stored, digest: Digest): Promise<Digest | undefined> {
  const manifest = await readManifest(stored, digest);
  if (manifest.manifests.length === 0) return digest;
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const own = (platform = '') => platform.split('/').slice(0, 2).join('/') === `linux/${architecture}`;
  return manifest.manifests.find((child) => own(child.platform))?.digest;
}

async function readManifest(stored: Stored, digest: Digest): Promise<References> {
  return referencesOf(await readStored(stored, digest));
}

async function readStored(stored: Stored, digest: Digest): Promise<JsonObject> {
  const file = stored.get(digest);
  if (file === undefined) throw new Error(`The client kept no bytes whose digest is ${digest}.`);
  return readJson(await readFile(file.path));
}
