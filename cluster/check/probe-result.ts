/** Compares the pull of an image that only the edge has with what the runtime's files say. */
import { withoutVersion } from './checked-runtime.ts';
import type { Verdict } from './verdict.ts';

export interface ProbeResult {
  /** For people: `containerd, by CRI`. */
  readonly runtime: string;
  readonly upstream: string;
  readonly by: 'digest' | 'tag';
  /** `as configured`: the files say that the edge is not asked for this kind of name, so nothing was pulled. */
  readonly through: 'yes' | 'no' | 'unknown' | 'as configured';
  readonly reason: string;
}

/** @param verdicts of one runtime and one registry. @returns whether the edge is asked, but not for this kind of name */
export function isLeftOut(verdicts: readonly Verdict[], by: ProbeResult['by']): boolean {
  return verdicts.length > 0 && verdicts.every(({ names }) => names === (by === 'tag' ? 'digests' : 'tags'));
}

/**
 * @param verdicts of one runtime and one registry. There are two if containerd's version is not known, and one that agrees is enough
 * @returns a sentence if the files say otherwise; undefined if they do not
 */
export function contradiction(
  verdicts: readonly Verdict[],
  through: ProbeResult['through'],
): string | undefined {
  const [first] = verdicts;
  if (first === undefined || (through !== 'yes' && through !== 'no')) return undefined;
  const runtime = withoutVersion(first.runtime);
  if (through === 'yes' && verdicts.every(({ asked }) => asked === 'no')) {
    return `The files say that the edge is not asked, and it was: was ${runtime} restarted since they changed?`;
  }
  if (through === 'no' && verdicts.every(({ asked }) => asked !== 'no')) {
    return `The files say that the edge is asked: was ${runtime} restarted since they changed?`;
  }
  return undefined;
}
