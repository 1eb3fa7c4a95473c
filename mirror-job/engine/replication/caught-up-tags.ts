/**
 * The tags that a run has changed in a store to catch it up. These changes were taken from another store, without
 * asking any upstream or policy. So each of them is named in the report, as a finding.
 */
import type { Digest } from '../../../core/digest.ts';
import { formatReference, type Repository, type Tag } from '../../../core/reference.ts';
import { countOf } from '../support/count-of.ts';
import type { Finding, TagChange } from '../report.ts';
import { insideSentence } from '../store/store-name.ts';

/** The message names at most this many tags. The finding has all of them. */
export const MAX_NAMED = 5;

interface Group {
  readonly store: string;
  readonly from: string;
  readonly repository: Repository;
  readonly changes: Map<Tag, TagChange>;
}

export class CaughtUpTags {
  readonly #groups = new Map<string, Group>();

  /**
   * @param store the name of the store that was changed
   * @param from the name of the store that was copied from
   */
  add(store: string, from: string, repository: Repository, change: TagChange): void {
    const key = `${store}\n${from}\n${repository}`;
    const group = this.#groups.get(key) ?? { store, from, repository, changes: new Map<Tag, TagChange>() };
    this.#groups.set(key, group);
    // The two stores may be compared more than once, and only the first comparison saw the earlier digest.
    const before = group.changes.get(change.tag);
    group.changes.set(change.tag, before === undefined ? change : { ...change, from: before.from });
  }

  /** @returns a finding for each repository of each store */
  findings(): Finding[] {
    return [...this.#groups.entries()]
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([, group]) => findingOf(group));
  }
}

function findingOf({ store, from, repository, changes }: Group): Finding {
  const tags = [...changes.values()].toSorted((one, other) => (one.tag < other.tag ? -1 : 1));
  const named = tags.slice(0, MAX_NAMED).map((change) => describe(change));
  const rest = tags.length > MAX_NAMED ? `, and ${tags.length - MAX_NAMED} more` : '';
  const example = formatReference({ repository, tag: tags[0]?.tag, digest: undefined });
  return {
    kind: 'caught-up',
    repository,
    store,
    tags,
    message: `${store}: ${countOf(tags.length, 'tag')} of ${repository} changed there when this store was caught up from ${insideSentence(from)}: ${named.join(', ')}${rest}. If you did not expect that, look at "lifeboat history ${example}", and find out who can write into ${insideSentence(from)}.`,
  };
}

function describe({ tag, from, to }: TagChange): string {
  if (from === undefined) return `${tag} (new, ${short(to)})`;
  return from === to
    ? `${tag} (still ${short(to)}, another hold or date)`
    : `${tag} (${short(from)} to ${short(to)})`;
}

function short(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1).slice(0, 12);
}
