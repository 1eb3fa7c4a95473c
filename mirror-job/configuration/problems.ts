/** Collects problems, so that the rest of the file is still checked. */
import { DurationInvalidError, parseDuration } from '../../core/duration.ts';
import { NameInvalidError } from '../../core/reference.ts';
import type { PathProblem } from './document.ts';
import type { Path } from './path.ts';
import type { TagPattern } from '../engine/selection/selection.ts';
import { PatternInvalidError, parsePattern, parseSuffix, type Pattern } from './pattern.ts';
import { parseSize, SizeInvalidError } from './size.ts';

export class Problems {
  readonly list: PathProblem[] = [];

  /** @param other the position of the other image, if two images conflict */
  add(path: Path, message: string, other?: number): void {
    this.list.push({ path, message, other });
  }

  /** @returns undefined, after adding a problem, if `parse` refuses a name or a pattern */
  parsed<Value>(path: Path, parse: () => Value): Value | undefined {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof NameInvalidError || error instanceof PatternInvalidError)) throw error;
      this.add(path, error.message);
      return undefined;
    }
  }

  /** Parses a list of patterns. Each problem has the path of its own pattern. */
  patterns(texts: readonly string[], path: Path): Pattern[] {
    return texts.flatMap((text, index) => this.parsed([...path, index], () => parsePattern(text)) ?? []);
  }

  /** Parses a list of suffixes, which tags have after their version. Each problem has the path of its own suffix. */
  suffixes(texts: readonly string[], path: Path): TagPattern[] {
    return texts.flatMap((text, index) => this.parsed([...path, index], () => parseSuffix(text)) ?? []);
  }

  /** @returns milliseconds; undefined, after adding a problem, for a text that is not a duration */
  duration(written: string | 0, path: Path): number | undefined {
    try {
      return parseDuration(String(written));
    } catch (error) {
      if (!(error instanceof DurationInvalidError)) throw error;
      this.add(path, `"${written}" ${error.message}`);
      return undefined;
    }
  }

  /** @returns bytes; undefined, after adding a problem, for a text that is not a size */
  size(written: string, path: Path): number | undefined {
    try {
      return parseSize(written);
    } catch (error) {
      if (!(error instanceof SizeInvalidError)) throw error;
      this.add(path, `"${written.slice(0, 200)}" ${error.message}`);
      return undefined;
    }
  }

  /** @returns the interval in milliseconds, or `false` for never; undefined if there is none, or after adding a problem */
  interval(
    input: false | { readonly every: string | 0 } | undefined,
    path: Path,
  ): number | false | undefined {
    return input === undefined || input === false ? input : this.duration(input.every, [...path, 'every']);
  }
}
