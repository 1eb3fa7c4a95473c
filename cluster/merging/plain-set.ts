/** Mirror sets that are no objects of a cluster: the rules of one team, one configuration or one program. */
import { MirrorSetInvalidError, type MirrorSetProblem } from './invalid-error.ts';
import { mirrorProblem, sourceProblem } from './location.ts';
import type { MirrorSet, MirrorSourcePolicy, Pulls } from './mirror-set.ts';

export interface PlainRule {
  readonly source: string;
  readonly mirrors: readonly string[];
  readonly pulls: Pulls;
  /** Left out: `AllowContactingSource`. */
  readonly policy?: MirrorSourcePolicy | undefined;
  /** The file that it comes from; left out if there is none. */
  readonly position?: string | undefined;
}

/**
 * @param name the team's or the configuration's. Where sets contradict each other, the one whose name sorts first prevails
 * @throws {MirrorSetInvalidError} for a source or a mirror that no client could match. It has every such problem
 */
export function plainMirrorSet(name: string, rules: readonly PlainRule[]): MirrorSet {
  const kind = 'mirror set';
  const file = `${kind} "${name}"`;
  const problems = rules.flatMap(({ source, mirrors }, index): MirrorSetProblem[] => [
    ...problemAt(file, `rules[${index}].source`, sourceProblem(source)),
    ...mirrors.flatMap((mirror, at) =>
      problemAt(file, `rules[${index}].mirrors[${at}]`, mirrorProblem(mirror)),
    ),
  ]);
  if (problems.length > 0) throw new MirrorSetInvalidError(problems);
  return {
    kind,
    name,
    rules: rules.map(({ source, mirrors, pulls, policy = 'AllowContactingSource', position }) => ({
      source,
      mirrors,
      pulls,
      policy,
      position,
    })),
  };
}

function problemAt(file: string, key: string, message: string | undefined): MirrorSetProblem[] {
  return message === undefined ? [] : [{ file, key, message }];
}
