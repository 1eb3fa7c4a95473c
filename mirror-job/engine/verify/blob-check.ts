/** Checks the blobs that images of a repository need, and their links. Sizes come from listings. */
import { decodeBlobLink, encodeBlobLink } from '../../../core/blob-link.ts';
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import type { Descriptor } from '../../../core/descriptor.ts';
import type { Digest } from '../../../core/digest.ts';
import { blobKey, blobLinkKey } from '../../../core/layout.ts';
import type { NamedRoot } from '../scrub/scrub-object.ts';
import { tryDecode } from '../store/decode-object.ts';
import { countOf } from '../support/count-of.ts';
import { joined, WHOLE, type Below } from './below.ts';
import type { RepositoryListing } from './bucket-listing.ts';
import { TooLarge, Unknown, type CheckedStore, type EtagProof } from './checked-store.ts';
import type { DigestTable } from './digest-table.ts';
import { foundProblem, type FoundProblem } from './problem.ts';

export interface BlobCheckOptions {
  readonly listing: RepositoryListing;
  readonly blobs: DigestTable;
  readonly isEtagOf: EtagProof;
}

export class BlobCheck {
  /** The blobs of which a link is needed. */
  readonly links = new Set<Digest>();
  readonly #store: CheckedStore;
  readonly #options: BlobCheckOptions;
  readonly #found: (problem: FoundProblem) => Below;
  readonly #known = new Map<string, Promise<Below>>();

  /** @param found hears of each problem */
  constructor(store: CheckedStore, options: BlobCheckOptions, found: (problem: FoundProblem) => Below) {
    this.#store = store;
    this.#options = options;
    this.#found = found;
  }

  /** Checks each blob once for each size that is said of it. */
  check(descriptor: Descriptor, root: NamedRoot): Promise<Below> {
    const name = `${descriptor.digest} ${descriptor.size} ${descriptor.urls !== undefined}`;
    const known = this.#known.get(name) ?? this.#checkOnce(descriptor, root);
    this.#known.set(name, known);
    return known;
  }

  async #checkOnce({ digest, size, urls }: Descriptor, root: NamedRoot): Promise<Below> {
    const { listing, blobs } = this.#options;
    const { repository } = listing;
    this.links.add(digest);
    blobs.need(digest);
    const isForeign = urls !== undefined;
    const problem = (kind: FoundProblem['kind'], key: string, message: string): Below =>
      this.#found(
        foundProblem({
          kind,
          key,
          repository,
          digest,
          message,
          object: { repository, root, kind: 'blob', digest, size, isForeign },
        }),
      );
    const linkKey = blobLinkKey(repository, digest);
    const listed = listing.links.get(digest);
    const link = listed === undefined ? await this.#store.size(linkKey) : listed.size;
    // Clients can fetch it elsewhere, and it was never stored.
    if (link === undefined && isForeign) return WHOLE;
    const found: Below[] = [];
    if (link instanceof Unknown) found.push({ ...WHOLE, isKnown: false });
    if (link === undefined)
      found.push(problem('link-missing', linkKey, `the link to the blob ${digest} is missing.`));
    if (listed !== undefined) found.push(await this.#link(linkKey, digest, size, listed, problem));

    const key = blobKey(digest);
    const known = blobs.size(digest);
    // Another run may have written it since it was listed.
    const stored = known === size ? known : await this.#store.size(key);
    if (stored instanceof Unknown) found.push({ ...WHOLE, isKnown: false });
    else if (stored === undefined)
      found.push(problem('blob-missing', key, `the blob ${digest} (${countOf(size, 'byte')}) is missing.`));
    else if (stored !== size) {
      found.push(
        problem('blob-size', key, `the blob ${digest} has ${countOf(stored, 'byte')} instead of ${size}.`),
      );
    } else if (blobs.isDamaged(digest)) {
      found.push(
        problem(
          'blob-bytes',
          key,
          `the blob ${digest} (${countOf(size, 'byte')}) has other bytes than its digest names.`,
        ),
      );
    }
    return joined(found);
  }

  /** A link's bytes follow from digest and size, so its ETag mostly shows that they are right. */
  async #link(
    key: string,
    digest: Digest,
    size: number,
    listed: { readonly size: number; readonly etag: string },
    problem: (kind: 'link-wrong', key: string, message: string) => Below,
  ): Promise<Below> {
    const expected = encodeBlobLink({ digest, size });
    if (listed.size === expected.length && this.#options.isEtagOf(listed.etag, expected)) return WHOLE;
    const object = await this.#store.get(key);
    if (object instanceof Unknown) return { ...WHOLE, isKnown: false };
    if (object === undefined) return WHOLE;
    const link = object instanceof TooLarge ? undefined : tryDecode(() => decodeBlobLink(key, object.bytes));
    if (link === undefined || link instanceof BucketObjectInvalidError) {
      return problem('link-wrong', key, `the link to the blob ${digest} cannot be read.`);
    }
    if (link.digest === digest && link.size === size) return WHOLE;
    return problem(
      'link-wrong',
      key,
      `the link to the blob ${digest} says ${link.digest}, ${countOf(link.size, 'byte')}, instead of ${size}.`,
    );
  }
}
