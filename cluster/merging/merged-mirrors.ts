/** Merges mirror sets as OpenShift does. docs/decisions/0138 has the rules, and where they come from. */
import { printable } from '../../core/printable.ts';
import { MirrorConflictError } from './conflict-error.ts';
import { orderMirrors, type MirrorList } from './mirror-order.ts';
import { rulesOf, type MirrorSet, type OwnedRule, type Pulls, type SourceMirrors } from './mirror-set.ts';
import { policyConflicts, policyWarnings } from './source-policy.ts';

export interface MergedMirrors {
  /** Sorted by source. Each source is for itself: for a pull, only the rules of the longest source that matches count. */
  readonly sources: readonly SourceMirrors[];
  /** Sentences about what was merged, but may not be meant. */
  readonly warnings: readonly string[];
}

/**
 * Merges mirror sets, source by source, into one order that keeps the order of each set. The result depends on what the
 * sets say, and not on the order in which they are given. A source that has no mirror but itself is left out.
 *
 * Sets that contradict each other in the order of mirrors are not refused, because OpenShift does not refuse them: the
 * set whose name sorts first prevails, and a warning names the other one. A preferred set prevails over all others.
 * @throws {MirrorConflictError} for rules that OpenShift refuses: different policies for one source, and a source that
 *   must not be asked but is one of its own mirrors
 */
export function mergeMirrorSets(sets: readonly MirrorSet[]): MergedMirrors {
  const groups = [...Map.groupBy(rulesOf(sets), ({ source }) => source)].toSorted(([a], [b]) =>
    a < b ? -1 : 1,
  );
  const conflicts = groups.flatMap(([source, rules]) => policyConflicts(source, rules));
  if (conflicts.length > 0) throw new MirrorConflictError(conflicts);

  const merged = groups.map(([source, rules]) => mergeSource(source, rules));
  return {
    sources: merged
      .map(({ source }) => source)
      .filter(({ digests, tags }) => digests.length > 0 || tags.length > 0),
    warnings: merged.flatMap(({ warnings }) => warnings.map(printable)),
  };
}

function mergeSource(
  source: string,
  rules: readonly OwnedRule[],
): { source: SourceMirrors; warnings: readonly string[] } {
  const digests = mergePulls(source, rules, 'digests');
  const tags = mergePulls(source, rules, 'tags');
  return {
    source: {
      source,
      // All rules have the same policy, because another one is a conflict.
      policy: rules[0]?.policy ?? 'AllowContactingSource',
      digests: digests.mirrors,
      tags: tags.mirrors,
    },
    warnings: [...digests.warnings, ...tags.warnings, ...policyWarnings(source, rules)],
  };
}

function mergePulls(
  source: string,
  rules: readonly OwnedRule[],
  pulls: Pulls,
): { mirrors: readonly string[]; warnings: readonly string[] } {
  const lists = rules.filter((rule) => rule.pulls === pulls);
  const { mirrors, broken } = orderMirrors([...preferencesIn(lists), ...lists], source);
  return {
    // Clients ask the source last of all without being told.
    mirrors: mirrors.at(-1) === source ? mirrors.slice(0, -1) : mirrors,
    warnings: broken.map(
      ({ owner, first, second }) =>
        `${source}: ${owner} has ${first} before ${second}, but sets with earlier names lead to the opposite, so ${second} is asked first for ${pulls}. ` +
        'If that is not meant, list all mirrors of this source in one set, in the order that is meant.',
    ),
  };
}

/** Lists that put the mirrors of preferred sets before each other one. They come first, so no list prevails over them. */
function preferencesIn(rules: readonly OwnedRule[]): MirrorList[] {
  const first = rules.filter(({ isPreferred }) => isPreferred).flatMap(({ mirrors }) => mirrors);
  const others = rules.filter(({ isPreferred }) => !isPreferred);
  return others.flatMap(({ owner, mirrors }) =>
    mirrors.map((mirror) => ({ owner, mirrors: [...first, mirror] })),
  );
}
