/** Looks at the bucket that the job fills, with the job's key and with the edge's. */
import { randomUUID } from 'node:crypto';
import type {
  BucketImage,
  BucketObservation,
  EdgeKeyObservation,
  NotLooked,
} from '../../cluster/doctor/observation.ts';
import { BucketObjectInvalidError } from '../../core/bucket-object.ts';
import { decodeCatalog } from '../../core/catalog.ts';
import type { Digest } from '../../core/digest.ts';
import type { Identity } from '../../core/identity.ts';
import { encodeJson } from '../../core/json.ts';
import { IDENTITY_KEY, manifestKey, stateKey, tagKey, tagListKey } from '../../core/layout.ts';
import type { Repository, Tag } from '../../core/reference.ts';
import { decodeTagList, isReferrerTag } from '../../core/tag-list.ts';
import { decodeTag, type TagObject } from '../../core/tag-object.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { BucketRefusedError, openBucket, requireIdentity } from '../engine/store/bucket.ts';
import { insideSentence } from '../engine/store/store-name.ts';
import { ConditionRefusedError, StoreError, type Condition } from '../engine/store/store.ts';
import type { Agents } from '../runtime/node/agents.ts';
import { createS3Connection } from '../runtime/node/s3-connection.ts';
import { refusalOf, statusOf } from '../storage/s3/s3-error.ts';
import { S3Store } from '../storage/s3/s3-store.ts';
import { repositoryOf } from './listed-name.ts';

/** A key of the bucket, as the edge has one. */
export interface EdgeKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** The answer of a store that takes longer does not matter for an examination. The store's own client repeats requests. */
const MAX_CALL_MS = 20_000;

/** An ETag that no object has. */
const NO_ETAG = '"00000000000000000000000000000000"';

export class BucketReader {
  readonly name: string;
  readonly identity: Identity;
  readonly #store: S3Store;
  readonly #configuration: Configuration;
  readonly #agents: Agents;

  private constructor(store: S3Store, identity: Identity, configuration: Configuration, agents: Agents) {
    this.name = store.name;
    this.identity = identity;
    this.#store = store;
    this.#configuration = configuration;
    this.#agents = agents;
  }

  /** Opens the primary for reading. @returns why not, if it cannot be read, or is not Lifeboat's */
  static async open(configuration: Configuration, agents: Agents): Promise<BucketReader | NotLooked> {
    const store = new S3Store(configuration.store, createS3Connection(agents));
    try {
      const identity = await inTime(store.name, requireIdentity(store));
      return new BucketReader(store, identity, configuration, agents);
    } catch (error) {
      return { notLooked: insideSentence(sentenceOf(error)) };
    }
  }

  /** How far the store's clock is ahead of this machine's. */
  get aheadMs(): number | undefined {
    return this.#store.time.aheadMs;
  }

  /** The repositories that were mirrored; none if the list cannot be read. */
  async repositories(): Promise<readonly Repository[]> {
    const key = stateKey(this.#configuration.name, 'catalog.json');
    const names = await this.#read(key, (bytes) => decodeCatalog(key, bytes));
    return (names ?? []).flatMap((name) => repositoryOf(name) ?? []);
  }

  async tagsOf(repository: Repository): Promise<readonly Tag[]> {
    const key = tagListKey(repository);
    const tags = await this.#read(key, (bytes) => decodeTagList(key, bytes));
    return (tags ?? []).filter((tag) => !isReferrerTag(tag));
  }

  tag(repository: Repository, tag: Tag): Promise<TagObject | undefined> {
    const key = tagKey(repository, tag);
    return this.#read(key, (bytes) => decodeTag(key, bytes));
  }

  /** @returns undefined for an object that is absent, invalid or out of reach: a choice is made without it then */
  async #read<Value>(key: string, decode: (bytes: Uint8Array) => Value): Promise<Value | undefined> {
    try {
      const object = await inTime(this.name, this.#store.get(key));
      return object === undefined ? undefined : decode(object.bytes);
    } catch (error) {
      if (error instanceof StoreError || error instanceof BucketObjectInvalidError) return undefined;
      throw error;
    }
  }

  /**
   * @param image the image that was pulled through the edge
   * @param digest the digest that the edge answered with
   */
  async observe(
    image:
      | { readonly repository: Repository; readonly tag: Tag | undefined; readonly digest: Digest }
      | NotLooked,
    edgeKey: EdgeKey | NotLooked,
  ): Promise<BucketObservation> {
    const { audience } = this.identity;
    return {
      name: this.name,
      audience,
      configuredAudience: this.#configuration.store.audience,
      conditions: await this.#observeConditions(),
      image: 'notLooked' in image ? image : await this.#observeImage(image),
      edgeKey: 'notLooked' in edgeKey ? edgeKey : await this.#observeKey(edgeKey),
    };
  }

  async #observeConditions(): Promise<BucketObservation['conditions']> {
    const { store, name } = this.#configuration;
    if (store.singleWriter)
      return { notLooked: 'lifeboat.yaml says that no two runs overlap (singleWriter)' };
    const expected = { name, audience: this.identity.audience, singleWriter: false, newId: randomUUID() };
    try {
      await inTime(this.name, openBucket(this.#store, expected));
      return 'honoured';
    } catch (error) {
      if (error instanceof BucketRefusedError) return { refused: sentenceOf(error) };
      if (error instanceof StoreError) return { notLooked: sentenceOf(error) };
      throw error;
    }
  }

  async #observeImage({
    repository,
    tag,
    digest,
  }: {
    readonly repository: Repository;
    readonly tag: Tag | undefined;
    readonly digest: Digest;
  }): Promise<BucketImage | NotLooked> {
    try {
      const found = tag === undefined ? undefined : await this.tag(repository, tag);
      const size = await inTime(this.name, this.#store.size(manifestKey(repository, digest)));
      return {
        ...(found !== undefined && { tag: { digest: found.digest, movedMs: Date.parse(found.moved) } }),
        hasManifest: size !== undefined,
      };
    } catch (error) {
      if (error instanceof StoreError) return { notLooked: sentenceOf(error) };
      throw error;
    }
  }

  /** Nothing that is served is ever touched: the writes are those by which each run probes the store. */
  async #observeKey(credentials: EdgeKey): Promise<EdgeKeyObservation> {
    const { store: settings, name } = this.#configuration;
    const store = new S3Store({ ...settings, credentials }, createS3Connection(this.#agents));
    const get = await allowed(this.name, async () => store.get(IDENTITY_KEY));
    const list = await allowed(this.name, async () => {
      await store.get(stateKey(`absent-${randomUUID()}`, 'probe'));
      await store.list('', 1);
    });
    const key = stateKey(name, 'probe');
    const bytes =
      (await this.#read(key, (stored) => stored)) ??
      encodeJson({ purpose: 'shows whether the store honours conditional writes' });
    const put = (condition?: Condition) =>
      store.put(key, bytes, {
        contentType: 'application/json',
        ...(condition !== undefined && { condition }),
      });
    const write = await allowed(this.name, async () => {
      const result = await put({ ifMatch: NO_ETAG }).catch((error: unknown) => {
        if (error instanceof ConditionRefusedError) return 'conflict' as const;
        throw error;
      });
      // A store may judge a condition before the key. The same bytes, written again, show the key.
      if (result === 'conflict') await put();
    });
    return {
      get,
      list,
      write: write === 'allowed' ? write : isRefused(write) ? 'refused' : { failed: write.failed },
    };
  }
}

interface Failed {
  readonly failed: string;
  readonly status: number | undefined;
}

function isRefused({ status }: Failed): boolean {
  return status === 401 || status === 403;
}

async function allowed(name: string, call: () => Promise<unknown>): Promise<'allowed' | Failed> {
  try {
    await inTime(name, call());
    return 'allowed';
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    const refusal = refusalOf(error.cause);
    const failed =
      refusal === undefined ? sentenceOf(error) : `${refusal.status ?? ''} ${refusal.code}`.trim();
    return { failed, status: statusOf(error.cause) };
  }
}

async function inTime<Value>(name: string, promise: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new StoreError(`${name} has not answered within ${MAX_CALL_MS / 1000} s.`)),
      MAX_CALL_MS,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Findings have no full stop. */
function sentenceOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\.$/, '');
}
