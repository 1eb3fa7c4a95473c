/**
 * `lifeboat.json` marks a bucket as one of Lifeboat's, and says for which audience. It is written once. Health checks read
 * it too.
 */
import { BucketObjectInvalidError, parseObjectAt } from './bucket-object.ts';
import { encodeJson } from './json.ts';
import { IDENTITY_KEY, LAYOUT_VERSION } from './layout.ts';

export const AUDIENCES = ['public', 'token'] as const;
/** The readers of the bucket through the edge: everybody who can reach the edge, or only holders of a token. */
export type Audience = (typeof AUDIENCES)[number];

/** The id becomes a part of the edge's cache keys. */
const ID = /^[\w-]{1,64}$/;

export interface Identity {
  readonly version: typeof LAYOUT_VERSION;
  /** Random, so that cached objects of another bucket are never mistaken for this one's. 1 to 64 of `A-Z a-z 0-9 _ -`. */
  readonly id: string;
  readonly audience: Audience;
}

export function encodeIdentity(identity: Identity): Uint8Array<ArrayBuffer> {
  const { version, id, audience } = identity;
  return encodeJson({ version, id, audience });
}

/** @throws {BucketObjectInvalidError} also for another version of the layout */
export function decodeIdentity(bytes: Uint8Array): Identity {
  const { version, id, audience } = parseObjectAt(IDENTITY_KEY, bytes);
  if (typeof version !== 'number') {
    throw new BucketObjectInvalidError(IDENTITY_KEY, 'it has no layout version.');
  }
  if (version !== LAYOUT_VERSION) {
    throw new BucketObjectInvalidError(
      IDENTITY_KEY,
      `its layout is version ${version}, and this Lifeboat reads version ${LAYOUT_VERSION}. Use the release that wrote it, or an empty bucket.`,
    );
  }
  if (typeof id !== 'string' || !ID.test(id)) {
    throw new BucketObjectInvalidError(IDENTITY_KEY, 'it has no id of 1 to 64 letters, digits, "_" and "-".');
  }
  const known = AUDIENCES.find((one) => one === audience);
  if (known === undefined) {
    throw new BucketObjectInvalidError(IDENTITY_KEY, 'its audience is neither "public" nor "token".');
  }
  return { version, id, audience: known };
}
