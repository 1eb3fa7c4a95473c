/** A source of images: an upstream registry, an OCI image layout, a bucket. The engine copies from any of them alike. */
import type { Descriptor } from '../../core/descriptor.ts';
import type { Digest } from '../../core/digest.ts';
import type { Tag } from '../../core/reference.ts';
import type { Party } from './support/fair-share.ts';
import type { Witness } from './support/server-clock.ts';

/** A manifest as its source sent it. The digest is computed from the bytes. */
export interface SourceManifest {
  readonly digest: Digest;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The type that the source gave it; undefined if it gave none. */
  readonly mediaType: string | undefined;
}

/** The digest of a tag. The manifest is there if the source had to send it to tell the digest. */
export interface Resolved {
  readonly digest: Digest;
  readonly manifest?: SourceManifest | undefined;
  /** The tag that led to it, for progress; left out if none did. */
  readonly tag?: Tag;
}

/** Numbers of requests. */
export interface RequestCounts {
  readonly heads: number;
  /** GETs of manifests, which Docker Hub counts as pulls. */
  readonly manifestGets: number;
  readonly blobGets: number;
  /** Pages of lists of tags and of referrers. */
  readonly lists: number;
}

/** An account's quota of manifest GETs, as an upstream says it. */
export interface Quota {
  /** The account's number among the upstream's accounts, from 1. */
  readonly account: number;
  readonly remaining: number;
  readonly limit: number | undefined;
  /** The seconds that `limit` holds for. */
  readonly seconds: number | undefined;
  /** Whose quota it is, in the upstream's words: an address or an account's id. */
  readonly source: string | undefined;
}

/** The requests to an upstream, and what it said about quotas. */
export interface UpstreamReport {
  readonly name: string;
  /** As sent, repeats included. Requests for tokens, and those that follow redirects, are not counted. */
  readonly requests: RequestCounts;
  /** The latest answer for each account that has a quota. */
  readonly quotas: readonly Quota[];
  /** Why no more manifests were requested; undefined where they were. */
  readonly exhausted: string | undefined;
}

/** An upstream registry, which several sources may share. */
export interface ReportingUpstream extends Witness {
  report(): UpstreamReport;
  /** Runs a task that requests manifests: at once, or in its turn where the upstream counts such requests. */
  inTurn<Result>(task: () => Promise<Result>): Promise<Result>;
}

/** The party of all sources without an upstream, such as layouts on a disk. */
const LOCAL: Party = 'local';

/** @returns the party of a source. All repositories of an upstream compete as one */
export function partyOf({ upstream }: Pick<Source, 'upstream'>): Party {
  return upstream?.name ?? LOCAL;
}

/** @returns each upstream once, however many repositories of it are mirrored */
export function upstreamsOf(sources: readonly Source[]): ReportingUpstream[] {
  return [...new Set(sources.flatMap(({ upstream }) => upstream ?? []))];
}

export interface Source {
  /** The name in messages: a registry and a path, or a folder. */
  readonly name: string;
  /** The registry that the source is a repository of; left out for other sources. */
  readonly upstream?: ReportingUpstream;
  /** The requests so far, each counted once although it may have been repeated; left out where requests cost nothing. */
  readonly requests?: RequestCounts;
  /** All tags, in the source's order. The list is requested once, and all callers share the answer or the error. @throws {SourceError} */
  tags(): Promise<readonly Tag[]>;
  /** Forgets the list of tags, because no image needs it any more. A later call of `tags` requests it again. */
  forgetTags?(): void;
  /** Ends the work on the source. It still answers then, but with more requests. */
  leave?(): void;
  /**
   * @param isGuess whether the name is derived from a digest. Mostly there is no such tag, so a request that costs no
   *   quota comes first
   * @returns undefined if there is no such tag. @throws {SourceError}
   */
  resolve(tag: Tag, isGuess?: boolean): Promise<Resolved | undefined>;
  /**
   * A manifest whose bytes match the digest in the request, or the digest that the source names.
   * @param limit the most bytes to read, if a descriptor gives the size: a manifest that is longer must not fill the memory
   * @returns undefined if there is no such manifest. @throws {TooLongError} and {SourceError}
   */
  manifest(reference: Tag | Digest, limit?: number): Promise<SourceManifest | undefined>;
  /**
   * The bytes of a blob from `offset` on, not verified. Each chunk is valid until the next one is requested.
   * @param timed measures the time of each request
   * @returns undefined if there is no such blob. @throws {SourceError}, also while it is read
   */
  blob(
    digest: Digest,
    size: number,
    offset: number,
    timed?: Timed,
  ): Promise<AsyncIterable<Uint8Array> | undefined>;
  /**
   * The bytes of a blob from `start` up to and without `end`, or fewer of them, not verified. Each chunk is valid until the next
   * one is requested. Left out where a second connection brings nothing.
   * @returns undefined if there is no such blob; `refused` if the source does not serve ranges of it
   * @throws {SourceError}, also while it is read
   */
  range?(
    digest: Digest,
    size: number,
    start: number,
    end: number,
    timed?: Timed,
  ): Promise<RangeAnswer | undefined>;
  /**
   * A sentence about the answer to `blob` or `range` that may explain wrong bytes, such as an encoding that was not requested.
   * It has a space before it, and is empty if there is nothing odd.
   */
  oddityOf?(digest: Digest): string;
  /**
   * The referrers of a manifest, by the referrers API or by a tag.
   * @param limit how many are wanted. If there are more, the list is longer than this but may be incomplete
   * @throws {SourceError}
   */
  referrers(subject: Digest, limit: number): Promise<ReferrerList>;
  /** Whether callers without credentials may read this manifest too. @throws {SourceError} */
  isPublic(digest: Digest): Promise<boolean>;
}

/** The referrers of a manifest, in the source's order. */
export interface ReferrerList {
  readonly descriptors: readonly Descriptor[];
  /**
   * The bound that the source's list exceeds, as in "a list of more than 16777216 bytes"; undefined if the list was read to its
   * end. The descriptors before the bound are there.
   */
  readonly excess?: string | undefined;
}

/** Measures a request from when it is sent. The job's own waits, such as for the request's turn, come before. */
export type Timed = <Value>(send: () => Promise<Value>) => Promise<Value>;

export type RangeAnswer =
  | {
      readonly body: AsyncIterable<Uint8Array>;
      /** Whether this is the whole blob. It is never so if the requested range begins later than the blob. */
      readonly isWhole: boolean;
      /** Frees the connection of a body that nobody reads. */
      discard(): void;
    }
  | 'refused';

/** A source that serves ranges. */
export type RangedSource = Source & Required<Pick<Source, 'range'>>;

/** The source failed, refused, or sent something wrong. The message is a sentence for people. */
export class SourceError extends Error {
  override readonly name: string = 'SourceError';
}

type LimitUnit = 'bytes' | 'values' | 'pages';

/** The source sends more than the job reads. */
export class TooLongError extends SourceError {
  override readonly name = 'TooLongError';
  readonly limit: number;
  readonly unit: LimitUnit;

  constructor(message: string, limit: number, unit: LimitUnit = 'bytes') {
    super(message);
    this.limit = limit;
    this.unit = unit;
  }
}

/** The source answered that it has no such manifest, though a descriptor names it. */
export class ManifestAbsentError extends SourceError {
  override readonly name = 'ManifestAbsentError';
  readonly digest: Digest;

  constructor(message: string, digest: Digest) {
    super(message);
    this.digest = digest;
  }
}

/** The source answered that it has no such blob. Unlike a failure, that may be on purpose. */
export class BlobAbsentError extends SourceError {
  override readonly name = 'BlobAbsentError';
}

/** Resolves a reference by a GET, for a tag that is new: its manifest will be needed anyway. @throws {SourceError} */
export async function resolveByManifest(
  source: Pick<Source, 'manifest'>,
  reference: Tag | Digest,
): Promise<Resolved | undefined> {
  const manifest = await source.manifest(reference);
  return manifest === undefined ? undefined : { digest: manifest.digest, manifest };
}
