/**
 * Translates a range of versions as regsync reads it. regsync has fewer forms than npm, and reads some of them
 * differently: `<=1.27` ends at 1.27.0, `~1` ends at 1.1.0, and a version with fewer numbers is filled up with zeros.
 * https://github.com/regclient/regclient/blob/v0.11.7/internal/semver/semver.go
 */

type Numbers = readonly [major: number, minor: number, patch: number];

const PART = /^(\^|~|>=|<=|>|<|=|)v?(\d{1,9}(?:\.\d{1,9})*)(-[^+]+)?(?:\+.*)?$/;

/** The same range in the form of lifeboat.yaml, or a sentence that says why there is none. */
export type RegsyncRange =
  | {
      readonly range: string;
      /**
       * The versions that are outside of the range, although regsync includes them if they have a suffix. regsync
       * counts 2.0.0-rc1 as lower than 2.0.0.
       */
      readonly below: readonly string[];
    }
  | { readonly reason: string };

export function readRange(text: string): RegsyncRange {
  const parts: string[] = [];
  const below: string[] = [];
  for (const part of text.trim().split(/\s+/)) {
    const [, operator = '', version, prerelease] = PART.exec(part) ?? [];
    if (version === undefined) {
      return { reason: `regsync does not read "${part}" as a part of a range, and refuses the whole entry.` };
    }
    const [major = 0, minor = 0, patch = 0, ...more] = version.split('.').map(Number);
    if (more.some((number) => number > 0)) {
      return { reason: `"${part}" has more than three numbers, and ranges in lifeboat.yaml have three.` };
    }
    const comparators = compare(operator, [major, minor, patch], prerelease !== undefined);
    if (comparators === undefined) {
      return { reason: `"${part}" is one suffix of one version: name that tag under include.` };
    }
    parts.push(...comparators);
    if (prerelease === undefined) {
      below.push(...comparators.flatMap((one) => (/^<\d/.test(one) ? one.slice(1) : [])));
    }
  }
  return { range: parts.join(' '), below };
}

/**
 * Makes the comparators of one part of a range. Lifeboat cuts suffixes off before it compares versions, so a tag with a
 * suffix goes with its version: `>=1.0.0-0` begins at 1.0.0, and `<2.0.0-0` ends before 2.0.0 as `<2.0.0` does.
 */
function compare(operator: string, numbers: Numbers, hasSuffix: boolean): string[] | undefined {
  const [major, minor] = numbers;
  const version = numbers.join('.');
  switch (operator) {
    case '^':
      return [`>=${version}`, `<${afterCaret(numbers)}`];
    case '~':
      return [`>=${version}`, `<${major}.${minor + 1}.0`];
    case '>':
      return [`${hasSuffix ? '>=' : '>'}${version}`];
    case '<=':
      return [`${hasSuffix ? '<' : '<='}${version}`];
    case '>=':
    case '<':
      return [`${operator}${version}`];
    default:
      return hasSuffix ? undefined : [`=${version}`];
  }
}

function afterCaret([major, minor, patch]: Numbers): string {
  if (major > 0) return `${major + 1}.0.0`;
  return minor > 0 ? `0.${minor + 1}.0` : `0.0.${patch + 1}`;
}
