/**
 * A store that speaks S3: sign a URL, then fetch it, or hand it to the client. `S3Client` is never built: it
 * would be most of the bundle, signs three times slower, and cannot parse XML in a Worker.
 */
import { S3RequestPresigner } from '@aws-sdk/s3-request-presigner';
import type { S3Configuration } from '../configuration/store-configuration.ts';
import { SigningHash } from './signing-hash.ts';
import { StoreError, type ByteRange, type Store, type StoredObject } from './store.ts';

/** A signed URL lives so long … */
const LIFETIME_SECONDS = 20 * 60;
/** … and all that are signed within one such window are the same, so at least 5 minutes of it are left. */
const WINDOW_MS = 15 * 60 * 1000;
/** How much of an error's body is read. Bytes: the code stands at the begin of it. */
const MOST_OF_ERROR = 1024;
/** Kept signed URLs: some 600 bytes each. */
const MOST_KEPT = 4096;

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export class S3Store implements Store {
  readonly number: number;
  readonly location: string;
  readonly #configuration: S3Configuration;
  readonly #base: URL;
  readonly #presigner: S3RequestPresigner;
  readonly #fetch: Fetch;
  readonly #now: () => number;
  readonly #signed = new Map<string, string>();
  #window = 0;

  constructor(
    number: number,
    configuration: S3Configuration,
    options: { readonly fetch: Fetch; readonly now: () => number },
  ) {
    const { endpoint, bucket, pathStyle, region, accessKeyId, secretAccessKey } = configuration;
    this.number = number;
    this.#configuration = configuration;
    this.#fetch = options.fetch;
    this.#now = options.now;
    this.#base = new URL(`${endpoint}/`);
    if (pathStyle) this.#base.pathname += `${bucket}/`;
    else this.#base.hostname = `${bucket}.${this.#base.hostname}`;
    this.location = `${this.#base.href}${configuration.prefix}`;
    this.#presigner = new S3RequestPresigner({
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
        // A store behind a zone whose rules cache everything would otherwise give a tag for as long as they say.
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
      // Who has to mend it needs the code: a wrong key, region and clock all have the same status.
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
   * S3's own name of an error: its element, because some servers quote the key, and a tag may have that name. Only of a
   * 404 it has to be known; what else comes is waited for only where it promises to have one.
   */
  async #codeOf(response: Response, key: string): Promise<string | undefined> {
    const isXml = response.headers.get('content-type')?.includes('xml') === true;
    if (response.status !== 404 && (response.ok || !isXml)) {
      await response.body?.cancel();
      return undefined;
    }
    return /<Code>\s*([\w.]+)\s*</.exec(await this.#beginOf(response, key))?.[1];
  }

  async #beginOf(response: Response, key: string): Promise<string> {
    let text = '';
    let bytes = 0;
    const decoder = new TextDecoder();
    try {
      for await (const chunk of response.body ?? []) {
        text += decoder.decode(chunk.subarray(0, MOST_OF_ERROR - bytes), { stream: true });
        bytes += chunk.length;
        if (bytes >= MOST_OF_ERROR) break;
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

  /** Dated to its window's begin, so that every isolate of the edge signs the same URL, and clients can keep it. */
  #sign(key: string): string | Promise<string> {
    const window = Math.floor(this.#now() / WINDOW_MS);
    if (window !== this.#window) {
      this.#window = window;
      this.#signed.clear();
    }
    return this.#signed.get(key) ?? this.#signAnew(key, window);
  }

  async #signAnew(key: string, window: number): Promise<string> {
    const { protocol, hostname, port, pathname, host } = this.#base;
    // Keys and prefixes have no character that would be encoded.
    const path = `${pathname}${this.#configuration.prefix}${key}`;
    const { query = {} } = await this.#presigner.presign(
      {
        method: 'GET',
        protocol,
        hostname,
        path,
        query: {},
        headers: { host },
        ...(port !== '' && { port: Number(port) }),
      },
      { signingDate: new Date(window * WINDOW_MS), expiresIn: LIFETIME_SECONDS },
    );
    const url = `${protocol}//${host}${path}?${queryOf(query)}`;
    // Its window may have ended meanwhile: then what is kept is another one's.
    if (window !== this.#window) return url;
    const [oldest] = this.#signed.keys();
    if (this.#signed.size >= MOST_KEPT && oldest !== undefined) this.#signed.delete(oldest);
    this.#signed.set(key, url);
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
