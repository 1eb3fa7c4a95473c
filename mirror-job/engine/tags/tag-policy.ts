/**
 * Whether a tag follows upstream now, and how far. Pure.
 *
 * A place is a digest that upstream showed under the tag. Its age is a time. Its order among the other places is a pair
 * of numbers (`sightings`), because two digests may be seen in the same millisecond, and a clock may be set back. The
 * order of the first sightings says what is older than what; the order of the last sightings says where upstream has
 * moved back from (docs/decisions/0089). https://github.com/regclient/regclient/issues/1067 asks for the minimum age;
 * one that counted for the newest place alone would hold a tag that moves each day for ever.
 */
import type { Digest } from '../../../core/digest.ts';
import type { SightingOrder } from '../../../core/repository-index.ts';

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
export interface ObservedDigest {
  readonly digest: Digest;
  readonly firstSeen: string;
  /** When upstream last came back to it after another; undefined if it never did. */
  readonly returned?: string | undefined;
  /** Left out by an earlier version: then the times give the order. */
  readonly sightings?: SightingOrder | undefined;
}

/** Where our tag stands. */
export interface CurrentTarget extends ObservedDigest {
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

export type MoveDecision =
  | { readonly kind: 'keep' }
  /** @param why for the history */
  | { readonly kind: 'move'; readonly to: Digest; readonly why: string }
  | { readonly kind: 'hold'; readonly cause: HoldCause };

export interface ObservedTag {
  /** Undefined: we have no such tag. */
  readonly ours: CurrentTarget | undefined;
  /** Every place but ours; upstream's among them, unless it is ours. */
  readonly others: readonly ObservedDigest[];
  /** Where upstream's tag is now. */
  readonly upstream: ObservedDigest;
}

/**
 * What upstream shows, among what it has shown. The numbers of a tag's sightings only grow, whatever the clock does:
 * `decideMove` goes by them. If two places have the same number, nobody knows which of them came later. Upstream's place,
 * unless ours is there, then counts as the later one and gets a number of its own, because a tie would hold the tag for
 * ever.
 * @returns upstream's place; the one that is known, as it is, where nothing is to be noted
 */
export function observe(
  upstream: Digest,
  ours: CurrentTarget | undefined,
  others: readonly ObservedDigest[],
  now: Date,
): ObservedDigest {
  const places = ours === undefined ? others : [ours, ...others];
  const known = places.find(({ digest }) => digest === upstream);
  const latest = Math.max(0, ...places.map((place) => orderOf(place).last));
  const next = Math.max(now.getTime(), latest + 1);
  const at = now.toISOString();
  if (known === undefined) {
    return { digest: upstream, firstSeen: at, sightings: { first: next, last: next } };
  }
  const { first, last } = orderOf(known);
  if (last < latest) return { ...known, returned: at, sightings: { first, last: next } };
  const orders = places.filter((place) => place !== known).map((place) => orderOf(place));
  if (known === ours || !orders.some((order) => order.last === last)) return known;
  const isFirstTied = orders.some((order) => order.first === first);
  return { ...known, sightings: { first: isFirstTied ? next : first, last: next } };
}

/** By the times, where no numbers are noted. */
export function orderOf({
  firstSeen,
  returned = firstSeen,
  sightings,
}: Pick<ObservedDigest, 'firstSeen' | 'returned' | 'sightings'>): SightingOrder {
  return sightings ?? { first: Date.parse(firstSeen), last: Date.parse(returned) };
}

/** Whether two places, or what is noted of one, say the same of when upstream showed it. */
export function isSameSighting(
  one: Pick<ObservedDigest, 'firstSeen' | 'returned' | 'sightings'>,
  other: Pick<ObservedDigest, 'firstSeen' | 'returned' | 'sightings'>,
): boolean {
  return (
    one.firstSeen === other.firstSeen &&
    one.returned === other.returned &&
    orderOf(one).first === orderOf(other).first &&
    orderOf(one).last === orderOf(other).last
  );
}

/** @param now the age of a digest is counted up to here */
export function decideMove(
  { ours, others, upstream }: ObservedTag,
  policy: MovePolicy,
  now: Date,
): MoveDecision {
  // Without a tag nothing would be served, and there is nothing better to stay at.
  if (ours === undefined) return { kind: 'move', to: upstream.digest, why: 'first seen' };
  if (ours.digest === upstream.digest) return { kind: 'keep' };
  if (ours.hold !== undefined) return hold({ kind: 'held', why: ours.hold });
  if (policy.policy === 'immutable') return hold({ kind: 'immutable' });
  if (policy.policy === 'hold') return hold({ kind: 'policy' });
  const isBehind = orderOf(upstream).first < orderOf(ours).first;
  if (isBehind && policy.rollback === 'hold') return hold({ kind: 'rollback' });

  const places = [ours, ...others];
  const ahead = others.filter(
    (place) =>
      orderOf(place).last > orderOf(ours).last &&
      (policy.rollback === 'follow' || orderOf(place).first >= orderOf(ours).first) &&
      !isRetracted(place, places),
  );
  const wait = (place: ObservedDigest): number =>
    policy.minAge === 0 ? 0 : Date.parse(place.firstSeen) + policy.minAge - now.getTime();
  const [target] = ahead
    .filter((place) => wait(place) <= 0)
    .toSorted((one, other) => orderOf(other).last - orderOf(one).last);
  if (target !== undefined)
    return { kind: 'move', to: target.digest, why: reasonFor(target, ours, upstream) };
  // Upstream's own place is always ahead: `observe` has given it the greatest number.
  const shortest = Math.min(...[upstream, ...ahead].map(wait));
  return hold({ kind: 'young', until: new Date(now.getTime() + Math.max(shortest, 0)).toISOString() });
}

function hold(cause: HoldCause): MoveDecision {
  return { kind: 'hold', cause };
}

/** When upstream last moved to a place. */
export function since({
  firstSeen,
  returned = firstSeen,
}: Pick<ObservedDigest, 'firstSeen' | 'returned'>): string {
  return returned;
}

/** Upstream has gone from it back to what it showed before, and has not come again: somebody did not want it. */
function isRetracted(place: ObservedDigest, places: readonly ObservedDigest[]): boolean {
  const { last } = orderOf(place);
  return places.some((other) => orderOf(other).last > last && orderOf(other).first < last);
}

function reasonFor(target: ObservedDigest, ours: ObservedDigest, upstream: ObservedDigest): string {
  if (orderOf(target).first < orderOf(ours).first) return 'upstream went back';
  return target.digest === upstream.digest ? 'upstream moved' : 'newest digest that is old enough';
}

/** How many places before ours, and how many that are waited for, are remembered of a tag. */
export const MAX_REMEMBERED = 20;

/**
 * Which places need not be remembered any more. Those before ours go oldest first. Of those ahead, the first and the
 * last always stay, or a tag that moves faster than they grow old would wait for ever: others go where they are
 * closest together.
 */
export function findSurplus(ours: ObservedDigest, others: readonly ObservedDigest[]): ObservedDigest[] {
  const sorted = others.toSorted((one, other) => orderOf(one).last - orderOf(other).last);
  const { last } = orderOf(ours);
  const before = sorted.filter((place) => orderOf(place).last <= last);
  const ahead = sorted.filter((place) => orderOf(place).last > last);
  const dropped = before.slice(0, Math.max(before.length - MAX_REMEMBERED, 0));
  while (ahead.length > MAX_REMEMBERED) {
    const gaps = ahead.slice(1, -1).map((_, index) => timeOf(ahead[index + 2]) - timeOf(ahead[index]));
    dropped.push(...ahead.splice(gaps.indexOf(Math.min(...gaps)) + 1, 1));
  }
  return dropped;
}

function timeOf(place: ObservedDigest | undefined): number {
  return place === undefined ? 0 : Date.parse(since(place));
}
