/**
 * An image of an upstream registry.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pull
 */
import type { Digest } from '../../../core/digest.ts';
import { MAX_MANIFEST_BYTES } from '../../../core/manifest.ts';
import type { Tag } from '../../../core/reference.ts';
import { isReferrerTag } from '../../../core/tag-list.ts';
import {
  SourceError,
  TooLongError,
  type RangeAnswer,
  type ReferrerList,
  type RequestCounts,
  type Resolved,
  type Source,
  type SourceManifest,
  type Timed,
} from '../../engine/source.ts';
import { readBody, skip } from './response/body.ts';
import { refuseEncoded } from './response/content-encoding.ts';
import { parseContentRange } from './response/content-range.ts';
import { RegistryManifests } from './registry-manifests.ts';
import { RegistryReferrers } from './registry-referrers.ts';
import type { Registry } from './registry.ts';
import { RepositoryRequests, type WholeResponse } from './repository-requests.ts';
import { NAME_TAGS, OtherNames, readTagPage } from './response/tag-page.ts';

/** The statuses with which some registries, or their storages, refuse a range of a blob that they would send whole. */
const RANGE_REFUSALS = [400, 403, 405, 416, 501];

/**
 * The bounds of a list of tags, in tags and in bytes (docs/decisions/0083-bounded-lists.md). Some registries send
 * all tags in one page, and some of these add much about each manifest. 200,000 tags of the longest kind have 26 MB.
 */
const MAX_TAGS = 200_000;
const TAG_LIST = { pageBytes: 16 * 1024 * 1024, listBytes: 64 * 1024 * 1024, advice: NAME_TAGS };

export class RegistrySource implements Source {
  readonly #requests: RepositoryRequests;
  readonly #manifests: RegistryManifests;
  readonly #referrers: RegistryReferrers;
  /** By blob: the note about the unexpected encoding of its last response. */
  readonly #oddities = new Map<Digest, string>();
  #listing: Promise<readonly Tag[]> | undefined;
  /**
   * The fallback tags in the last listing, which spare a request for each fallback tag that does not exist. Undefined
   * also when the list shows no tag of that kind, because some registries leave them out.
   */
  #listed: ReadonlySet<string> | undefined;

  /** @param path the repository's name within the registry */
  constructor(registry: Registry, path: string) {
    this.#requests = new RepositoryRequests(registry, path);
    this.#manifests = new RegistryManifests(this.#requests);
    this.#referrers = new RegistryReferrers(this.#requests, this.#manifests);
  }

  get name(): string {
    return this.#requests.name;
  }

  get upstream(): Registry {
    return this.#requests.registry;
  }

  get requests(): RequestCounts {
    return this.#requests.counts;
  }

  tags(): Promise<readonly Tag[]> {
    this.#listing ??= this.#listTags();
    return this.#listing;
  }

  forgetTags(): void {
    this.#listing = undefined;
  }

  leave(): void {
    this.#listing = undefined;
    this.#listed = undefined;
  }

  async #listTags(): Promise<readonly Tag[]> {
    const tags: Tag[] = [];
    const others = new OtherNames();
    const visit = ({ response, bytes }: WholeResponse): boolean => {
      const read = readTagPage(this.name, response, bytes, MAX_TAGS - tags.length - others.count);
      if (read === 'too many') {
        throw new SourceError(
          `${this.name} lists more than ${MAX_TAGS} tags, which is the most that Lifeboat reads of one repository.${NAME_TAGS}`,
        );
      }
      // No spread, because a call cannot have the hundreds of thousands of arguments of some pages.
      for (const tag of read.tags) tags.push(tag);
      for (const other of read.others) others.add(other);
      return true;
    };
    try {
      await this.#requests.eachPage('tags/list', TAG_LIST, visit);
    } catch (error) {
      if (!(error instanceof TooLongError)) throw error;
      throw new SourceError(`${error.message}${NAME_TAGS}`, { cause: error });
    }
    if (others.count > 0) this.#requests.registry.log.warn(others.sentence(this.name));
    const shown = tags.filter((tag) => isReferrerTag(tag));
    this.#listed = shown.length === 0 ? undefined : new Set(shown);
    return tags;
  }

  resolve(tag: Tag, isGuess = false): Promise<Resolved | undefined> {
    return this.#manifests.resolve(tag, isGuess);
  }

  manifest(reference: Tag | Digest, limit = MAX_MANIFEST_BYTES): Promise<SourceManifest | undefined> {
    return this.#manifests.get(reference, limit);
  }

  async blob(
    digest: Digest,
    size: number,
    offset: number,
    timed?: Timed,
  ): Promise<AsyncIterable<Uint8Array> | undefined> {
    const response = await this.#requests.send(
      {
        method: 'GET',
        resource: `blobs/${digest}`,
        timed,
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
    this.#note(digest, refuseEncoded(response, range, size, where));
    const body = readBody(response, this.#requests.registry.timeoutMs, where);
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

  async range(
    digest: Digest,
    size: number,
    start: number,
    end: number,
    timed?: Timed,
  ): Promise<RangeAnswer | undefined> {
    const response = await this.#requests.send(
      {
        method: 'GET',
        resource: `blobs/${digest}`,
        timed,
        headers: { Range: `bytes=${start}-${end - 1}` },
      },
      [200, 206, 404, ...RANGE_REFUSALS],
    );
    const where = `${this.name}: blob ${digest}`;
    const range =
      response.status === 206 ? parseContentRange(response.headers.get('Content-Range')) : undefined;
    if (response.status === 200 || response.status === 206) {
      this.#note(digest, refuseEncoded(response, range, size, where));
    }
    if (range?.size !== undefined && range.size !== size) {
      response.discard();
      throw new SourceError(`${where} has ${range.size} bytes, but its manifest says ${size}.`);
    }
    const isWhole = response.status === 200 && start === 0;
    if (isWhole || (range?.start === start && range.end < end)) {
      const body = readBody(response, this.#requests.registry.timeoutMs, where);
      return { body, isWhole, discard: () => response.discard() };
    }
    response.discard();
    return response.status === 404 ? undefined : 'refused';
  }

  oddityOf(digest: Digest): string {
    return this.#oddities.get(digest) ?? '';
  }

  #note(digest: Digest, oddity: string): void {
    if (oddity === '') this.#oddities.delete(digest);
    else this.#oddities.set(digest, oddity);
  }

  referrers(subject: Digest, limit: number): Promise<ReferrerList> {
    return this.#referrers.of(subject, this.#listed, limit);
  }

  async isPublic(digest: Digest): Promise<boolean> {
    if (!(await this.upstream.isAuthenticated())) return true;
    return this.#manifests.isPublic(digest);
  }
}
