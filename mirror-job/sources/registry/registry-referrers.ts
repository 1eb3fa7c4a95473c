/**
 * The referrers of a manifest: from the referrers API, or from the tag that lists them in a registry without that API.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
 */
import { parseDescriptor, type Descriptor } from '../../../core/descriptor.ts';
import type { Digest } from '../../../core/digest.ts';
import { TooManyValuesError, isObject, parseJson } from '../../../core/json.ts';
import { MAX_MANIFEST_BYTES, MAX_MANIFEST_VALUES } from '../../../core/manifest.ts';
import { OCI_INDEX, bareMediaType, isManifestMediaType } from '../../../core/media-type.ts';
import type { Tag } from '../../../core/reference.ts';
import { referrersTag } from '../../../core/tag-list.ts';
import { SourceError, TooLongError, type ReferrerList } from '../../engine/source.ts';
import type { HttpResponse } from './http-client.ts';
import { encodingNote } from './response/content-encoding.ts';
import { RedirectError } from './response/redirect-error.ts';
import type { RegistryManifests } from './registry-manifests.ts';
import { WITHOUT_REFERRERS } from './refusal.ts';
import type { RepositoryRequests } from './repository-requests.ts';
import { ServerError } from './response/server-error.ts';
import { FINAL_CLIENT_ERRORS } from './response/statuses.ts';

/** A page is an index, so it is no larger than a manifest. Registries send longer lists in several pages. */
const MAX_PAGE_BYTES = MAX_MANIFEST_BYTES;
/** All pages together: a thousand referrers, with 16 kB of annotations for each. */
const MAX_LIST_BYTES = 16 * 1024 * 1024;
/** Registries answer with these statuses when they have no such API. */
const NO_API: readonly number[] = [404, 405, 501];
/** Every other 4xx that another attempt would not change concerns one subject. */
const REFUSED = FINAL_CLIENT_ERRORS.filter((status) => !NO_API.includes(status));
/** There is no such API when this many subjects in a row are refused and none was answered. */
const MAX_REFUSED = 3;
/** After this many subjects in a row for which the API failed, requests for further subjects have one attempt. */
const MAX_FAILED = 3;

const NONE: ReferrerList = { descriptors: [] };

export class RegistryReferrers {
  readonly #requests: RepositoryRequests;
  readonly #manifests: RegistryManifests;
  /** Per repository, because some registries refuse the API to callers that may not read there. */
  #hasApi: boolean | undefined;
  /** The number of subjects that were refused, until one is answered. */
  #refusals = 0;
  /** The number of subjects for which the API failed, until one is answered. */
  #failures = 0;
  /** The request on its way whose answer may tell whether there is an API. */
  #question: Promise<unknown> | undefined;

  constructor(requests: RepositoryRequests, manifests: RegistryManifests) {
    this.#requests = requests;
    this.#manifests = manifests;
  }

  /**
   * Implements `Source.referrers`.
   * @param listed the derived names in the repository's list of tags; undefined when the list does not tell
   */
  async of(subject: Digest, listed: ReadonlySet<string> | undefined, limit: number): Promise<ReferrerList> {
    const fallback = referrersTag(subject);
    const fromApi = await this.#askApi(subject, limit);
    // A registry that gained the API later may not know the referrers that clients had listed under the tag before.
    const ask = listed === undefined ? fromApi === undefined : listed.has(fallback);
    const fromTag = ask ? await this.#byTag(fallback, subject, listed !== undefined, limit) : NONE;
    return {
      descriptors: [...(fromApi ?? NONE).descriptors, ...fromTag.descriptors],
      excess: fromApi?.excess ?? fromTag.excess,
    };
  }

  /**
   * Sends one request at a time until one response shows whether there is an API, because the others might be in vain.
   * @throws {SourceError} when the API fails
   */
  async #askApi(subject: Digest, limit: number): Promise<ReferrerList | undefined> {
    while (this.#hasApi === undefined && this.#question !== undefined) {
      const question = this.#question;
      const hasFailed = await question.then(
        () => false,
        () => true,
      );
      // A request that failed tells nothing, and may have taken long.
      if (hasFailed) break;
      if (this.#question === question) this.#question = undefined;
    }
    if (this.#hasApi === false) return undefined;
    const request = this.#byApi(subject, limit);
    if (this.#hasApi === undefined) this.#question ??= request;
    const answer = await request.catch((error: unknown) => {
      if (error instanceof ServerError) this.#failures += 1;
      throw error;
    });
    if (typeof answer === 'object') {
      this.#hasApi = true;
      this.#failures = 0;
      return answer;
    }
    if (answer === 'refused') this.#refusals += 1;
    if (answer === 'no API' || this.#refusals === MAX_REFUSED) this.#hasApi ??= false;
    return undefined;
  }

  async #byApi(subject: Digest, limit: number): Promise<ReferrerList | 'refused' | 'no API'> {
    const descriptors: Descriptor[] = [];
    let excess: string | undefined;
    let isFirst = true;
    let absence: 'refused' | 'no API' | undefined;
    const attempts = this.#failures < MAX_FAILED ? undefined : 1;
    const bounds = {
      pageBytes: MAX_PAGE_BYTES,
      listBytes: MAX_LIST_BYTES,
      allow: [...NO_API, ...REFUSED],
      attempts,
    };
    try {
      await this.#requests.eachPage(`referrers/${subject}`, bounds, ({ response, bytes }) => {
        const list = bytes === undefined ? undefined : this.#listOf(response, bytes);
        if (list === undefined && !isFirst) {
          throw new SourceError(
            `${this.#requests.name}: the list of referrers of ${subject} breaks off before its end.${WITHOUT_REFERRERS}`,
          );
        }
        if (list === undefined) {
          absence = REFUSED.includes(response.status) ? 'refused' : 'no API';
          return false;
        }
        isFirst = false;
        for (const one of this.#descriptorsOf(list, limit - descriptors.length)) descriptors.push(one);
        return descriptors.length <= limit;
      });
    } catch (error) {
      if (isFirst && error instanceof RedirectError) return 'no API';
      if (!(error instanceof TooLongError)) throw error;
      // The pages before count. Otherwise, people who can push many referrers could keep a signature out of the mirror.
      excess = excessOf(error);
    }
    return absence ?? { descriptors, excess };
  }

  /**
   * Recognizes a list by its Content-Type or, because some registries send it as `application/json`, by its shape.
   * @returns undefined for a web page, which some registries send for every path that they do not know
   * @throws {SourceError} for a body that is declared as a list and is none
   */
  #listOf(response: HttpResponse, bytes: Uint8Array): unknown {
    const isSaidToBe = bareMediaType(response.headers.get('Content-Type') ?? '') === OCI_INDEX;
    let json: unknown;
    try {
      json = parseJson(bytes, MAX_MANIFEST_VALUES);
    } catch (error) {
      if (error instanceof TooManyValuesError) throw this.#tooManyValues();
      if (!isSaidToBe) return undefined;
      throw new SourceError(
        `${this.#requests.name}: what came as a list of referrers is not JSON.${encodingNote(response)}${WITHOUT_REFERRERS}`,
        { cause: error },
      );
    }
    return isSaidToBe || (isObject(json) && Array.isArray(json['manifests'])) ? json : undefined;
  }

  async #byTag(tag: Tag, subject: Digest, isListed: boolean, limit: number): Promise<ReferrerList> {
    try {
      return { descriptors: await this.#readTag(tag, subject, isListed, limit) };
    } catch (error) {
      if (!(error instanceof TooLongError)) throw error;
      return { descriptors: [], excess: excessOf(error) };
    }
  }

  /**
   * The tag counts only if it is an index of referrers, because anybody may give an image this name, and GitLab answers
   * with the subject itself.
   */
  async #readTag(tag: Tag, subject: Digest, isListed: boolean, limit: number): Promise<Descriptor[]> {
    // A HEAD costs no quota, and mostly there is no such tag.
    const resolved = isListed ? undefined : await this.#manifests.resolve(tag, true);
    if (!isListed && (resolved === undefined || resolved.digest === subject)) return [];
    const manifest = resolved?.manifest ?? (await this.#manifests.get(tag, MAX_MANIFEST_BYTES));
    if (manifest === undefined || manifest.digest === subject) return [];
    const sentAs = bareMediaType(manifest.mediaType ?? '');
    let json: unknown;
    try {
      json = parseJson(manifest.bytes, MAX_MANIFEST_VALUES);
    } catch (error) {
      if (error instanceof TooManyValuesError) throw this.#tooManyValues();
      if (sentAs !== OCI_INDEX) return [];
      throw new SourceError(
        `${this.#requests.name}: the list of referrers under the tag "${tag}" is not JSON.${WITHOUT_REFERRERS}`,
      );
    }
    if (!isObject(json) || json['manifests'] === undefined) return [];
    // A type that is not a manifest's, such as `application/json`, says nothing.
    const type = typeof json['mediaType'] === 'string' ? json['mediaType'] : sentAs;
    const isIndex = type === OCI_INDEX || (json['mediaType'] === undefined && !isManifestMediaType(type));
    return isIndex ? this.#descriptorsOf(json, limit) : [];
  }

  #tooManyValues(): TooLongError {
    return new TooLongError(
      `${this.#requests.name}: a list of referrers has more than ${MAX_MANIFEST_VALUES} values, which is the most that Lifeboat reads.`,
      MAX_MANIFEST_VALUES,
      'values',
    );
  }

  /** @returns all descriptors; when there are more than `limit`, one more than that */
  #descriptorsOf(json: unknown, limit: number): Descriptor[] {
    const list: unknown = isObject(json) ? json['manifests'] : undefined;
    // Registries written in Go send null for an empty list.
    if (list === null) return [];
    if (!Array.isArray(list))
      throw new SourceError(
        `${this.#requests.name}: the list of referrers is not an index.${WITHOUT_REFERRERS}`,
      );
    try {
      return (
        list
          .slice(0, limit + 1)
          .map((entry, index) => parseDescriptor(entry, `entry ${index} of the referrers`))
          // The manifests have the annotations. Here they would only take memory.
          .map(({ mediaType, digest, size }) => ({ mediaType, digest, size }))
      );
    } catch (error) {
      throw new SourceError(
        `${this.#requests.name}: ${error instanceof Error ? error.message : String(error)}${WITHOUT_REFERRERS}`,
        { cause: error },
      );
    }
  }
}

/** A tag's list is a single page. */
function excessOf({ limit, unit }: TooLongError): string {
  return unit === 'pages' || limit === MAX_LIST_BYTES
    ? `a list of more than ${limit} ${unit}`
    : `a list with a page of more than ${limit} ${unit}, of which nothing is read`;
}
