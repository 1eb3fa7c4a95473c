/**
 * Whether a tag follows upstream now, and how far. Pure.
 *
 * An observed digest is one that upstream has shown under the tag. Its age is a time. Its order among the tag's other
 * digests is a pair of numbers (`sightings`), because two digests may be seen in the same millisecond, and a clock may be
 * set back. The order of the first sightings tells which digest is older. The order of the last sightings tells which
 * digests upstream has moved back from (docs/decisions/0089).
 *
 * https://github.com/regclient/regclient/issues/1067 asks for the minimum age. A minimum age that counted for the newest
 * digest alone would hold a tag that moves each day for ever.
 */
import type { Digest } from '../../../core/digest.ts';
import type { SightingOrder } from '../../../core/repository-index.ts';
import type { MovePolicy } from '../image.ts';

/** When upstream showed a digest under a tag. Times are ISO 8601, UTC. */
interface Sightings {
  readonly firstSeen: string;
  /** When upstream last came back to the digest after another one; undefined if it never did. */
  readonly returned?: string | undefined;
  /** Undefined in an index of an earlier version: then the times give the order. */
  readonly sightings?: SightingOrder | undefined;
}

/** A digest that upstream has shown under the tag. */
export interface ObservedDigest extends Sightings {
  readonly digest: Digest;
}

/** The digest that our tag points at. */
export interface CurrentTarget extends ObservedDigest {
  /** Why the tag is held until somebody approves a move; undefined if it is not held. */
  readonly hold?: string | undefined;
}

export type HoldCause =
  | { readonly kind: 'held'; readonly why: string }
  | { readonly kind: 'policy' }
  | { readonly kind: 'immutable' }
  /** Upstream shows a digest that it showed before our tag's. */
  | { readonly kind: 'rollback' }
  /** @param until when the first of the newer digests is old enough. ISO 8601, UTC */
  | { readonly kind: 'young'; readonly until: string }
  /** As many tags as may move in one run have moved. */
  | { readonly kind: 'move-limit'; readonly maxMoves: number };

export type MoveDecision =
  | { readonly kind: 'keep' }
  /** @param why for the history */
  | { readonly kind: 'move'; readonly to: Digest; readonly why: string }
  | { readonly kind: 'hold'; readonly cause: HoldCause };

/** All that is known of a tag when its move is decided. */
export interface ObservedTag {
  /** Undefined if we have no such tag. */
  readonly current: CurrentTarget | undefined;
  /** Every observed digest but the current one. `upstream` is among them, unless it is the current one. */
  readonly others: readonly ObservedDigest[];
  /** The digest that upstream's tag has now. */
  readonly upstream: ObservedDigest;
}

/**
 * Notes what upstream shows now, among all that it has shown. The numbers of a tag's sightings only grow, whatever the
 * clock does, and `decideMove` goes by them. If two digests have the same number, nobody knows which of them came later.
 * Upstream's digest then counts as the later one and gets a number of its own, because a tie would hold the tag for ever;
 * but not if our tag points at it.
 * @returns upstream's digest; the very object that was passed in if there is nothing to note
 */
export function observe(
  upstream: Digest,
  current: CurrentTarget | undefined,
  others: readonly ObservedDigest[],
  now: Date,
): ObservedDigest {
  const all = current === undefined ? others : [current, ...others];
  const earlier = all.find(({ digest }) => digest === upstream);
  const latest = Math.max(0, ...all.map((one) => orderOf(one).last));
  const next = Math.max(now.getTime(), latest + 1);
  const at = now.toISOString();
  if (earlier === undefined) {
    return { digest: upstream, firstSeen: at, sightings: { first: next, last: next } };
  }
  const { first, last } = orderOf(earlier);
  if (last < latest) return { ...earlier, returned: at, sightings: { first, last: next } };
  const orders = all.filter((one) => one !== earlier).map((one) => orderOf(one));
  if (earlier === current || !orders.some((order) => order.last === last)) return earlier;
  const isFirstTied = orders.some((order) => order.first === first);
  return { ...earlier, sightings: { first: isFirstTied ? next : first, last: next } };
}

/** The numbers of a digest's sightings, or its times if no numbers are noted. */
export function orderOf({ firstSeen, returned = firstSeen, sightings }: Sightings): SightingOrder {
  return sightings ?? { first: Date.parse(firstSeen), last: Date.parse(returned) };
}

/** Whether two records of a digest agree on when upstream showed it. */
export function isSameSighting(one: Sightings, other: Sightings): boolean {
  return (
    one.firstSeen === other.firstSeen &&
    one.returned === other.returned &&
    orderOf(one).first === orderOf(other).first &&
    orderOf(one).last === orderOf(other).last
  );
}

/** @param now up to which the age of a digest is counted */
export function decideMove(
  { current, others, upstream }: ObservedTag,
  policy: MovePolicy,
  now: Date,
): MoveDecision {
  // A young digest is better than none: without the tag, nothing would be served.
  if (current === undefined) return { kind: 'move', to: upstream.digest, why: 'first seen' };
  if (current.digest === upstream.digest) return { kind: 'keep' };
  if (current.hold !== undefined) return hold({ kind: 'held', why: current.hold });
  if (policy.policy === 'immutable') return hold({ kind: 'immutable' });
  if (policy.policy === 'hold') return hold({ kind: 'policy' });
  const isBehind = orderOf(upstream).first < orderOf(current).first;
  if (isBehind && policy.rollback === 'hold') return hold({ kind: 'rollback' });

  const all = [current, ...others];
  const ahead = others.filter(
    (one) =>
      orderOf(one).last > orderOf(current).last &&
      (policy.rollback === 'follow' || orderOf(one).first >= orderOf(current).first) &&
      !isRetracted(one, all),
  );
  const waitMs = ({ firstSeen }: ObservedDigest): number =>
    policy.minAgeMs === 0 ? 0 : Date.parse(firstSeen) + policy.minAgeMs - now.getTime();
  const [target] = ahead
    .filter((one) => waitMs(one) <= 0)
    .toSorted((one, other) => orderOf(other).last - orderOf(one).last);
  if (target !== undefined) {
    return { kind: 'move', to: target.digest, why: reasonFor(target, current, upstream) };
  }
  // Upstream's own digest is always ahead, because `observe` has given it the greatest number.
  const shortestMs = Math.min(...[upstream, ...ahead].map(waitMs));
  return hold({ kind: 'young', until: new Date(now.getTime() + Math.max(shortestMs, 0)).toISOString() });
}

function hold(cause: HoldCause): MoveDecision {
  return { kind: 'hold', cause };
}

/** When upstream last moved its tag to a digest. ISO 8601, UTC. */
export function lastArrival({ firstSeen, returned = firstSeen }: Omit<Sightings, 'sightings'>): string {
  return returned;
}

/** Whether upstream has gone back from a digest to an earlier one, and not come again: somebody did not want it. */
function isRetracted(observed: ObservedDigest, all: readonly ObservedDigest[]): boolean {
  const { last } = orderOf(observed);
  return all.some((other) => orderOf(other).last > last && orderOf(other).first < last);
}

function reasonFor(target: ObservedDigest, current: ObservedDigest, upstream: ObservedDigest): string {
  if (orderOf(target).first < orderOf(current).first) return 'upstream went back';
  return target.digest === upstream.digest ? 'upstream moved' : 'newest digest that is old enough';
}

/** How many digests before the current one, and how many ahead of it, are remembered per tag. */
export const MAX_REMEMBERED = 20;

/**
 * Finds the digests that need not be remembered any more. Of those before the current one, the oldest go first. Of those
 * ahead, the digests that are closest together go first, but never the first or the last one: otherwise a tag that moves
 * faster than its digests grow old would wait for ever.
 */
export function findSurplus(current: ObservedDigest, others: readonly ObservedDigest[]): ObservedDigest[] {
  const sorted = others.toSorted((one, other) => orderOf(one).last - orderOf(other).last);
  const { last } = orderOf(current);
  const before = sorted.filter((one) => orderOf(one).last <= last);
  const ahead = sorted.filter((one) => orderOf(one).last > last);
  const dropped = before.slice(0, Math.max(before.length - MAX_REMEMBERED, 0));
  while (ahead.length > MAX_REMEMBERED) {
    const gaps = ahead.slice(1, -1).map((_, index) => timeOf(ahead[index + 2]) - timeOf(ahead[index]));
    dropped.push(...ahead.splice(gaps.indexOf(Math.min(...gaps)) + 1, 1));
  }
  return dropped;
}

function timeOf(observed: ObservedDigest | undefined): number {
  return observed === undefined ? 0 : Date.parse(lastArrival(observed));
}
