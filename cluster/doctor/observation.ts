/** The plain data that an examination of an edge collects. It is judged without another request. */
import type { Audience } from '../../core/identity.ts';

/** The outcome of one request. */
export type Reply = Answer | Failure;

export interface Answer {
  readonly kind: 'answer';
  /** `HEAD /v2/…`, for messages. Never an address that is signed. */
  readonly asked: string;
  readonly status: number;
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** From the request to the answer's headers. */
  readonly firstByteMs: number;
  readonly body: Body;
}

export interface Body {
  readonly bytes: number;
  /** The digest of the bytes as they came, by sha256 unless the request was for another digest; undefined for a HEAD. */
  readonly digest: string | undefined;
  /** The beginning, for the codes and the sentences of errors. */
  readonly start: string;
  /** False if the body broke off, or did not end in time. */
  readonly isWhole: boolean;
}

export type FailureReason = 'dns' | 'refused' | 'silent' | 'closed' | 'certificate' | 'other';

/** There was no answer. */
export interface Failure {
  readonly kind: 'failure';
  readonly asked: string;
  readonly reason: FailureReason;
  /** The runtime's error: a code, or a sentence. */
  readonly detail: string;
}

export interface Examination {
  /** The edge's origin, without a slash at its end. */
  readonly url: string;
  /** When the examination began. ISO 8601, UTC. */
  readonly at: string;
  readonly hasToken: boolean;
  /** Whether the operator means the edge to ask for a login. */
  readonly wantsChallenge: boolean;
  /** `GET /v2/` without a token. */
  readonly ping: Reply;
  /** The same with the token, if there is one. */
  readonly pingWithToken: Reply | undefined;
  readonly health: Reply;
  /** `GET http://…/v2/`, for an edge with https at its usual port. */
  readonly plain: Reply | undefined;
  readonly certificate: Certificate | undefined;
  readonly clocks: Clocks;
  /** `GET /v2/_catalog`; undefined if `/v2/` shows that no client gets further. */
  readonly catalog: Reply | undefined;
  /** Undefined if the first answers show that no client gets further. */
  readonly registry: RegistryReplies | undefined;
  readonly bucket: BucketObservation | NotLooked;
}

export interface Certificate {
  /** ISO 8601, UTC. */
  readonly validUntil: string;
  readonly issuer: string;
}

/** How far each clock is ahead of this machine's; undefined if no answer said it. */
export interface Clocks {
  readonly edgeAheadMs: number | undefined;
  readonly storeAheadMs: number | undefined;
}

/** Something was not looked at. */
export interface NotLooked {
  readonly notLooked: string;
}

/** The answers by which the examination decides whether to go on. */
export type FirstReplies = Pick<Examination, 'ping' | 'pingWithToken' | 'health' | 'catalog'>;

export interface RegistryReplies {
  /** A tag and a blob that do not exist. */
  readonly absentManifest: Reply;
  readonly absentBlob: Reply;
  /** The beginning of a push. */
  readonly write: Reply;
  readonly image: ImageReplies | NotLooked;
}

export interface ImageReplies {
  readonly reference: string;
  /** The place that named the image: the command line, the edge's catalogue, the bucket, or lifeboat.yaml. */
  readonly namedBy: string;
  readonly tag: TagReplies | undefined;
  /** The tag list. */
  readonly tags: Reply;
  /** By digest; undefined if no digest is known. */
  readonly manifest: ManifestReplies | undefined;
  /** The first child of an index that the edge has; the last that was tried if it has none. */
  readonly child: ManifestReplies | undefined;
  readonly referrers: Reply | undefined;
  readonly names: NameReplies;
  readonly blob: BlobReplies | NotLooked;
}

export interface TagReplies {
  readonly name: string;
  readonly head: Reply;
  readonly get: Reply;
}

export interface ManifestReplies {
  readonly digest: string;
  /** The media type that the bytes state; undefined if they are no manifest. */
  readonly mediaType: string | undefined;
  readonly head: Reply;
  readonly get: Reply;
}

/** The same manifest under each of its other names. */
export interface NameReplies {
  readonly ns: Reply;
  readonly prefixAndNs: Reply;
  readonly defaultUpstream: Reply | NotLooked;
}

export interface BlobReplies {
  readonly digest: string;
  readonly size: number;
  readonly head: Reply;
  /** The edge's own answer to GET: a redirect or the bytes. */
  readonly get: Reply;
  /** The answer to the same with an Authorization header, without its body. */
  readonly getAuthorized: Reply;
  /** The answer that a client ends at, with the bytes. The same as `get` if the edge streams. */
  readonly last: Reply;
  /** The answer to a range, at the end of the same way. */
  readonly range: RangeReply;
  /** The target of the redirect; undefined if the edge streams. */
  readonly target: RedirectTarget | undefined;
}

export interface RangeReply {
  readonly reply: Reply;
  readonly first: number;
  readonly last: number;
  /** The digest of these bytes in the whole blob; undefined if that is not known. */
  readonly digest: string | undefined;
}

export interface RedirectTarget {
  /** Host and port. */
  readonly host: string;
  /** Whether the host is the edge's own, or a sub-domain of it. */
  readonly isNear: boolean;
  /** Of a presigned address. */
  readonly signed: { readonly atMs: number; readonly lifetimeMs: number } | undefined;
  /** When the edge gave the address, by this machine's clock. */
  readonly givenAtMs: number;
}

export interface BucketObservation {
  /** In messages. */
  readonly name: string;
  readonly audience: Audience | NotLooked;
  /** The audience by lifeboat.yaml. */
  readonly configuredAudience: Audience;
  /** `refused`: the store does not honour conditions, with the reason. */
  readonly conditions: 'honoured' | { readonly refused: string } | NotLooked;
  readonly image: BucketImage | NotLooked;
  readonly edgeKey: EdgeKeyObservation | NotLooked;
}

export interface BucketImage {
  /** The tag in the bucket; undefined if the bucket has no such tag. Left out for an image without a tag. */
  readonly tag?: { readonly digest: string; readonly movedMs: number } | undefined;
  /** Whether the bucket has the manifest that the edge answered with. */
  readonly hasManifest: boolean;
}

/** The rights of the edge's key. `failed` has the store's answer. */
export interface EdgeKeyObservation {
  readonly get: 'allowed' | { readonly failed: string };
  /** Without the right to list, an absent object is a 403. */
  readonly list: 'allowed' | { readonly failed: string };
  readonly write: 'refused' | 'allowed' | { readonly failed: string };
}

export function isLooked<Value extends object>(value: Value | NotLooked): value is Value {
  return !('notLooked' in value);
}
