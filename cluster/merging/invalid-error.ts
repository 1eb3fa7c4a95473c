import { printable } from '../../core/printable.ts';

export interface MirrorSetProblem {
  /** The file, or the set if it comes from no file. */
  readonly file: string;
  /** Counted from 1; undefined if no line can be named. */
  readonly line?: number | undefined;
  /** Which document of the file, counted from 1; undefined if the file has one only. */
  readonly document?: number | undefined;
  /** The key, such as `spec.imageDigestMirrors[0].source`; empty for the whole file. */
  readonly key: string;
  /** A sentence that says what is wrong, and what to do. */
  readonly message: string;
}

/** Mirror sets cannot be read. The error has every problem that was found, each with file, line, document and key. */
export class MirrorSetInvalidError extends Error {
  override readonly name = 'MirrorSetInvalidError';
  readonly problems: readonly MirrorSetProblem[];

  constructor(problems: readonly MirrorSetProblem[]) {
    // Each problem is one line, whatever it quotes of a file.
    super(problems.map((problem) => printable(format(problem))).join('\n'));
    this.problems = problems;
  }
}

function format({ file, line, document, key, message }: MirrorSetProblem): string {
  const position = `${file}${line === undefined ? '' : `:${line}`}`;
  const place = [...(document === undefined ? [] : [`document ${document}`]), ...(key === '' ? [] : [key])];
  return [position, ...place, message].join(': ');
}
