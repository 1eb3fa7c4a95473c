/** Whose bucket a store is. Nothing of it is served before that is known. */
import { BucketObjectInvalidError } from '../../core/bucket-object.ts';
import { decodeIdentity, type Audience, type Identity } from '../../core/identity.ts';
import { IDENTITY_KEY } from '../../core/layout.ts';
import { ConfigurationError } from '../configuration/configuration-error.ts';
import { readSmall } from './small-object.ts';
import { StoreError, type Store } from './store.ts';

/**
 * @returns what `lifeboat.json` says, and its bytes
 * @throws {StoreError} also when it is missing, or of another layout
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

/** The id in bytes that a cache kept, if they are of that audience. */
export function recallId(bytes: Uint8Array, audience: Audience): string | undefined {
  try {
    const identity = decodeIdentity(bytes);
    return identity.audience === audience ? identity.id : undefined;
  } catch (error) {
    if (error instanceof BucketObjectInvalidError) return undefined;
    throw error;
  }
}
