/** Collects what is wrong while the rest is still looked at. */
import { DurationInvalidError, parseDuration } from '../../core/duration.ts';
import { NameInvalidError } from '../../core/reference.ts';
import type { PathProblem } from './document.ts';
import type { Path } from './path.ts';
import type { TagPattern } from '../engine/selection/selection.ts';
import { PatternInvalidError, parsePattern, parseSuffix, type Pattern } from './pattern.ts';

export class Problems {
  readonly list: PathProblem[] = [];

  /** @param other the position of the other image, when two are at odds */
  add(path: Path, message: string, other?: number): void {
    this.list.push({ path, message, other });
  }

  /** @returns undefined, and a problem, where `parse` refuses a name or a pattern */
  named<Value>(path: Path, parse: () => Value): Value | undefined {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof NameInvalidError || error instanceof PatternInvalidError)) throw error;
      this.add(path, error.message);
      return undefined;
    }
  }

  /** Each problem stands at its own pattern. */
  patterns(texts: readonly string[], path: Path): Pattern[] {
    return texts.flatMap((text, index) => this.named([...path, index], () => parsePattern(text)) ?? []);
  }

  /** As `patterns`, of what tags have after their version. */
  suffixes(texts: readonly string[], path: Path): TagPattern[] {
    return texts.flatMap((text, index) => this.named([...path, index], () => parseSuffix(text)) ?? []);
  }

  /** Milliseconds. */
  duration(written: string | 0, path: Path): number | undefined {
    try {
      return parseDuration(String(written));
    } catch (error) {
      if (!(error instanceof DurationInvalidError)) throw error;
      this.add(path, `"${written}" ${error.message}`);
      return undefined;
    }
  }

  /** `false`, or how often: milliseconds. */
  interval(
    input: false | { readonly every: string | 0 } | undefined,
    path: Path,
  ): number | false | undefined {
    return input === undefined || input === false ? input : this.duration(input.every, [...path, 'every']);
  }
}
