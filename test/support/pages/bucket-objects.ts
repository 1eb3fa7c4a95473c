/** Writes the objects of a bucket by hand, as a job would, for mirrors that no test could fill with real images. */
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { createHash } from 'node:crypto';
import { s3ClientOf, type StoreAddress } from '../bucket-reader.ts';

export type Json = Readonly<Record<string, unknown>>;

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly os: string; readonly architecture: string; readonly variant?: string };
  readonly annotations?: Json;
  readonly artifactType?: string;
}

export const OCI = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  empty: 'application/vnd.oci.empty.v1+json',
} as const;

export function sha256(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

export class BucketObjects {
  readonly #client: S3Client;
  readonly #bucket: string;

  constructor(store: StoreAddress & { readonly bucket: string }) {
    this.#client = s3ClientOf(store);
    this.#bucket = store.bucket;
  }

  async put(key: string, body: string | Uint8Array, contentType = 'application/json'): Promise<void> {
    await this.#client.send(
      new PutObjectCommand({ Bucket: this.#bucket, Key: key, Body: body, ContentType: contentType }),
    );
  }

  putJson(key: string, value: Json): Promise<void> {
    return this.put(key, JSON.stringify(value));
  }

  putIdentity(audience: 'public' | 'token'): Promise<void> {
    return this.putJson('lifeboat.json', { version: 1, id: `pages-${this.#bucket}`, audience });
  }

  /** A manifest of a repository, with the media type that it states. */
  async putManifest(
    repository: string,
    manifest: Json & { readonly mediaType: string },
  ): Promise<Descriptor> {
    const text = JSON.stringify(manifest);
    const digest = sha256(text);
    await this.put(`repositories/${repository}/_manifests/${pathOf(digest)}`, text, manifest.mediaType);
    return { mediaType: manifest.mediaType, digest, size: text.length };
  }

  /** A blob, and the link by which the repository has it. */
  async putBlob(repository: string, mediaType: string, text: string): Promise<Descriptor> {
    const digest = sha256(text);
    const descriptor = { mediaType, digest, size: Buffer.byteLength(text) };
    await this.put(`blobs/${pathOf(digest)}`, text, 'application/octet-stream');
    await this.putJson(`repositories/${repository}/_blobs/${pathOf(digest)}`, {
      ...descriptor,
      mediaType: 'application/octet-stream',
    });
    return descriptor;
  }

  async putReferrers(repository: string, subject: string, manifests: readonly Descriptor[]): Promise<void> {
    await this.putJson(`repositories/${repository}/_referrers/${pathOf(subject)}`, {
      schemaVersion: 2,
      mediaType: OCI.index,
      manifests,
    });
  }

  putTagList(repository: string, tags: readonly string[]): Promise<void> {
    return this.putJson(`repositories/${repository}/_tags.json`, { name: repository, tags: tags.toSorted() });
  }

  /** An object of the state of the configuration `default`. @param value bytes are written as they are */
  putState(file: string, value: Json | Uint8Array): Promise<void> {
    const key = `state/default/${file}`;
    return value instanceof Uint8Array ? this.put(key, value) : this.putJson(key, value);
  }
}

function pathOf(digest: string): string {
  return digest.replace(':', '/');
}
