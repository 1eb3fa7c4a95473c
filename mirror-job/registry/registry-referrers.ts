/**
 * What refers to a manifest: by the referrers API, or by the tag that lists it where a registry has no such API.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
 */
import { parseDescriptor, type Descriptor } from '../../core/descriptor.ts';
import type { Digest } from '../../core/digest.ts';
import { isObject, parseJson } from '../../core/json.ts';
import { MAX_MANIFEST_SIZE } from '../../core/manifest.ts';
import { OCI_INDEX, bareMediaType } from '../../core/media-type.ts';
import type { Tag } from '../../core/reference.ts';
import { referrersTag } from '../../core/tag-list.ts';
import { SourceError } from '../engine/source.ts';
import { DeadEndError } from './dead-end-error.ts';
import type { RegistryManifests } from './registry-manifests.ts';
import { RETRIED } from './registry-options.ts';
import type { RepositoryRequests } from './repository-requests.ts';

/** How registries say that they have no such API: with any 4xx that another try would not change. */
const NO_API = [...Array.from({ length: 100 }, (_, index) => 400 + index), 501].filter(
  (status) => !RETRIED.has(status),
);

export class RegistryReferrers {
  readonly #requests: RepositoryRequests;
  readonly #manifests: RegistryManifests;
  /** By its first answer; a repository's own, because some registries refuse it to callers they do not know there. */
  #hasApi: boolean | undefined;
  #first: Promise<unknown> | undefined;

  constructor(requests: RepositoryRequests, manifests: RegistryManifests) {
    this.#requests = requests;
    this.#manifests = manifests;
  }

  /** @param listed the derived names that the repository's list shows; undefined where it does not tell */
  async of(subject: Digest, listed: ReadonlySet<string> | undefined): Promise<readonly Descriptor[]> {
    const fallback = referrersTag(subject);
    const answered = await this.#askApi(subject);
    // A registry that gained the API later may not know what clients had listed under the tag before.
    const ask = listed === undefined ? answered === undefined : listed.has(fallback);
    return [...(answered ?? []), ...(ask ? await this.#byTag(fallback, subject, listed !== undefined) : [])];
  }

  /** The first answer tells whether there is an API: the others wait for it, rather than to ask in vain. */
  async #askApi(subject: Digest): Promise<readonly Descriptor[] | undefined> {
    // A question that failed tells nothing.
    if (this.#first !== undefined) await this.#first.catch(() => undefined);
    if (this.#hasApi === false) return undefined;
    const asked = this.#byApi(subject);
    this.#first ??= asked;
    const answered = await asked;
    this.#hasApi ??= answered !== undefined;
    return answered;
  }

  /** @returns undefined when the registry has no such API: some say so with a 4xx, some with a page or a dead end. */
  async #byApi(subject: Digest): Promise<Descriptor[] | undefined> {
    const descriptors: Descriptor[] = [];
    let isFirst = true;
    try {
      const optional = { type: OCI_INDEX, absent: NO_API };
      for await (const page of this.#requests.pages(`referrers/${subject}`, optional)) {
        if (page === undefined && !isFirst) {
          throw new SourceError(`${this.#requests.name}: the list of what refers to ${subject} breaks off.`);
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
  async #byTag(tag: Tag, subject: Digest, isListed: boolean): Promise<Descriptor[]> {
    // A HEAD costs no quota, and mostly there is none.
    const resolved = isListed ? undefined : await this.#manifests.resolve(tag, true);
    if (!isListed && (resolved === undefined || resolved.digest === subject)) return [];
    const manifest = resolved?.manifest ?? (await this.#manifests.get(tag, MAX_MANIFEST_SIZE));
    if (manifest === undefined || manifest.digest === subject) return [];
    const isSaidToBe = bareMediaType(manifest.mediaType ?? '') === OCI_INDEX;
    let json: unknown;
    try {
      json = parseJson(manifest.bytes);
    } catch {
      if (!isSaidToBe) return [];
      throw new SourceError(
        `${this.#requests.name}: the list of referrers under the tag "${tag}" is not JSON.`,
      );
    }
    if (!isObject(json) || json['manifests'] === undefined) return [];
    const isIndex = typeof json['mediaType'] === 'string' ? json['mediaType'] === OCI_INDEX : isSaidToBe;
    return isIndex ? this.#descriptorsOf(json) : [];
  }

  #descriptorsOf(json: unknown): Descriptor[] {
    const list: unknown = isObject(json) ? json['manifests'] : undefined;
    // Registries written in Go say null for none.
    if (list === null) return [];
    if (!Array.isArray(list))
      throw new SourceError(`${this.#requests.name}: what came as a list of referrers is no index.`);
    try {
      return list.map((entry, index) => parseDescriptor(entry, `entry ${index} of the referrers`));
    } catch (error) {
      throw new SourceError(
        `${this.#requests.name}: ${error instanceof Error ? error.message : String(error)}`,
        { cause: error },
      );
    }
  }
}
