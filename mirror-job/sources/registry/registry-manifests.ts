/**
 * A repository's manifests, by tag or by digest. Some tags have a name that is derived from a digest: `sha256-<hex>`
 * for a list of referrers and `sha256-<hex>.sig` for a signature. Mostly there is no such tag.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
 */
import { algorithmOf, digestOf, isDigest, type Digest } from '../../../core/digest.ts';
import { MAX_MANIFEST_BYTES } from '../../../core/manifest.ts';
import { MANIFEST_ACCEPT } from '../../../core/media-type.ts';
import type { Tag } from '../../../core/reference.ts';
import { isReferrerTag } from '../../../core/tag-list.ts';
import { SourceError, type Resolved, type SourceManifest } from '../../engine/source.ts';
import type { HttpResponse } from './http-client.ts';
import { readContentDigest } from './response/content-digest.ts';
import { encodingNote, isJson } from './response/content-encoding.ts';
import type { RegistryRequest } from './registry-request.ts';
import type { RepositoryRequests } from './repository-requests.ts';
import { FINAL_CLIENT_ERRORS } from './response/statuses.ts';

/** The caller may not read the manifest. Some registries also answer this when the manifest does not exist. */
const NOT_ALLOWED: readonly number[] = [401, 403];

export class RegistryManifests {
  readonly #requests: RepositoryRequests;
  /** `contradicted`: a HEAD was refused, or found nothing, and a GET got the manifest. */
  #heads: 'untried' | 'answered' | 'contradicted' = 'untried';
  #trial: Promise<void> | undefined;
  /** The digests in derived names whose manifests were requested, to see whether HEADs find them. */
  readonly #tried = new Set<Digest>();
  /** The first manifest that a GET got. */
  #readable: Tag | Digest | undefined;

  constructor(requests: RepositoryRequests) {
    this.#requests = requests;
  }

  /** Implements `Source.resolve`. */
  async resolve(tag: Tag, isGuess: boolean): Promise<Resolved | undefined> {
    const { status, headers } = await this.#head(tag);
    const digest = headers.get('Docker-Content-Digest');
    if (status === 200 && digest !== null && isDigest(digest)) return { digest };
    const manifest = isReferrerTag(tag)
      ? await this.#derived(tag, status, isGuess)
      : await this.get(tag, MAX_MANIFEST_BYTES);
    if (manifest !== undefined && status !== 200) this.#heads = 'contradicted';
    return manifest === undefined ? undefined : { digest: manifest.digest, manifest };
  }

  /** Implements `Source.manifest`. */
  async get(reference: Tag | Digest, limit: number): Promise<SourceManifest | undefined> {
    const refusable = !isDigest(reference) && isReferrerTag(reference) && this.#requests.hasAnswered;
    const { status, manifest } = await this.#get(reference, limit, refusable ? FINAL_CLIENT_ERRORS : [404]);
    // Credentials are not the reason when the rest of the repository can be read.
    if (status !== 404 && FINAL_CLIENT_ERRORS.includes(status)) {
      throw new SourceError(
        `${this.#requests.name}: the tag "${reference}" is refused (${status}), and the rest of the repository is not. Have it made readable there, or mirror the image without what refers to it, by "referrers: false".`,
      );
    }
    return manifest;
  }

  /**
   * Whether callers without credentials may read the manifest. A 200 alone does not tell, because login pages have one too. The
   * response has to name the digest, or to be the manifest.
   */
  async isPublic(digest: Digest): Promise<boolean> {
    const { status, headers } = await this.#head(digest, true);
    if (status === 200 && headers.get('Docker-Content-Digest') === digest) return true;
    const { response, bytes } = await this.#requests.read(
      { ...requestFor('GET', digest), anonymous: true },
      {
        allow: [404, ...NOT_ALLOWED],
        maxBytes: MAX_MANIFEST_BYTES,
        where: `${this.#requests.name}: manifest ${digest}`,
      },
    );
    // A manifest that does not exist is not private, and says nothing about the rest of the repository.
    if (response.status === 404 && !(await this.#has(digest))) {
      throw new SourceError(`${this.#requests.name} has no manifest ${digest}.`);
    }
    return bytes !== undefined && (await digestOf(bytes, algorithmOf(digest))) === digest;
  }

  async #has(reference: Digest): Promise<boolean> {
    if ((await this.#head(reference)).status === 200) return true;
    const exists = (await this.get(reference, MAX_MANIFEST_BYTES)) !== undefined;
    if (exists) this.#heads = 'contradicted';
    return exists;
  }

  /**
   * A HEAD spares quota. Only its 200 is reliable: some registries refuse a HEAD, or answer 404, although a GET gets
   * the manifest.
   */
  async #head(reference: Tag | Digest, anonymous = false): Promise<HttpResponse> {
    const response = await this.#requests.send({ ...requestFor('HEAD', reference), anonymous }, 'any');
    response.discard();
    if (response.status === 200 && !anonymous && this.#heads === 'untried') this.#heads = 'answered';
    return response;
  }

  /** @param absent the statuses besides 200 that are no error */
  async #get(
    reference: Tag | Digest,
    limit: number,
    absent: readonly number[],
  ): Promise<{ readonly status: number; readonly manifest: SourceManifest | undefined }> {
    const where = `${this.#requests.name}: manifest ${reference}`;
    const { response, bytes } = await this.#requests.read(requestFor('GET', reference), {
      allow: absent,
      maxBytes: Math.min(limit, MAX_MANIFEST_BYTES),
      where,
    });
    const { status } = response;
    if (bytes === undefined) return { status, manifest: undefined };
    const header = response.headers.get('Docker-Content-Digest');
    const expected = isDigest(reference) ? reference : readContentDigest(header, where);
    const digest = await digestOf(bytes, expected === undefined ? 'sha256' : algorithmOf(expected));
    const note = encodingNote(response);
    if (expected !== undefined && digest !== expected) {
      throw new SourceError(
        `${where} came with other bytes: their digest is ${digest}, not ${expected}.${note}`,
      );
    }
    if (expected === undefined && note !== '' && !isJson(bytes)) {
      throw new SourceError(`${where} cannot be read.${note}`);
    }
    this.#readable ??= reference;
    const mediaType = response.headers.get('Content-Type') ?? undefined;
    return { status, manifest: { digest, bytes, mediaType } };
  }

  /**
   * A tag whose name is derived from a digest, after its HEAD has found no digest. Some registries refuse a tag that
   * does not exist, or every tag with such a name. The HEAD decides about a guess, because a GET per guess would cost quota and
   * find nothing. It does not decide in a repository that refuses HEADs and answers the GETs.
   */
  async #derived(tag: Tag, headStatus: number, isGuess: boolean): Promise<SourceManifest | undefined> {
    if (isGuess && FINAL_CLIENT_ERRORS.includes(headStatus) && (await this.#areHeadsTrue(tag)))
      return undefined;
    const { status, manifest } = await this.#get(tag, MAX_MANIFEST_BYTES, FINAL_CLIENT_ERRORS);
    const isRefused = status !== 404 && FINAL_CLIENT_ERRORS.includes(status);
    if (isRefused && !this.#requests.hasAnswered) await this.#tryHead(tag);
    return manifest;
  }

  /**
   * Whether a HEAD finds what a GET gets. This is tried once, with a manifest that a GET has got or, if there is none
   * yet, with the manifest whose digest is in the derived name.
   * @throws {SourceError} when the repository refuses that one too: then the caller may read nothing
   */
  async #areHeadsTrue(derived: Tag): Promise<boolean> {
    if (this.#heads === 'untried') {
      this.#trial ??= this.#tryHead(derived).finally(() => {
        this.#trial = undefined;
      });
      await this.#trial;
    }
    return this.#heads !== 'contradicted';
  }

  async #tryHead(derived: Tag): Promise<void> {
    const subject = subjectOf(derived);
    if (this.#readable !== undefined) {
      if ((await this.#head(this.#readable)).status !== 200) this.#heads = 'contradicted';
    } else if (subject !== undefined && !this.#tried.has(subject)) {
      await this.#has(subject);
      this.#tried.add(subject);
    }
  }
}

/** The digest that a name is derived from; undefined for a name that does not hold the whole digest. */
function subjectOf(derived: Tag): Digest | undefined {
  const digest = derived.split('.', 1).join().replace('-', ':');
  return isDigest(digest) ? digest : undefined;
}

function requestFor(method: 'GET' | 'HEAD', reference: Tag | Digest): Omit<RegistryRequest, 'path'> {
  return { method, resource: `manifests/${reference}`, headers: { Accept: MANIFEST_ACCEPT } };
}
