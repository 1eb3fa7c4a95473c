/** Which bucket a store is, and for which audience. The edge serves nothing of a store before it knows that. */
import { BucketObjectInvalidError } from '../../core/bucket-object.ts';
import { decodeIdentity, type Audience, type Identity } from '../../core/identity.ts';
import { IDENTITY_KEY } from '../../core/layout.ts';
import { ConfigurationError } from '../configuration/configuration-error.ts';
import { readSmall } from './small-object.ts';
import { StoreError, type Store } from './store.ts';

/**
 * Reads `lifeboat.json`.
 * @returns the identity, and the bytes that it was read from
 * @throws {StoreError} also when `lifeboat.json` is missing, or of another version of the layout
 * @throws {ConfigurationError} for a bucket of another audience
 */
export async function readIdentity(
  store: Store,
  audience: Audience,
  signal: AbortSignal,
): Promise<{ readonly identity: Identity; readonly bytes: Uint8Array<ArrayBuffer> }> {
  const object = await readSmall(store, IDENTITY_KEY, signal);
  if (object === undefined) {
    throw new StoreError(
      store.number,
      `holds no ${IDENTITY_KEY}: no mirror run has begun in this bucket yet.`,
    );
  }
  const { bytes } = object;
  const identity = decode(store, bytes);
  if (identity.audience !== audience) {
    throw new ConfigurationError(
      'AUDIENCE',
      `it is ${audience}, but the bucket of store ${store.number} is for ${identity.audience}.`,
    );
  }
  return { identity, bytes };
}

function decode(store: Store, bytes: Uint8Array): Identity {
  try {
    return decodeIdentity(bytes);
  } catch (error) {
    if (error instanceof BucketObjectInvalidError) throw new StoreError(store.number, error.message, error);
    throw error;
  }
}

/** The bucket's id in the bytes of a cached `lifeboat.json`, if it is for that audience. */
export function cachedId(bytes: Uint8Array, audience: Audience): string | undefined {
  try {
    const identity = decodeIdentity(bytes);
    return identity.audience === audience ? identity.id : undefined;
  } catch (error) {
    if (error instanceof BucketObjectInvalidError) return undefined;
    throw error;
  }
}
