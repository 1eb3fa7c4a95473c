/** Reads everything that a registry serves of a repository, as any client could, and checks every byte. */
import { createHash } from 'node:crypto';
import { fallbackTag } from './builder.ts';
import { algorithmOf, type Digest } from './content.ts';
import { readJson, referencesOf, type Reference } from './manifest-json.ts';
import { ACCEPTED } from './media-types.ts';

export interface WalkOptions {
  /** The registry's address, `http://host:port`, without `/v2`. */
  readonly url: string;
  readonly repository: string;
  /** Headers that are sent with each request, such as Authorization. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Parameters that are added to each request's query, such as `ns=docker.io`. */
  readonly query?: Readonly<Record<string, string>>;
  /** Further tags to read, which no list has. */
  readonly tags?: readonly string[];
  /** The time limit for a request with its body, in milliseconds. */
  readonly timeout?: number;
  /** The number of tags that are read in parallel; one by default. */
  readonly concurrency?: number;
}

export interface WalkedObject {
  readonly kind: 'manifest' | 'blob';
  /** The Content-Type of the answer. */
  readonly mediaType: string;
  readonly size: number;
  /** The digest of the received bytes. */
  readonly sha256: string;
}

export interface Walk {
  /** The tags of all pages of tags/list, in the registry's order. */
  readonly listed: readonly string[];
  /**
   * The digests of the listed tags, of the caller's tags, and of the signature tags (`sha256-…`, `.sig`, `.att`,
   * `.sbom`) that exist.
   */
  readonly tags: ReadonlyMap<string, Digest>;
  readonly objects: ReadonlyMap<Digest, WalkedObject>;
  /** The sorted referrers by subject, from the API or else from the fallback tag. Each subject has at least one. */
  readonly referrers: ReadonlyMap<Digest, readonly Digest[]>;
  /** The faults, as sentences. */
  readonly problems: readonly string[];
}

interface Found {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

const MAX_PAGES = 1000;

export async function walkRegistry(options: WalkOptions): Promise<Walk> {
  const walker = new Walker(options);
  await walker.walk();
  return walker;
}

class Walker implements Walk {
  readonly listed: string[] = [];
  readonly tags = new Map<string, Digest>();
  readonly objects = new Map<Digest, WalkedObject>();
  readonly referrers = new Map<Digest, readonly Digest[]>();
  readonly problems: string[] = [];
  readonly #options: WalkOptions;
  readonly #visited = new Set<Digest>();

  constructor(options: WalkOptions) {
    this.#options = options;
  }

  async walk(): Promise<void> {
    await this.#list();
    const { tags = [], concurrency = 1 } = this.#options;
    const remaining = [...new Set([...this.listed, ...tags])];
    const work = async () => {
      for (let tag = remaining.shift(); tag !== undefined; tag = remaining.shift()) {
        if (!(await this.#tag(tag))) this.problems.push(`The tag ${tag} is not there.`);
      }
    };
    await Promise.all(Array.from({ length: concurrency }, work));
  }

  async #list(): Promise<void> {
    let path: string | undefined = `/v2/${this.#options.repository}/tags/list`;
    for (let page = 0; path !== undefined; page += 1) {
      if (page === MAX_PAGES) throw new Error(`The list of tags has no end: ${path}`);
      const response = await this.#fetch('GET', path);
      if (!response.ok) throw new Error(`GET ${path} is ${response.status}: ${await response.text()}`);
      const { tags } = readJson(new Uint8Array(await response.arrayBuffer()));
      if (Array.isArray(tags)) this.listed.push(...tags.map(String));
      const next = /<([^>]+)>;\s*rel="?next"?/.exec(response.headers.get('link') ?? '')?.[1];
      const url = next === undefined ? undefined : new URL(next, response.url);
      path = url === undefined ? undefined : url.pathname + url.search;
    }
  }

  /** @returns false if there is no such tag */
  async #tag(tag: string): Promise<boolean> {
    if (this.tags.has(tag)) return true;
    const found = await this.#read('manifest', tag, undefined);
    if (found === undefined) return false;
    this.tags.set(tag, found.digest);
    await this.#manifest({ digest: found.digest, size: found.bytes.length });
    return true;
  }

  async #manifest(entry: Pick<Reference, 'digest' | 'size'> & Partial<Reference>): Promise<void> {
    if (this.#visited.has(entry.digest)) return;
    this.#visited.add(entry.digest);
    const found = await this.#read('manifest', entry.digest, entry);
    if (found === undefined) {
      this.problems.push(`The manifest ${entry.digest} is not there.`);
      return;
    }
    const { manifests, blobs } = referencesOf(readJson(found.bytes));
    for (const child of manifests) await this.#manifest(child);
    for (const blob of blobs) await this.#blob(blob);
    await this.#referrersOf(entry.digest);
    for (const suffix of ['', '.sig', '.att', '.sbom']) await this.#tag(fallbackTag(entry.digest) + suffix);
  }

  async #blob(entry: Reference): Promise<void> {
    if (this.#visited.has(entry.digest)) return;
    this.#visited.add(entry.digest);
    const found = await this.#read('blob', entry.digest, entry);
    if (found === undefined && entry.urls.length === 0) {
      this.problems.push(`The blob ${entry.digest} is not there.`);
    }
  }

  async #referrersOf(subject: Digest): Promise<void> {
    const { repository } = this.#options;
    let response = await this.#fetch('GET', `/v2/${repository}/referrers/${subject}`);
    if (response.status === 404) {
      await response.body?.cancel();
      response = await this.#fetch('GET', `/v2/${repository}/manifests/${fallbackTag(subject)}`);
    }
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (response.status === 404) return;
    if (!response.ok) {
      this.problems.push(`The referrers of ${subject} are answered with ${response.status}.`);
      return;
    }
    const { manifests } = referencesOf(readJson(bytes));
    if (manifests.length === 0) return;
    this.referrers.set(subject, manifests.map(({ digest }) => digest).toSorted());
    for (const referrer of manifests) await this.#manifest(referrer);
  }

  /**
   * Sends GET and HEAD, and checks each against the other and against the descriptor. It holds no bytes of a blob.
   * @returns undefined if there is no such object
   */
  async #read(
    kind: 'manifest' | 'blob',
    reference: string,
    entry: Partial<Reference> | undefined,
  ): Promise<Found | undefined> {
    const path = `/v2/${this.#options.repository}/${kind}s/${reference}`;
    const wrong = (what: string) => this.problems.push(`${kind} ${reference}: ${what}.`);
    const head = await this.#fetch('HEAD', path);
    const get = await this.#fetch('GET', path);
    if (head.status !== get.status) wrong(`HEAD is ${head.status} and GET is ${get.status}`);
    if (!get.ok) {
      await get.body?.cancel();
      if (get.status !== 404) wrong(`GET is ${get.status}`);
      return undefined;
    }
    const named = reference.includes(':') ? reference : undefined;
    // A tag may point to a digest of either algorithm, and only the answer shows which.
    const algorithm = algorithmOf(named ?? get.headers.get('docker-content-digest') ?? 'sha256:');
    const hash = createHash(algorithm);
    const sha256 = createHash('sha256');
    const chunks: Uint8Array[] = [];
    let size = 0;
    try {
      for await (const chunk of get.body ?? []) {
        hash.update(chunk);
        sha256.update(chunk);
        size += chunk.length;
        if (kind === 'manifest') chunks.push(chunk);
      }
    } catch (error) {
      wrong(`the body broke off after ${size} bytes (${String(error)})`);
      return undefined;
    }
    const digest = `${algorithm}:${hash.digest('hex')}`;
    const mediaType = get.headers.get('content-type') ?? '';
    this.objects.set(digest, { kind, mediaType, size, sha256: sha256.digest('hex') });

    if (named !== undefined && named !== digest) wrong(`its bytes have the digest ${digest}`);
    if (entry?.size !== undefined && entry.size !== size) wrong(`it has ${size} bytes, not ${entry.size}`);
    if (kind === 'manifest' && entry?.mediaType !== undefined && entry.mediaType !== mediaType) {
      wrong(`its type is ${mediaType}, not ${entry.mediaType}`);
    }
    this.#compareHeaders(wrong, head, get, { digest, size });
    return { digest, bytes: Buffer.concat(chunks) };
  }

  #compareHeaders(
    wrong: (what: string) => void,
    head: Response,
    get: Response,
    real: { readonly digest: Digest; readonly size: number },
  ): void {
    const expected = { 'content-length': String(real.size), 'docker-content-digest': real.digest };
    for (const [method, response] of [
      ['HEAD', head],
      ['GET', get],
    ] as const) {
      for (const [name, value] of Object.entries(expected)) {
        const actual = response.headers.get(name);
        // After a redirect the store answers, and a store knows no digests.
        if (actual === null && name === 'docker-content-digest' && response.redirected) continue;
        if (actual !== value) wrong(`${method} says ${name}: ${actual}, not ${value}`);
      }
    }
    const types = [head.headers.get('content-type'), get.headers.get('content-type')];
    if (types[0] !== types[1]) wrong(`HEAD says ${types[0]} and GET says ${types[1]}`);
  }

  async #fetch(method: string, path: string): Promise<Response> {
    const { url, headers, query = {}, timeout = 60_000 } = this.#options;
    const target = new URL(path, url);
    for (const [name, value] of Object.entries(query)) target.searchParams.set(name, value);
    return fetch(target, {
      method,
      headers: { accept: ACCEPTED, 'accept-encoding': 'identity', ...headers },
      signal: AbortSignal.timeout(timeout),
    });
  }
}
