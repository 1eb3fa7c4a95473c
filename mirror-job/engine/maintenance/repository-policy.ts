/** The settings of a repository, and all that must stay in it for reasons outside of it. */
import type { Digest } from '../../../core/digest.ts';
import type { Repository, Tag } from '../../../core/reference.ts';
import type { Selection } from '../selection/selection.ts';
import { mostGenerous, type Retention } from './retention.ts';

/** A reference that a cluster uses. */
export interface UsedReference {
  readonly repository: Repository;
  readonly tag: Tag | undefined;
  readonly digest: Digest | undefined;
}

/** One entry of the configuration, or of what is mirrored without a list. */
export interface PrunedEntry {
  readonly repository: Repository;
  readonly tags: Selection;
  readonly digests: readonly Digest[];
  /** Undefined if nothing of the entry is pruned. */
  readonly retention: Retention | undefined;
}

export interface RepositoryPolicy {
  readonly retention: Retention;
  /** Whether runs of the configuration look at it. */
  readonly isListed: boolean;
  readonly selections: readonly Selection[];
  /** The digests that the configuration names. */
  readonly digests: ReadonlySet<Digest>;
  /** The tags and digests that clusters use. */
  readonly used: { readonly tags: ReadonlySet<Tag>; readonly digests: ReadonlySet<Digest> };
}

export interface PruneScope {
  readonly entries: readonly PrunedEntry[];
  /** For repositories without an entry; undefined if nothing of them is pruned. */
  readonly retention: Retention | undefined;
  readonly used: readonly UsedReference[];
  /** The repositories that runs look at without an entry, because clusters use them or they were demanded. */
  readonly listed?: ReadonlySet<Repository>;
  /** The repositories that other configurations fill too, with the name of one of them: nothing of them is pruned. */
  readonly others: ReadonlyMap<string, string>;
}

/** @returns a sentence that says why nothing of the repository is pruned, or the policy */
export type PolicyOf = (repository: Repository) => RepositoryPolicy | string;

export function policies({ entries, retention, used, listed, others }: PruneScope): PolicyOf {
  const entriesOf = Map.groupBy(entries, ({ repository }) => repository);
  const usedOf = Map.groupBy(used, ({ repository }) => repository);
  return (repository) => {
    const other = others.get(repository);
    if (other !== undefined) return `the configuration "${other}" fills it too`;
    const own = entriesOf.get(repository) ?? [];
    const kept = own.length === 0 ? [retention] : own.map((entry) => entry.retention);
    const wanted = kept.filter((one) => one !== undefined);
    const joined = wanted.length < kept.length ? undefined : mostGenerous(wanted);
    if (joined === undefined) return 'it has no retention';
    const references = usedOf.get(repository) ?? [];
    return {
      retention: joined,
      isListed: own.length > 0 || listed?.has(repository) === true,
      selections: own.map(({ tags }) => tags),
      digests: new Set(own.flatMap(({ digests }) => digests)),
      used: {
        tags: new Set(references.flatMap(({ tag }) => tag ?? [])),
        digests: new Set(references.flatMap(({ digest }) => digest ?? [])),
      },
    };
  };
}
