/**
 * A store that speaks S3: the edge signs a URL, then fetches it or gives it to the client. The SDK's signer is used without
 * its `S3Client`, which would be most of the bundle, signs three times slower, and cannot parse XML in a Worker.
 */
import { SignatureV4 } from '@smithy/signature-v4';
import type { S3Configuration } from '../configuration/store-configuration.ts';
import type { EdgeRuntime, Fetch } from '../isolate/edge-runtime.ts';
import { SigningHash } from './signing-hash.ts';
import { StoreError, type ByteRange, type Store, type StoredObject } from './store.ts';

/** How long a signed URL is valid. */
const LIFETIME_SECONDS = 20 * 60;
/** All URLs that are signed for an object within such a window are the same, so each is valid for at least 5 minutes more. */
const WINDOW_MS = 15 * 60 * 1000;
/** How much of an error's body is read: its code stands near the beginning. */
const MAX_ERROR_BYTES = 1024;
/** How many signed URLs are remembered. Each has some 600 bytes. */
const MAX_SIGNED_URLS = 4096;

export class S3Store implements Store {
  readonly number: number;
  readonly location: string;
  readonly #configuration: S3Configuration;
  readonly #base: URL;
  readonly #signer: SignatureV4;
  readonly #fetch: Fetch;
  readonly #now: () => number;
  /** The URLs that were signed in the current window, by the object's key. */
  readonly #signedUrls = new Map<string, string>();
  /** The number of the current window. */
  #window = 0;

  constructor(number: number, configuration: S3Configuration, runtime: Pick<EdgeRuntime, 'fetch' | 'now'>) {
    const { endpoint, bucket, pathStyle, region, accessKeyId, secretAccessKey } = configuration;
    this.number = number;
    this.#configuration = configuration;
    this.#fetch = runtime.fetch;
    this.#now = runtime.now;
    this.#base = new URL(`${endpoint}/`);
    if (pathStyle) this.#base.pathname += `${bucket}/`;
    else this.#base.hostname = `${bucket}.${this.#base.hostname}`;
    this.location = `${this.#base.href}${configuration.prefix}`;
    this.#signer = new SignatureV4({
      service: 's3',
      uriEscapePath: false,
      region,
      credentials: { accessKeyId, secretAccessKey },
      sha256: SigningHash,
    });
  }

  async get(
    key: string,
    options: { readonly range?: ByteRange; readonly signal: AbortSignal },
  ): Promise<StoredObject | undefined> {
    const { range, signal } = options;
    const url = await this.#sign(key);
    let response: Response;
    try {
      response = await this.#fetch(url, {
        redirect: 'manual',
        // Without it, a zone in front of the store whose rules cache everything would answer outdated tags.
        cache: 'no-store',
        signal,
        headers: {
          'accept-encoding': 'identity',
          ...(range !== undefined && { range: `bytes=${range.start}-${range.end}` }),
        },
      });
    } catch {
      // The runtime's message can quote the URL, which is a key to the object.
      throw new StoreError(this.number, 'could not be reached.');
    }
    const expected = range === undefined ? 200 : 206;
    if (response.status !== expected) {
      const code = await this.#codeOf(response, key);
      if (code === 'NoSuchBucket') throw new StoreError(this.number, 'has no such bucket.');
      if (response.status === 404) return undefined;
      // The operator needs the code, because a wrong key, region and clock all have the same status.
      throw new StoreError(this.number, `answered ${[response.status, code].join(' ').trim()} for ${key}.`);
    }
    const size = Number(response.headers.get('content-length') ?? Number.NaN);
    if (!Number.isSafeInteger(size) || size < 0 || (range && size !== range.end - range.start + 1)) {
      await response.body?.cancel();
      throw new StoreError(this.number, `answered with a wrong length for ${key}.`);
    }
    return {
      size,
      contentType: response.headers.get('content-type') ?? undefined,
      modified: isoTime(response.headers.get('last-modified')),
      body: response.body ?? new Blob([]).stream(),
    };
  }

  /**
   * S3's code for an error, read from its XML element: some servers quote the key elsewhere, and a tag can be named like a
   * code. Any 404 needs its code, to tell a missing bucket from a missing object. Other bodies are read only if they are XML.
   */
  async #codeOf(response: Response, key: string): Promise<string | undefined> {
    const isXml = response.headers.get('content-type')?.includes('xml') === true;
    if (response.status !== 404 && (response.ok || !isXml)) {
      await response.body?.cancel();
      return undefined;
    }
    return /<Code>\s*([\w.]+)\s*</.exec(await this.#beginningOf(response, key))?.[1];
  }

  async #beginningOf(response: Response, key: string): Promise<string> {
    let text = '';
    let bytes = 0;
    const decoder = new TextDecoder();
    try {
      for await (const chunk of response.body ?? []) {
        text += decoder.decode(chunk.subarray(0, MAX_ERROR_BYTES - bytes), { stream: true });
        bytes += chunk.length;
        if (bytes >= MAX_ERROR_BYTES) break;
      }
    } catch {
      if (response.status === 404) {
        throw new StoreError(this.number, `broke off in the middle of its 404 for ${key}.`);
      }
    }
    return text;
  }

  urlFor(key: string): string | Promise<string> {
    const { publicUrl, prefix } = this.#configuration;
    return publicUrl === undefined ? this.#sign(key) : `${publicUrl}/${prefix}${key}`;
  }

  /** The signature has the date of the window's beginning, so that all isolates sign the same URL and clients can cache it. */
  #sign(key: string): string | Promise<string> {
    const window = Math.floor(this.#now() / WINDOW_MS);
    if (window !== this.#window) {
      this.#window = window;
      this.#signedUrls.clear();
    }
    return this.#signedUrls.get(key) ?? this.#signAnew(key, window);
  }

  async #signAnew(key: string, window: number): Promise<string> {
    const { protocol, hostname, port, pathname, host } = this.#base;
    // Keys and prefixes have no character that a URL encodes.
    const path = `${pathname}${this.#configuration.prefix}${key}`;
    const { query = {} } = await this.#signer.presign(
      {
        method: 'GET',
        protocol,
        hostname,
        path,
        query: {},
        headers: { host, 'X-Amz-Content-Sha256': 'UNSIGNED-PAYLOAD' },
        ...(port !== '' && { port: Number(port) }),
      },
      { signingDate: new Date(window * WINDOW_MS), expiresIn: LIFETIME_SECONDS },
    );
    const url = `${protocol}//${host}${path}?${queryOf(query)}`;
    // The window may have ended meanwhile, and then the remembered URLs are those of the next one.
    if (window !== this.#window) return url;
    const [oldest] = this.#signedUrls.keys();
    if (this.#signedUrls.size >= MAX_SIGNED_URLS && oldest !== undefined) this.#signedUrls.delete(oldest);
    this.#signedUrls.set(key, url);
    return url;
  }
}

function queryOf(query: Readonly<Record<string, string | string[] | null>>): string {
  return Object.entries(query)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`)
    .join('&');
}

function isoTime(text: string | null): string | undefined {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}
