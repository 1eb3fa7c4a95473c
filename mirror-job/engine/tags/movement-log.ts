/** The history of tags, read newest first, and which of its intents were carried out. */
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
  /** False for an intent whose run died, or came second, before the tag moved. */
  readonly isCarriedOut: boolean;
}

/** Records that are read at once. */
const READS = 16;

/** What was recorded as a movement, before it is known whether it was one. */
interface Intent extends Movement {
  readonly tag: Tag;
}

/**
 * The newest movements, newest first. Keys are listed, a request a thousand of them; only the newest are read.
 * A record that cannot be read is left out, with a warning.
 * @param tag undefined: of all tags of the repository
 * @param limit how many records are read at most
 * @throws {StoreError}
 */
export async function readMovements(
  environment: Pick<Environment, 'store' | 'log'>,
  repository: Repository,
  tag: Tag | undefined,
  limit: number,
): Promise<readonly RecordedMovement[]> {
  const prefix = tag === undefined ? historiesPrefix(repository) : historyPrefix(repository, tag);
  // A store lists in the order of names: the tag comes before the time, and the newest are last.
  const keys = await environment.store.list(prefix, Number.MAX_SAFE_INTEGER);
  const newest = keys.toSorted((a, b) => (fileOf(a) < fileOf(b) ? 1 : -1)).slice(0, limit);
  const atOnce = createLimit(READS);
  const read = await Promise.all(newest.map((key) => atOnce(() => readIntent(environment, repository, key))));
  const intents = read.filter((intent) => intent !== undefined);
  const tags = [...new Set(intents.map((intent) => intent.tag))];
  const stand = new Map(
    await Promise.all(
      tags.map((one) => atOnce(async () => [one, await findTag(environment, repository, one)] as const)),
    ),
  );
  const carriedOut = new Set(
    [...Map.groupBy(intents, (intent) => intent.tag)].flatMap(([one, of]) =>
      findCarriedOut(of, stand.get(one)),
    ),
  );
  return intents.map((intent) => recorded(intent, carriedOut.has(intent)));
}

function recorded({ tag, at, from, to, why, by, run }: Intent, isCarriedOut: boolean): RecordedMovement {
  return { tag, at, from, to, why, by, run, isCarriedOut };
}

/**
 * Back from where the tag stands: the newest intent to move there was carried out, and it says where the tag stood
 * before. An intent whose `to` is the next one's `from` was too, which matters where a record cannot be read.
 * @param intents of one tag, newest first
 */
function findCarriedOut(intents: readonly Intent[], tag: TagObject | undefined): Intent[] {
  let stood: Digest | undefined = tag?.digest;
  let next: Digest | undefined;
  const found: Intent[] = [];
  for (const intent of intents) {
    // What leaves a tag where it is and says something else of it cannot be told by places.
    const isLater = intent.from === intent.to && tag !== undefined && intent.at > tag.moved;
    if (!isLater && (intent.to === stood || intent.to === next)) {
      found.push(intent);
      stood = intent.from;
    }
    next = intent.from;
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

/** It begins with the time, written so that it sorts. */
function fileOf(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1);
}
