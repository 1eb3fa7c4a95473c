/** Reads the history of tags, newest record first, and finds out which of its intents were carried out. */
import type { Digest } from '../../../core/digest.ts';
import { decodeMovement, type Movement } from '../../../core/history.ts';
import { historiesPrefix, historyPrefix } from '../../../core/layout.ts';
import { isTag, type Repository, type Tag } from '../../../core/reference.ts';
import type { TagObject } from '../../../core/tag-object.ts';
import type { Environment } from '../environment.ts';
import { decodeOrWarn } from '../store/decode-object.ts';
import { createLimit } from '../support/limit.ts';
import { findTag } from './publish.ts';

export interface RecordedMovement extends Movement {
  readonly tag: Tag;
  /** False if the run died, or came second, before the tag moved. */
  readonly isCarriedOut: boolean;
}

/** How many records are read at once. */
const READS_AT_ONCE = 16;

/** A record, before it is known whether the tag moved. */
interface Intent extends Movement {
  readonly tag: Tag;
}

/**
 * Reads the newest movements, newest first. All keys are listed, a request per thousand; only the newest are read.
 * A record that cannot be read is left out, with a warning.
 * @param tag undefined for all tags of the repository
 * @param limit the most records to read
 * @throws {StoreError}
 */
export async function readMovements(
  environment: Pick<Environment, 'store' | 'log'>,
  repository: Repository,
  tag: Tag | undefined,
  limit: number,
): Promise<readonly RecordedMovement[]> {
  const prefix = tag === undefined ? historiesPrefix(repository) : historyPrefix(repository, tag);
  // A store lists in the order of keys, and in a key the tag comes before the time, so they are sorted by time here.
  const keys = await environment.store.list(prefix, Number.MAX_SAFE_INTEGER);
  const newest = keys.toSorted((a, b) => (fileOf(a) < fileOf(b) ? 1 : -1)).slice(0, limit);
  const atOnce = createLimit(READS_AT_ONCE);
  const read = await Promise.all(newest.map((key) => atOnce(() => readIntent(environment, repository, key))));
  const intents = read.filter((intent) => intent !== undefined);
  const tags = [...new Set(intents.map((intent) => intent.tag))];
  const current = new Map(
    await Promise.all(
      tags.map((one) => atOnce(async () => [one, await findTag(environment, repository, one)] as const)),
    ),
  );
  const carriedOut = new Set(
    [...Map.groupBy(intents, (intent) => intent.tag)].flatMap(([one, records]) =>
      findCarriedOut(records, current.get(one)),
    ),
  );
  return intents.map((intent) => recorded(intent, carriedOut.has(intent)));
}

function recorded({ tag, at, from, to, why, by, run }: Intent, isCarriedOut: boolean): RecordedMovement {
  return { tag, at, from, to, why, by, run, isCarriedOut };
}

/**
 * Goes back from the tag's current digest. The newest intent to move to it was carried out, and tells the digest before
 * it, and so on. An intent whose `to` is the `from` of the next one was carried out too, which bridges a record that
 * cannot be read.
 * @param intents of one tag, newest first
 */
function findCarriedOut(intents: readonly Intent[], tag: TagObject | undefined): Intent[] {
  let reached: Digest | undefined = tag?.digest;
  let nextFrom: Digest | undefined;
  const found: Intent[] = [];
  for (const intent of intents) {
    // A record with the same `from` and `to` changes a hold. Digests do not tell whether it was carried out; times do.
    const isLater = intent.from === intent.to && tag !== undefined && intent.at > tag.moved;
    if (!isLater && (intent.to === reached || intent.to === nextFrom)) {
      found.push(intent);
      reached = intent.from;
    }
    nextFrom = intent.from;
  }
  return found;
}

async function readIntent(
  { store, log }: Pick<Environment, 'store' | 'log'>,
  repository: Repository,
  key: string,
): Promise<Intent | undefined> {
  const [tag = ''] = key.slice(historiesPrefix(repository).length).split('/');
  const stored = await store.get(key);
  if (stored === undefined || !isTag(tag)) return undefined;
  const movement = decodeOrWarn(log, 'It is left out.', () => decodeMovement(key, stored.bytes));
  return movement === undefined ? undefined : { tag, ...movement };
}

/** The last part of a key. It begins with the time, written so that it sorts. */
function fileOf(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1);
}
