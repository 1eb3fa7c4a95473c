/**
 * Pushes a corpus into a registry over plain HTTP.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#push
 */
import { request } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Blob, Corpus, Digest, Repository } from './content.ts';

export interface PushOptions {
  /** The registry's address, `http://host:port`. */
  readonly url: string;
  /** Headers that are sent with each request, such as Authorization. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Pushes blobs, then manifests in the repository's order, by digest if they have no tag.
 * @throws if the registry refuses anything, with the registry's own words
 */
export async function pushCorpus(corpus: Corpus, options: PushOptions): Promise<void> {
  for (const [name, repository] of corpus.repositories) await pushRepository(name, repository, options);
}

/** @throws if the registry refuses anything, with the registry's own words */
export async function pushRepository(
  name: string,
  repository: Repository,
  options: PushOptions,
): Promise<void> {
  for (const [digest, blob] of repository.blobs) await pushBlob(name, digest, blob, options);
  for (const digest of repository.manifests.keys()) {
    const tags = [...repository.tags].filter(([, target]) => target === digest).map(([tag]) => tag);
    // A manifest with a sha512 digest is pushed by that digest, because a PUT by tag would store it under sha256.
    const byDigest = tags.length === 0 || !digest.startsWith('sha256:');
    if (byDigest) await pushManifest(name, repository, digest, digest, options);
    for (const tag of tags) await pushManifest(name, repository, digest, tag, options);
  }
}

/**
 * PUTs one manifest of the repository under a tag or its digest.
 * @throws if the registry refuses it, with the registry's own words
 */
export async function pushManifest(
  name: string,
  repository: Repository,
  digest: Digest,
  reference: string,
  options: PushOptions,
): Promise<void> {
  const manifest = repository.manifests.get(digest);
  if (manifest === undefined) throw new Error(`${name} has no manifest ${digest} to push.`);
  const target = new URL(`/v2/${name}/manifests/${reference}`, options.url);
  // The specification has this parameter, so that a tag can point to a digest that is not sha256.
  if (!reference.includes(':') && !digest.startsWith('sha256:')) target.searchParams.set('digest', digest);
  const response = await fetch(target, {
    method: 'PUT',
    headers: { ...options.headers, 'content-type': manifest.mediaType },
    body: Buffer.from(manifest.bytes),
    signal: AbortSignal.timeout(30_000),
  });
  await expectStatus(response, 201, `PUT ${target.href}`);
}

async function pushBlob(name: string, digest: Digest, blob: Blob, options: PushOptions): Promise<void> {
  const headers = { ...options.headers };
  const head = new URL(`/v2/${name}/blobs/${digest}`, options.url);
  const signal = AbortSignal.timeout(30_000);
  const there = await fetch(head, { method: 'HEAD', headers, signal });
  if (there.ok) return;
  const uploads = new URL(`/v2/${name}/blobs/uploads/`, options.url);
  const begun = await fetch(uploads, { method: 'POST', headers, signal });
  await expectStatus(begun, 202, `POST ${uploads.href}`);
  const target = new URL(begun.headers.get('location') ?? '', uploads);
  target.searchParams.set('digest', digest);
  await putStreamed(target, blob, headers);
}

/** Streams a blob with `node:http`, because fetch sends a stream of known length as chunks, which registries refuse. */
async function putStreamed(
  target: URL,
  blob: Blob,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const outgoing = request(target, {
    method: 'PUT',
    headers: { ...headers, 'content-type': 'application/octet-stream', 'content-length': blob.size },
    signal: AbortSignal.timeout(300_000),
  });
  const answering = new Promise<{ status: number; text: string }>((resolve, reject) => {
    outgoing.once('error', reject);
    outgoing.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.once('error', reject);
    });
  });
  // An answer before the end of the request says more than the broken pipe after it.
  const sending = pipeline(Readable.from(blob.open()), outgoing).catch(() => {});
  const { status, text } = await answering;
  await sending;
  if (status !== 201) throw new Error(`PUT ${target.href} is ${status}, not 201: ${text}`);
}

async function expectStatus(response: Response, status: number, what: string): Promise<void> {
  const text = await response.text();
  if (response.status !== status) throw new Error(`${what} is ${response.status}, not ${status}: ${text}`);
}
