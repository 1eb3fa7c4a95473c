/**
 * Whether a tag follows upstream now, and how far. Pure.
 *
 * A place is a digest that upstream showed under the tag. Two orders of places matter: the order in which they were
 * first seen says how old one is and what is older than what; the order in which upstream last came to them says
 * where upstream has moved back from. https://github.com/regclient/regclient/issues/1067 asks for the minimum age;
 * one that counted for the newest place alone would hold a tag that moves each day for ever.
 */
import type { Digest } from '../../core/digest.ts';

export interface MovePolicy {
  /** `follow`: as upstream does. `hold`: only when it is approved. `immutable`: the same, and a change is a finding. */
  readonly policy: 'follow' | 'hold' | 'immutable';
  /** How long ago a digest has to have been seen first. Milliseconds. */
  readonly minAge: number;
  /** What becomes of a tag that upstream puts back to a digest it had before. */
  readonly rollback: 'hold' | 'follow';
  /** How many tags that exist may move in a run; undefined for all. */
  readonly maxMovesPerRun: number | undefined;
}

export const FOLLOW: MovePolicy = {
  policy: 'follow',
  minAge: 0,
  rollback: 'hold',
  maxMovesPerRun: undefined,
};

/** A digest that upstream showed under the tag. Times are ISO 8601, UTC. */
export interface Place {
  readonly digest: Digest;
  readonly firstSeen: string;
  /** When upstream last came back to it after another; undefined if it never did. */
  readonly returned?: string | undefined;
}

/** Where our tag stands. */
export interface Standing extends Place {
  /** Why it is held until somebody approves; undefined where it is not. */
  readonly hold?: string | undefined;
}

export type HoldCause =
  | { readonly kind: 'held'; readonly why: string }
  | { readonly kind: 'policy' }
  | { readonly kind: 'immutable' }
  /** Upstream shows what it had before it showed ours. */
  | { readonly kind: 'rollback' }
  /** @param until when the first digest that is waited for is old enough. ISO 8601, UTC */
  | { readonly kind: 'young'; readonly until: string }
  /** As many tags as may have moved in this run. */
  | { readonly kind: 'enough'; readonly moved: number };

export type Decision =
  | { readonly kind: 'keep' }
  /** @param why for the history */
  | { readonly kind: 'move'; readonly to: Digest; readonly why: string }
  | { readonly kind: 'hold'; readonly cause: HoldCause };

export interface Seen {
  /** Undefined: we have no such tag. */
  readonly ours: Standing | undefined;
  /** Every place but ours; upstream's among them, unless it is ours. */
  readonly others: readonly Place[];
  /** Where upstream's tag is now. */
  readonly upstream: Place;
}

/**
 * What upstream shows, among what it has shown. Times of one tag only grow, whatever the clock does: they are the
 * order that `decide` goes by.
 * @returns upstream's place; the one that is known, as it is, where nothing is to be noted
 */
export function observe(
  upstream: Digest,
  ours: Standing | undefined,
  others: readonly Place[],
  now: Date,
): Place {
  const places = ours === undefined ? others : [ours, ...others];
  const known = places.find(({ digest }) => digest === upstream);
  const latest = places.reduce((time, place) => Math.max(time, Date.parse(since(place))), 0);
  if (known !== undefined && Date.parse(since(known)) === latest) return known;
  const at = new Date(Math.max(now.getTime(), latest + 1)).toISOString();
  return known === undefined ? { digest: upstream, firstSeen: at } : { ...known, returned: at };
}

/** @param now the age of a digest is counted up to here */
export function decide({ ours, others, upstream }: Seen, policy: MovePolicy, now: Date): Decision {
  // Without a tag nothing would be served, and there is nothing better to stay at.
  if (ours === undefined) return { kind: 'move', to: upstream.digest, why: 'first seen' };
  if (ours.digest === upstream.digest) return { kind: 'keep' };
  if (ours.hold !== undefined) return hold({ kind: 'held', why: ours.hold });
  if (policy.policy === 'immutable') return hold({ kind: 'immutable' });
  if (policy.policy === 'hold') return hold({ kind: 'policy' });
  const isBehind = upstream.firstSeen < ours.firstSeen;
  if (isBehind && policy.rollback === 'hold') return hold({ kind: 'rollback' });

  const places = [ours, ...others];
  const ahead = others.filter(
    (place) =>
      since(place) > since(ours) &&
      (policy.rollback === 'follow' || place.firstSeen >= ours.firstSeen) &&
      !isRetracted(place, places),
  );
  const wait = (place: Place): number =>
    policy.minAge === 0 ? 0 : Date.parse(place.firstSeen) + policy.minAge - now.getTime();
  const [target] = ahead
    .filter((place) => wait(place) <= 0)
    .toSorted((one, other) => (since(one) > since(other) ? -1 : 1));
  if (target !== undefined)
    return { kind: 'move', to: target.digest, why: reasonFor(target, ours, upstream) };
  // Upstream's own place is always ahead, or the clock of whoever wrote the index is.
  const shortest = Math.min(...[upstream, ...ahead].map(wait));
  return hold({ kind: 'young', until: new Date(now.getTime() + Math.max(shortest, 0)).toISOString() });
}

function hold(cause: HoldCause): Decision {
  return { kind: 'hold', cause };
}

/** When upstream last moved to a place. */
export function since({ firstSeen, returned = firstSeen }: Pick<Place, 'firstSeen' | 'returned'>): string {
  return returned;
}

/** Upstream has gone from it back to what it showed before, and has not come again: somebody did not want it. */
function isRetracted(place: Place, places: readonly Place[]): boolean {
  return places.some(
    (other) =>
      other.returned !== undefined && other.returned > since(place) && other.firstSeen < since(place),
  );
}

function reasonFor(target: Place, ours: Place, upstream: Place): string {
  if (target.firstSeen < ours.firstSeen) return 'upstream went back';
  return target.digest === upstream.digest ? 'upstream moved' : 'newest digest that is old enough';
}

/** How many places before ours, and how many that are waited for, are remembered of a tag. */
export const KEPT_PLACES = 20;

/**
 * Which places need not be remembered any more. Those before ours go oldest first. Of those ahead, the first and the
 * last always stay, or a tag that moves faster than they grow old would wait for ever: others go where they are
 * closest together.
 */
export function surplus(ours: Place, others: readonly Place[]): Place[] {
  const sorted = others.toSorted((one, other) => (since(one) < since(other) ? -1 : 1));
  const before = sorted.filter((place) => since(place) <= since(ours));
  const ahead = sorted.filter((place) => since(place) > since(ours));
  const dropped = before.slice(0, Math.max(before.length - KEPT_PLACES, 0));
  while (ahead.length > KEPT_PLACES) {
    const gaps = ahead.slice(1, -1).map((_, index) => timeOf(ahead[index + 2]) - timeOf(ahead[index]));
    dropped.push(...ahead.splice(gaps.indexOf(Math.min(...gaps)) + 1, 1));
  }
  return dropped;
}

function timeOf(place: Place | undefined): number {
  return place === undefined ? 0 : Date.parse(since(place));
}
