/** Where images come from: an upstream registry, an OCI image layout. One engine copies from any of them. */
import type { Descriptor } from '../../core/descriptor.ts';
import type { Digest } from '../../core/digest.ts';
import type { Tag } from '../../core/reference.ts';
import type { Witness } from './support/server-clock.ts';

/** A manifest as its source sent it, its digest computed from the bytes. */
export interface SourceManifest {
  readonly digest: Digest;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What the source called it; undefined where it did not say. */
  readonly mediaType: string | undefined;
}

/** Where a tag stands. `manifest` is there when the source had to send it to tell. */
export interface Resolved {
  readonly digest: Digest;
  readonly manifest?: SourceManifest | undefined;
}

/** How many requests of each kind. */
export interface RequestCounts {
  readonly heads: number;
  /** Of manifests: what Docker Hub counts as pulls. */
  readonly manifestGets: number;
  readonly blobGets: number;
  /** Pages of tags, and of referrers. */
  readonly lists: number;
}

/** What an upstream says about an account's quota of manifest GETs. */
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

/** What several sources have in common. */
export interface ReportingUpstream extends Witness {
  report(): UpstreamReport;
  /** Runs what is going to ask for manifests: now, or after others where they are counted. */
  inTurn<Result>(task: () => Promise<Result>): Promise<Result>;
}

/** Each upstream once, however many repositories of it are mirrored. */
export function upstreamsOf(sources: readonly Source[]): ReportingUpstream[] {
  return [...new Set(sources.flatMap(({ upstream }) => upstream ?? []))];
}

export interface Source {
  /** How messages call it: a registry and a path, or a folder. */
  readonly name: string;
  /** The registry that it is a repository of. */
  readonly upstream?: ReportingUpstream;
  /** What was asked so far, as if nothing had to be asked twice; undefined where asking costs nobody anything. */
  readonly requests?: RequestCounts;
  /** All tags, in the source's order; asked for once, whoever needs them, and however it went. @throws {SourceError} */
  tags(): Promise<readonly Tag[]>;
  /** The list of tags is not needed any more: whoever asks again waits for another request. */
  forgetTags?(): void;
  /** The work on the source is done. It can be asked all the same, and asks more of its registry then. */
  leave?(): void;
  /**
   * @param isGuess whether the name is derived from a digest. Mostly there is no such tag, so a request that costs no
   *   quota is enough to tell
   * @returns undefined when there is no such tag. @throws {SourceError}
   */
  resolve(tag: Tag, isGuess?: boolean): Promise<Resolved | undefined>;
  /**
   * The bytes match the digest that was asked for, or that the source named.
   * @param limit how many bytes are read, where what lists it has said its size: one that lies must not fill the memory
   * @returns undefined when there is no such manifest. @throws {TooLongError} and {SourceError}
   */
  manifest(reference: Tag | Digest, limit?: number): Promise<SourceManifest | undefined>;
  /**
   * The bytes of a blob from `offset` on, not verified. Each chunk is good until the next one is asked for.
   * @param timed given by whoever measures how long the source takes
   * @returns undefined when there is no such blob. @throws {SourceError}, also while it is read
   */
  blob(
    digest: Digest,
    size: number,
    offset: number,
    timed?: Timed,
  ): Promise<AsyncIterable<Uint8Array> | undefined>;
  /**
   * The bytes of a blob from `start` up to and without `end`, or fewer of them, not verified; each chunk as for `blob`.
   * Left out where a second connection would bring nothing.
   * @returns undefined when there is no such blob; `refused` when it is not to be had in ranges
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
   * The oddity of the answer to `blob` or `range`, for the end of the sentence about wrong bytes: with a space before
   * it, and empty for none.
   */
  oddityOf?(digest: Digest): string;
  /**
   * What refers to a manifest, in whichever way the source tells.
   * @param limit how many are wanted: where there are more, more than so many come, and need not be all
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
   * The bound that the source's list exceeds, as in "a list of more than 16777216 bytes"; undefined when the list was read to
   * its end. The descriptors are those before the bound.
   */
  readonly excess?: string | undefined;
}

/** Runs each request, from when it is sent: what the job itself makes it wait for, such as its turn, comes before. */
export type Timed = <Value>(send: () => Promise<Value>) => Promise<Value>;

export type RangeAnswer =
  | {
      readonly body: AsyncIterable<Uint8Array>;
      /** The blob from its first byte to its last, and only where the range that was asked for begins there. */
      readonly isWhole: boolean;
      /** For a body of which nothing was asked for: else its connection is held. */
      discard(): void;
    }
  | 'refused';

/** A source that can be asked for ranges. */
export type RangedSource = Source & Required<Pick<Source, 'range'>>;

/** The source failed, refused, or sent what it should not have; the message is a sentence for people. */
export class SourceError extends Error {
  override readonly name: string = 'SourceError';
}

type LimitUnit = 'bytes' | 'values' | 'pages';

/** The source sends more than is read of it. */
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

/** The source answered that it has no such manifest, though something names it. */
export class ManifestAbsentError extends SourceError {
  override readonly name = 'ManifestAbsentError';
  readonly digest: Digest;

  constructor(message: string, digest: Digest) {
    super(message);
    this.digest = digest;
  }
}

/** The source answered that it has no such blob: unlike a failure, that may be meant. */
export class BlobAbsentError extends SourceError {
  override readonly name = 'BlobAbsentError';
}

/** Where a reference stands, with its manifest: for what is new, and will be fetched anyway. @throws {SourceError} */
export async function resolveByManifest(
  source: Pick<Source, 'manifest'>,
  reference: Tag | Digest,
): Promise<Resolved | undefined> {
  const manifest = await source.manifest(reference);
  return manifest === undefined ? undefined : { digest: manifest.digest, manifest };
}
