/**
 * An image of an upstream registry.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pull
 */
import { parseDescriptor, type Descriptor } from '../../core/descriptor.ts';
import { algorithmOf, digestOf, isDigest, type Digest } from '../../core/digest.ts';
import { isObject, parseJson } from '../../core/json.ts';
import { MAX_MANIFEST_SIZE } from '../../core/manifest.ts';
import { MANIFEST_ACCEPT, OCI_INDEX, bareMediaType } from '../../core/media-type.ts';
import type { Tag } from '../../core/reference.ts';
import { isReferrerTag, referrersTag } from '../../core/tag-list.ts';
import { SkippedError } from '../engine/skipped-error.ts';
import {
  SourceError,
  type RangeAnswer,
  type RequestCounts,
  type Resolved,
  type Source,
  type SourceManifest,
} from '../engine/source.ts';
import type { Answer } from './answer.ts';
import { BrokenBodyError, readBody, readWhole, skip } from './body.ts';
import { readContentDigest } from './content-digest.ts';
import { encodingNote, isJson, refuseEncoded } from './content-encoding.ts';
import { parseContentRange } from './content-range.ts';
import { DeadEndError } from './dead-end-error.ts';
import { nextLink, parseLinks } from './link-header.ts';
import { RETRIED } from './registry-options.ts';
import { NO_REQUESTS, kindOf, type RegistryRequest } from './registry-request.ts';
import type { Registry } from './registry.ts';
import { StandInError } from './stand-in-error.ts';
import { leftOutSentence, readTagPage } from './tag-page.ts';

/** A page of tags or referrers. */
const MAX_PAGE_SIZE = 16 * 1024 * 1024;
/** A million tags where a page has 100 of them, as at quay.io. */
const MAX_PAGES = 10_000;
/** How often what is read whole is asked for, where its body breaks off. */
const BODY_ATTEMPTS = 3;
/** What some registries, or the storage that they redirect to, answer to a range and would not to the whole. */
const RANGE_REFUSALS = [400, 403, 405, 416, 501];

/** How registries say that they have no such API: with any 4xx that another try would not change. */
const NO_API = [...Array.from({ length: 100 }, (_, index) => 400 + index), 501].filter(
  (status) => !RETRIED.has(status),
);
const REFUSALS: readonly number[] = [401, 403];

export class RegistrySource implements Source {
  readonly name: string;
  readonly #registry: Registry;
  readonly #path: string;
  #requests: RequestCounts = NO_REQUESTS;
  #listing: Promise<readonly Tag[]> | undefined;
  /**
   * From the last listing: spares a request for each fallback tag that is not there. Undefined also where the list
   * shows no tag of that kind, because some registries leave them out.
   */
  #listed: ReadonlySet<string> | undefined;
  /** By its first answer; a repository's own, because some registries refuse it to callers they do not know there. */
  #hasReferrersApi: boolean | undefined;
  #firstReferrers: Promise<unknown> | undefined;
  /** Whether anything of the repository could be read: then a refusal concerns one name, and not the caller. */
  #hasAnswered = false;

  /** @param path the repository's name within the registry */
  constructor(registry: Registry, path: string) {
    this.#registry = registry;
    this.#path = path;
    this.name = registry.nameOf(path);
  }

  get upstream(): Registry {
    return this.#registry;
  }

  get requests(): RequestCounts {
    return this.#requests;
  }

  tags(): Promise<readonly Tag[]> {
    this.#listing ??= this.#listTags();
    return this.#listing;
  }

  async #listTags(): Promise<readonly Tag[]> {
    const tags: Tag[] = [];
    const others: string[] = [];
    for await (const page of this.#pages('tags/list')) {
      const read = readTagPage(this.name, page);
      // Not with a spread: some registries send hundreds of thousands in one page.
      for (const tag of read.tags) tags.push(tag);
      for (const other of read.others) others.push(other);
    }
    if (others.length > 0) this.#registry.log.warn(leftOutSentence(this.name, others));
    const shown = tags.filter((tag) => isReferrerTag(tag));
    this.#listed = shown.length === 0 ? undefined : new Set(shown);
    return tags;
  }

  async resolve(tag: Tag, isGuess = false): Promise<Resolved | undefined> {
    const { status, headers } = await this.#head(tag);
    const digest = headers.get('Docker-Content-Digest');
    if (status === 200 && digest !== null && isDigest(digest)) return { digest };
    const manifest = isReferrerTag(tag)
      ? await this.#derived(tag, status, isGuess)
      : await this.manifest(tag);
    return manifest === undefined ? undefined : { digest: manifest.digest, manifest };
  }

  /**
   * A HEAD spares quota. Only its 200 tells something: some registries refuse it, or answer 404, where a GET gets the
   * manifest.
   */
  async #head(reference: Tag | Digest, anonymous = false): Promise<Answer> {
    const resource = `manifests/${reference}`;
    const headers = { Accept: MANIFEST_ACCEPT };
    const response = await this.#request({ method: 'HEAD', resource, headers, anonymous }, 'any');
    response.discard();
    return response;
  }

  async manifest(reference: Tag | Digest, limit = MAX_MANIFEST_SIZE): Promise<SourceManifest | undefined> {
    return (await this.#getManifest(reference, limit, [404])).manifest;
  }

  /** @param absent the statuses beside 200 that are no error */
  async #getManifest(
    reference: Tag | Digest,
    limit: number,
    absent: readonly number[],
  ): Promise<{ readonly status: number; readonly manifest: SourceManifest | undefined }> {
    const where = `${this.name}: manifest ${reference}`;
    const read = await this.#read(
      {
        method: 'GET',
        resource: `manifests/${reference}`,
        headers: { Accept: MANIFEST_ACCEPT },
      },
      { allow: absent, limit: Math.min(limit, MAX_MANIFEST_SIZE), where },
    );
    const { response, bytes } = read;
    const { status } = response;
    if (bytes === undefined) return { status, manifest: undefined };
    const named = response.headers.get('Docker-Content-Digest');
    const expected = isDigest(reference) ? reference : readContentDigest(named, where);
    const digest = await digestOf(bytes, expected === undefined ? 'sha256' : algorithmOf(expected));
    const encoded = encodingNote(response);
    if (expected !== undefined && digest !== expected) {
      throw new SourceError(
        `${where} came with other bytes: their digest is ${digest}, not ${expected}.${encoded}`,
      );
    }
    if (expected === undefined && encoded !== '' && !isJson(bytes)) {
      throw new SourceError(`${where} cannot be read.${encoded}`);
    }
    const mediaType = response.headers.get('Content-Type') ?? undefined;
    return { status, manifest: { digest, bytes, mediaType } };
  }

  async blob(digest: Digest, size: number, offset: number): Promise<AsyncIterable<Uint8Array> | undefined> {
    const response = await this.#request(
      {
        method: 'GET',
        resource: `blobs/${digest}`,
        ...(offset > 0 && { headers: { Range: `bytes=${offset}-${size - 1}` } }),
      },
      [200, 206, 404],
    );
    if (response.status === 404) {
      response.discard();
      return undefined;
    }
    const where = `${this.name}: blob ${digest}`;
    const range =
      response.status === 206 ? parseContentRange(response.headers.get('Content-Range')) : undefined;
    refuseEncoded(response, range, size, where);
    const body = readBody(response, this.#registry.timeout, where);
    if (offset === 0) return body;
    const start = response.status === 206 ? range?.start : 0;
    if (start === undefined || start > offset) {
      response.discard();
      throw new SourceError(
        `${this.name}: the job asked for blob ${digest} from byte ${offset} on, and the registry sent another range.`,
      );
    }
    return skip(body, offset - start);
  }

  async range(digest: Digest, size: number, start: number, end: number): Promise<RangeAnswer | undefined> {
    const response = await this.#request(
      {
        method: 'GET',
        resource: `blobs/${digest}`,
        headers: { Range: `bytes=${start}-${end - 1}` },
      },
      [200, 206, 404, ...RANGE_REFUSALS],
    );
    const where = `${this.name}: blob ${digest}`;
    const range =
      response.status === 206 ? parseContentRange(response.headers.get('Content-Range')) : undefined;
    if (response.status === 200 || response.status === 206) refuseEncoded(response, range, size, where);
    if (range?.size !== undefined && range.size !== size) {
      response.discard();
      throw new SourceError(`${where} has ${range.size} bytes, but its manifest says ${size}.`);
    }
    const isWhole = response.status === 200 && start === 0;
    if (isWhole || (range?.start === start && range.end < end)) {
      const body = readBody(response, this.#registry.timeout, where);
      return { body, isWhole, discard: () => response.discard() };
    }
    response.discard();
    return response.status === 404 ? undefined : 'refused';
  }

  async referrers(subject: Digest): Promise<readonly Descriptor[]> {
    const fallback = referrersTag(subject);
    const answered = await this.#askReferrersApi(subject);
    // A registry that gained the API later may not know what clients had listed under the tag before.
    const ask = this.#listed === undefined ? answered === undefined : this.#listed.has(fallback);
    return [...(answered ?? []), ...(ask ? await this.#fallbackReferrers(fallback, subject) : [])];
  }

  /**
   * A tag whose name is derived from a digest, after its HEAD has found no digest. Mostly there is none, and some
   * registries refuse what they do not have. A guess goes by what the HEAD said, because a GET per manifest would cost
   * quota to find nothing.
   */
  async #derived(tag: Tag, headStatus: number, isGuess: boolean): Promise<SourceManifest | undefined> {
    const absent = [404, ...REFUSALS];
    const { status, manifest } =
      isGuess && absent.includes(headStatus)
        ? { status: headStatus, manifest: undefined }
        : await this.#getManifest(tag, MAX_MANIFEST_SIZE, absent);
    if (REFUSALS.includes(status)) await this.#refuseUnknownCaller(tag);
    return manifest;
  }

  /** @throws {SourceError} where the repository refuses also the image that a derived name is called after */
  async #refuseUnknownCaller(derived: Tag): Promise<void> {
    if (this.#hasAnswered) return;
    const digest = derived.split('.', 1).join().replace('-', ':');
    if (!isDigest(digest)) return;
    const resource = `manifests/${digest}`;
    const headers = { Accept: MANIFEST_ACCEPT };
    (await this.#request({ method: 'HEAD', resource, headers }, [200, 404, 405])).discard();
  }

  async isPublic(reference: Tag | Digest): Promise<boolean> {
    if (!(await this.#registry.isAuthenticated())) return true;
    if ((await this.#head(reference, true)).status === 200) return true;
    const resource = `manifests/${reference}`;
    const headers = { Accept: MANIFEST_ACCEPT };
    const response = await this.#request(
      { method: 'GET', resource, headers, anonymous: true },
      [200, 401, 403, 404],
    );
    response.discard();
    // What nobody can see is not private, and says nothing of the rest of the repository.
    if (response.status === 404 && !(await this.#has(reference))) {
      throw new SourceError(`${this.name} has no manifest ${reference}.`);
    }
    return response.status === 200;
  }

  async #has(reference: Tag | Digest): Promise<boolean> {
    if ((await this.#head(reference)).status === 200) return true;
    return (await this.manifest(reference)) !== undefined;
  }

  /** The first answer tells whether there is an API: the others wait for it, rather than to ask in vain. */
  async #askReferrersApi(subject: Digest): Promise<readonly Descriptor[] | undefined> {
    // A question that failed tells nothing.
    if (this.#firstReferrers !== undefined) await this.#firstReferrers.catch(() => undefined);
    if (this.#hasReferrersApi === false) return undefined;
    const asked = this.#referrersApi(subject);
    this.#firstReferrers ??= asked;
    const answered = await asked;
    this.#hasReferrersApi ??= answered !== undefined;
    return answered;
  }

  /** @returns undefined when the registry has no such API: some say so with a 4xx, some with a page or a dead end. */
  async #referrersApi(subject: Digest): Promise<Descriptor[] | undefined> {
    const descriptors: Descriptor[] = [];
    let isFirst = true;
    try {
      for await (const page of this.#pages(`referrers/${subject}`, OCI_INDEX)) {
        if (page === undefined && !isFirst) {
          throw new SourceError(
            `${this.name}: the list of referrers of ${subject} breaks off before its end.`,
          );
        }
        if (page === undefined) return undefined;
        isFirst = false;
        descriptors.push(...this.#descriptorsOf(page));
      }
    } catch (error) {
      if (isFirst && error instanceof DeadEndError) return undefined;
      throw error;
    }
    return descriptors;
  }

  /** Anybody may call an image so, and GitLab answers with the subject itself: only an index of referrers lists them. */
  async #fallbackReferrers(tag: Tag, subject: Digest): Promise<Descriptor[]> {
    // A HEAD costs no quota, and mostly there is none.
    const resolved = this.#listed === undefined ? await this.resolve(tag, true) : undefined;
    if (this.#listed === undefined && (resolved === undefined || resolved.digest === subject)) return [];
    const manifest = resolved?.manifest ?? (await this.manifest(tag));
    if (manifest === undefined || manifest.digest === subject) return [];
    const isSaidToBe = bareMediaType(manifest.mediaType ?? '') === OCI_INDEX;
    let json: unknown;
    try {
      json = parseJson(manifest.bytes);
    } catch {
      if (!isSaidToBe) return [];
      throw new SourceError(`${this.name}: the list of referrers under the tag "${tag}" is not JSON.`);
    }
    if (!isObject(json) || json['manifests'] === undefined) return [];
    const isIndex = typeof json['mediaType'] === 'string' ? json['mediaType'] === OCI_INDEX : isSaidToBe;
    return isIndex ? this.#descriptorsOf(json) : [];
  }

  #descriptorsOf(json: unknown): Descriptor[] {
    const list: unknown = isObject(json) ? json['manifests'] : undefined;
    // Registries written in Go say null for none.
    if (list === null) return [];
    if (!Array.isArray(list)) throw new SourceError(`${this.name}: the list of referrers is not an index.`);
    try {
      return list.map((entry, index) => parseDescriptor(entry, `entry ${index} of the referrers`));
    } catch (error) {
      throw new SourceError(`${this.name}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
  }

  /**
   * A listing's pages, by its `Link` headers.
   * @param type the Content-Type that the resource must have; the one page of another type, or of a resource
   *   that is not there, is undefined. Without it, both are errors
   */
  async *#pages(resource: string, type?: string): AsyncGenerator {
    const visited = new Set<string>();
    let next: string | undefined = resource;
    while (next !== undefined) {
      if (visited.has(next))
        throw new SourceError(`${this.name}: the pages of ${resource} lead in a circle.`);
      if (visited.size === MAX_PAGES)
        throw new SourceError(`${this.name}: ${resource} has more than ${MAX_PAGES} pages.`);
      visited.add(next);
      const where = `${this.name}: ${resource}`;
      const { response, bytes }: Read = await this.#read(
        { method: 'GET', resource: next },
        {
          allow: type === undefined ? [] : NO_API,
          limit: MAX_PAGE_SIZE,
          where,
          type,
        },
      );
      if (bytes === undefined) {
        yield undefined;
        return;
      }
      try {
        yield parseJson(bytes);
      } catch (error) {
        throw new SourceError(`${where}: the answer is not JSON.${encodingNote(response)}`, { cause: error });
      }
      next = this.#nextPage(response.headers.get('Link'), resource);
    }
  }

  /**
   * A whole answer. One that breaks off is asked for again: the registry has just answered, so at once.
   * @param wanted the statuses beside 200 that are no error, and the Content-Type that counts; without it, any
   */
  async #read(
    request: Omit<RegistryRequest, 'path'>,
    wanted: {
      readonly allow: readonly number[];
      /** Bytes. */
      readonly limit: number;
      readonly where: string;
      readonly type?: string | undefined;
    },
  ): Promise<Read> {
    const { allow, limit, where, type } = wanted;
    for (let attempt = 1; ; attempt += 1) {
      const response = await this.#request(request, [200, ...allow]);
      const contentType = bareMediaType(response.headers.get('Content-Type') ?? '');
      if (response.status !== 200 || (type !== undefined && contentType !== type)) {
        response.discard();
        return { response, bytes: undefined };
      }
      try {
        return { response, bytes: await readWhole(response, limit, this.#registry.timeout, where) };
      } catch (error) {
        if (!(error instanceof BrokenBodyError) || attempt === BODY_ATTEMPTS) throw error;
      }
    }
  }

  async #request(request: Omit<RegistryRequest, 'path'>, allow: readonly number[] | 'any'): Promise<Answer> {
    const kind = kindOf(request);
    this.#count(kind, 1);
    try {
      const response = await this.#registry.request({ ...request, path: this.#path }, allow);
      this.#hasAnswered ||= response.status < 300;
      return response;
    } catch (error) {
      // It was never sent: a plan that counted it would promise more than the run, with its budget, does.
      if (error instanceof SkippedError && !(error instanceof StandInError)) this.#count(kind, -1);
      throw error;
    }
  }

  #count(kind: keyof RequestCounts, by: 1 | -1): void {
    this.#requests = { ...this.#requests, [kind]: this.#requests[kind] + by };
  }

  /** Only the query of a `Link` is used: the path stays ours, and so does the host. */
  #nextPage(header: string | null, resource: string): string | undefined {
    const links = parseLinks(header);
    const target = nextLink(links);
    if (target !== undefined) {
      const query = target.indexOf('?');
      return query === -1 ? resource : `${resource}${target.slice(query)}`;
    }
    if (links.rest === '') return undefined;
    throw new SourceError(
      `${this.name}: ${resource}: the answer has a Link header that Lifeboat does not understand, so the next page cannot be asked for: "${links.rest.slice(0, 100)}".`,
    );
  }
}

interface Read {
  readonly response: Answer;
  /** Undefined for another status, or type, than the one that was wanted. */
  readonly bytes: Uint8Array<ArrayBuffer> | undefined;
}
