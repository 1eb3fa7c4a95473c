/** Whether an entry of a repository's index stays. Pure. docs/decisions/0175-when-a-tag-goes.md */
import type { Digest } from '../../../core/digest.ts';
import type { Tag } from '../../../core/reference.ts';
import type { IndexEntry } from '../../../core/repository-index.ts';
import { lastArrival } from '../tags/tag-policy.ts';
import { statusOf } from '../tags/tag-status.ts';
import type { RepositoryFacts } from './repository-content.ts';
import type { RepositoryPolicy } from './repository-policy.ts';
import type { TagVerdict } from './tag-verdict.ts';

export interface EntryContext {
  readonly facts: Pick<RepositoryFacts, 'tags' | 'entries'>;
  readonly verdicts: ReadonlyMap<Tag, TagVerdict>;
  readonly policy: Pick<RepositoryPolicy, 'digests' | 'used'>;
  readonly historic: ReadonlySet<Digest>;
  readonly isOld: (time: string) => boolean;
}

/** `optional`: what it names may be missing. `later`: it goes if its tag does, which belongs to an image by its name. */
type EntryVerdict = 'stays' | 'optional' | 'goes' | 'later';

export function entryJudge({
  facts,
  verdicts,
  policy,
  historic,
  isOld,
}: EntryContext): (entry: IndexEntry) => EntryVerdict {
  const objects = new Map(facts.tags.map(({ tag, object }) => [tag, object]));
  const observed = facts.entries.filter((entry) => entry.kind !== 'pin');
  const byTag = Map.groupBy(observed, ({ tag }) => tag);
  return (entry) => {
    const { digest } = entry;
    if (entry.kind === 'pin') {
      const isWanted =
        policy.digests.has(digest) || policy.used.digests.has(digest) || !isOld(entry.firstSeen);
      return isWanted ? 'stays' : 'goes';
    }
    const current = objects.get(entry.tag);
    if (entry.kind === 'tag') {
      // Without its object the tag cannot be pulled, and the next run looks at it anew.
      if (current === undefined) return isOld(lastArrival(entry)) ? 'goes' : 'optional';
      const verdict = verdicts.get(entry.tag);
      if (verdict === undefined) return 'later';
      return verdict.stays ? 'optional' : 'goes';
    }
    if (!isOld(lastArrival(entry)) || historic.has(digest) || policy.used.digests.has(digest))
      return 'optional';
    if (verdicts.get(entry.tag)?.stays === false) return 'goes';
    const { candidates } = statusOf(byTag.get(entry.tag) ?? [], entry.tag, current);
    return candidates.some((one) => one.digest === digest && one.state === 'waits') ? 'stays' : 'goes';
  };
}
