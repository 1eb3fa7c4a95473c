/** Which faults a simulation has, and how often. Each seed has some of them, because too many at once hide each other. */
import type { Decisions } from './decisions.ts';

export type StoreFault =
  /** The call fails, and nothing was done. */
  | 'lost'
  /** It was done, and the caller gets an error. */
  | 'unanswered'
  /** The caller gets an error, and it is done later. */
  | 'late'
  /** It was done, and the caller gets the conflict of its own repeated request. */
  | 'own conflict'
  /** The process dies before the call, or after it. */
  | 'dies before'
  | 'dies after'
  /** The process is told to stop. */
  | 'stopped'
  /** A list lacks the newest keys. */
  | 'stale'
  /** The store does not answer from now on, for a while. */
  | 'away';

export type SourceFault = 'fails' | 'cut short' | 'wrong bytes' | 'too long' | 'dies before' | 'stopped';

const WRITE_FAULTS: readonly StoreFault[] = ['unanswered', 'late', 'dies after'];
const COMMON_FAULTS: readonly StoreFault[] = ['lost', 'dies before', 'stopped', 'away'];
const SOURCE_FAULTS: readonly SourceFault[] = [
  'fails',
  'cut short',
  'wrong bytes',
  'too long',
  'dies before',
  'stopped',
];
const ONCE_IN: readonly [number, ...number[]] = [300, 100, 30];

export interface StoreCallKind {
  readonly isWrite: boolean;
  readonly isConditional: boolean;
  readonly isList: boolean;
}

export class Faults {
  readonly #decisions: Decisions;
  readonly #onceIn: number;
  readonly #kinds: ReadonlySet<string>;
  /** Once in so many calls, one takes long; undefined for never. */
  readonly slowOnceIn: number | undefined;
  /** False for the last runs, in which nothing fails any more. */
  areOn = true;

  /** @param listsMayBeStale whether lists may lack the newest keys */
  constructor(decisions: Decisions, listsMayBeStale: boolean) {
    this.#decisions = decisions;
    const isCalm = !decisions.happens(2) && !decisions.happens(2);
    this.#onceIn = isCalm ? 0 : decisions.oneOf(ONCE_IN);
    const all = new Set<string>([...WRITE_FAULTS, ...COMMON_FAULTS, ...SOURCE_FAULTS, 'own conflict']);
    if (listsMayBeStale) all.add('stale');
    this.#kinds = new Set(isCalm ? [] : [...all].filter(() => decisions.happens(2)));
    this.slowOnceIn = isCalm || !decisions.happens(3) ? undefined : decisions.oneOf([40, 10]);
  }

  /** @returns undefined for most calls */
  ofStore({ isWrite, isConditional, isList }: StoreCallKind): StoreFault | undefined {
    if (!this.#happens()) return undefined;
    const possible: StoreFault[] = [...COMMON_FAULTS];
    if (isWrite) possible.push(...WRITE_FAULTS);
    if (isConditional) possible.push('own conflict');
    if (isList) possible.push('stale', 'stale', 'stale');
    return this.#oneOf(possible);
  }

  ofSource(isBlob: boolean): SourceFault | undefined {
    if (!this.#happens()) return undefined;
    return this.#oneOf(
      SOURCE_FAULTS.filter((fault) => isBlob || !['cut short', 'wrong bytes', 'too long'].includes(fault)),
    );
  }

  #happens(): boolean {
    return this.areOn && this.#onceIn > 0 && this.#decisions.happens(this.#onceIn);
  }

  #oneOf<Fault extends string>(possible: readonly Fault[]): Fault | undefined {
    const enabled = possible.filter((fault) => this.#kinds.has(fault));
    return enabled[this.#decisions.choose(enabled.length)];
  }
}
