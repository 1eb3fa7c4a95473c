/** Opens a bucket, which must be Lifeboat's, be for the same audience, and honour conditional writes. */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import { decodeIdentity, encodeIdentity, type Audience, type Identity } from '../../../core/identity.ts';
import {
  CLUSTERS,
  CONFIGURATION_KEY,
  DEPLOYMENTS,
  IDENTITY_KEY,
  LAST_GOOD_CONFIGURATION_KEY,
  LAYOUT_VERSION,
  isStateKey,
  stateKey,
} from '../../../core/layout.ts';
import { encodeJson } from '../../../core/json.ts';
import { DryStore } from './dry-store.ts';
import { ConditionRefusedError, StoreError, type Condition, type PutResult, type Store } from './store.ts';

/**
 * People put these there before the first run: the configuration of a job in a Worker, what clusters run, and the object
 * of a trial.
 */
function mayBeFirst(key: string): boolean {
  return (
    key === CONFIGURATION_KEY ||
    key === LAST_GOOD_CONFIGURATION_KEY ||
    key.startsWith(CLUSTERS) ||
    key.startsWith(DEPLOYMENTS) ||
    isStateKey(key, 'probe')
  );
}

/** Enough for the lists of as many clusters as are read. */
const MAX_FIRST = 1003;

/** This run may not write to the bucket, and nothing was written. The message says what to do. */
export class BucketRefusedError extends Error {
  override readonly name = 'BucketRefusedError';
}

export interface BucketExpectation {
  /** The configuration's name: its state, and the object that the probe uses. */
  readonly name: string;
  readonly audience: Audience;
  /** The operator promises that no two runs overlap, for stores that do not honour conditional writes. */
  readonly singleWriter: boolean;
  /** A fresh random id, for a bucket that is still empty. */
  readonly newId: string;
  /** Called before an empty bucket becomes this mirror's, when the store has answered. Throws if it must not. */
  readonly mayBegin?: () => Promise<void>;
}

/**
 * @throws {BucketRefusedError} for a bucket that holds other things, is another version's or another
 *   audience's, or does not honour conditional writes
 * @throws {StoreError} when it cannot be reached
 */
export async function openBucket(store: Store, expected: BucketExpectation): Promise<Identity> {
  const { identity, prove } = await beginBucket(store, expected);
  await prove();
  return identity;
}

/**
 * The same, but a bucket that was used before may be read before it is shown to honour conditional writes.
 * @returns `prove`, which shows that. Nothing may be written before it resolves. It throws the same errors
 * @throws as `openBucket`
 */
export async function beginBucket(
  store: Store,
  expected: BucketExpectation,
): Promise<{ readonly identity: Identity; readonly prove: () => Promise<void> }> {
  const known = await readIdentity(store);
  const identity = known ?? (await writeIdentity(store, expected));
  if (identity.audience !== expected.audience) {
    throw new BucketRefusedError(
      `${store.name} is for the audience "${identity.audience}", and the configuration says "${expected.audience}". One bucket has one audience: set store.audience to "${identity.audience}", or use another bucket.`,
    );
  }
  const prove = async (): Promise<void> => {
    if (!expected.singleWriter) await probeConditions(store, expected.name);
  };
  if (known !== undefined) return { identity, prove };
  // A new bucket is going to be written anyway, so the proof does not wait.
  await prove();
  return { identity, prove: async () => {} };
}

/**
 * Makes the checks with which a run begins, and leaves an empty bucket without an audience. The probe is the only write.
 * @returns whether the bucket is this mirror's already
 * @throws as `openBucket`
 */
export async function tryBucket(store: Store, expected: BucketExpectation): Promise<boolean> {
  const known = await readIdentity(store);
  // In memory, the conditions could not be tried.
  await openBucket(new DryStore(store), { ...expected, singleWriter: true });
  if (!expected.singleWriter) await probeConditions(store, expected.name);
  return known !== undefined;
}

/**
 * Reads the identity for a command that only reads. Nothing is written, not even into an empty bucket.
 * @throws {BucketRefusedError} for a bucket that is not Lifeboat's, or another version's
 * @throws {StoreError} when it cannot be reached
 */
export async function requireIdentity(store: Pick<Store, 'name' | 'get'>): Promise<Identity> {
  const identity = await readIdentity(store);
  if (identity !== undefined) return identity;
  throw new BucketRefusedError(
    `${store.name} has no ${IDENTITY_KEY}, so it is not Lifeboat's, or nothing was mirrored into it yet. Run "lifeboat sync" first.`,
  );
}

async function readIdentity(store: Pick<Store, 'name' | 'get'>): Promise<Identity | undefined> {
  const stored = await store.get(IDENTITY_KEY);
  if (stored === undefined) return undefined;
  try {
    return decodeIdentity(stored.bytes);
  } catch (error) {
    if (!(error instanceof BucketObjectInvalidError)) throw error;
    throw new BucketRefusedError(`${store.name}: ${error.message}`, { cause: error });
  }
}

async function writeIdentity(store: Store, expected: BucketExpectation): Promise<Identity> {
  const other = (await store.list('', MAX_FIRST)).find((key) => !mayBeFirst(key));
  if (other !== undefined) {
    // Another first run may have begun this bucket a moment ago.
    const begun = await readIdentity(store);
    if (begun !== undefined) return begun;
    throw new BucketRefusedError(
      `${store.name} holds other things ("${other}") and no ${IDENTITY_KEY}, so it is not Lifeboat's. Use an empty bucket, or set store.prefix to an empty folder of this one.`,
    );
  }
  await expected.mayBegin?.();
  const identity: Identity = { version: LAYOUT_VERSION, id: expected.newId, audience: expected.audience };
  const written = await putGuarded(store, IDENTITY_KEY, encodeIdentity(identity), { ifNoneMatch: '*' });
  if (written === 'written') return identity;
  const theirs = await readIdentity(store);
  if (theirs === undefined) {
    throw new StoreError(`${store.name}: a write finds ${IDENTITY_KEY}, and a read does not.`);
  }
  return theirs;
}

/** An ETag that no object has. */
const NO_ETAG = '"00000000000000000000000000000000"';

/** Probes with an object of the configuration's own state, so that it never touches an object that is served. */
async function probeConditions(store: Store, name: string): Promise<void> {
  const key = stateKey(name, 'probe');
  const bytes = encodeJson({ purpose: 'shows whether the store honours conditional writes' });
  const put = (condition: Condition): Promise<PutResult> => putGuarded(store, key, bytes, condition);
  const unguardedNow = async (): Promise<'If-None-Match' | 'If-Match' | undefined> => {
    // Both are sent at once, because every run waits for this.
    const [again, other] = await Promise.all([put({ ifNoneMatch: '*' }), put({ ifMatch: NO_ETAG })]);
    if (again === 'written') return 'If-None-Match';
    return other === 'written' ? 'If-Match' : undefined;
  };
  // An object of an earlier run shows it. If there was none, the first attempt wrote it and shows nothing yet.
  const unguarded = (await unguardedNow()) === undefined ? undefined : await unguardedNow();
  if (unguarded !== undefined) {
    throw new BucketRefusedError(`${store.name} does not honour ${unguarded}${SINGLE_WRITER}`);
  }
}

const SINGLE_WRITER =
  ", so two runs at once could undo each other's tags. If you make sure that runs never overlap, set store.singleWriter: true.";

/** @throws {BucketRefusedError} when the store refuses conditions as such */
async function putGuarded(
  store: Store,
  key: string,
  bytes: Uint8Array,
  condition: Condition,
): Promise<PutResult> {
  try {
    return await store.put(key, bytes, { contentType: 'application/json', condition });
  } catch (error) {
    if (!(error instanceof ConditionRefusedError)) throw error;
    const message = `${store.name} refuses conditional writes (${error.answer})${SINGLE_WRITER}`;
    throw new BucketRefusedError(message, { cause: error });
  }
}
