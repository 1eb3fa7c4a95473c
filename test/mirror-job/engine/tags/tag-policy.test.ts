/** Whether a tag follows upstream: an example per rule. */
import { describe, expect, test } from 'vitest';
import { parseDigest, type Digest } from '../../../../core/digest.ts';
import type { SightingOrder } from '../../../../core/repository-index.ts';
import {
  MAX_REMEMBERED,
  decideMove,
  observe,
  orderOf,
  findSurplus,
  type MoveDecision,
  type ObservedDigest,
  type CurrentTarget,
} from '../../../../mirror-job/engine/tags/tag-policy.ts';
import { FOLLOW, type MovePolicy } from '../../../../mirror-job/engine/image.ts';

const DAY = 86_400_000;
const START = Date.parse('2026-01-01T00:00:00.000Z');
const day = (days: number): string => new Date(START + days * DAY).toISOString();
const digest = (name: string): Digest =>
  parseDigest(`sha256:${Buffer.from(name).toString('hex').padEnd(64, '0')}`);

/** `a0` was seen first on day 0; `a0+3` was seen again on day 3. */
function sighted(text: string): ObservedDigest {
  const [, name = '', first, again] = /^([a-z])(\d+)(?:\+(\d+))?$/.exec(text) ?? [];
  return {
    digest: digest(name),
    firstSeen: day(Number(first)),
    ...(again !== undefined && { returned: day(Number(again)) }),
  };
}

function decided(
  [ours, others, upstream, today]: readonly [string, string, string, number],
  policy: Partial<MovePolicy>,
  hold?: string,
): string {
  const digests = others.split(' ').filter((text) => text !== '');
  const standing: CurrentTarget | undefined = ours === '' ? undefined : { ...sighted(ours), hold };
  return textOf(
    decideMove(
      { current: standing, others: digests.map(sighted), upstream: sighted(upstream) },
      { ...FOLLOW, ...policy },
      new Date(START + today * DAY),
    ),
  );
}

function textOf(decision: MoveDecision): string {
  if (decision.kind === 'keep') return 'keep';
  if (decision.kind === 'move') {
    return `${String.fromCodePoint(parseInt(decision.to.slice(7, 9), 16))}: ${decision.why}`;
  }
  return decision.cause.kind === 'young' ? `young until ${decision.cause.until}` : decision.cause.kind;
}

const AGED = { minAgeMs: 3 * DAY };
const BACK = { rollback: 'follow' } as const;

describe('decideMove', () => {
  test.each<
    [
      what: string,
      script: readonly [current: string, others: string, upstream: string, today: number],
      policy: Partial<MovePolicy>,
      decision: string,
    ]
  >([
    ['a tag that is new', ['', 'a0', 'a0', 0], {}, 'a: first seen'],
    ['a tag that is new, however young its digest', ['', 'a0', 'a0', 0], AGED, 'a: first seen'],
    ['a tag that is new, under every policy', ['', 'a0', 'a0', 0], { policy: 'hold' }, 'a: first seen'],
    ['nothing new', ['a0', '', 'a0', 9], {}, 'keep'],
    ['a movement', ['a0', 'b1', 'b1', 1], {}, 'b: upstream moved'],
    ['a movement to a digest that is too young', ['a0', 'b1', 'b1', 3], AGED, `young until ${day(4)}`],
    [
      'a movement to a digest that is old enough to the day',
      ['a0', 'b1', 'b1', 4],
      AGED,
      'b: upstream moved',
    ],
    [
      'a tag that moves each day follows three days behind',
      ['a0', 'b1 c2 d3 e4 f5', 'f5', 5],
      AGED,
      'c: newest digest that is old enough',
    ],
    [
      'a tag that moves each day waits for the next digest to be old enough',
      ['c2', 'a0 b1 d3 e4 f5', 'f5', 5],
      AGED,
      `young until ${day(6)}`,
    ],
    ['upstream moved back from a digest that is old enough', ['a0+2', 'b1', 'a0+2', 9], AGED, 'keep'],
    [
      'upstream moved back, and then on to a digest that is too young',
      ['a0+2', 'b1 c8', 'c8', 9],
      AGED,
      `young until ${day(11)}`,
    ],
    [
      'upstream moved back, and then again to a digest that has been known for long',
      ['a0+2', 'b1+8', 'b1+8', 9],
      AGED,
      'b: upstream moved',
    ],
    [
      'upstream moved back among the digests that are too young: the later one does not count',
      ['a0', 'b1+3 c2', 'b1+3', 9],
      AGED,
      'b: upstream moved',
    ],
    ['a rollback', ['b1', 'a0+2', 'a0+2', 2], {}, 'rollback'],
    ['a rollback that is to be followed', ['b1', 'a0+2', 'a0+2', 2], BACK, 'a: upstream went back'],
    [
      'a rollback to a digest that is too young',
      ['b2', 'a1+3', 'a1+3', 3],
      { ...AGED, ...BACK },
      `young until ${day(4)}`,
    ],
    ['a rollback, and on', ['b1', 'a0+2 c3', 'c3', 3], {}, 'c: upstream moved'],
    [
      'a rollback past a digest that was too young, and on: that digest was retracted',
      ['b1', 'c2 a0+3 d8', 'd8', 9],
      AGED,
      `young until ${day(11)}`,
    ],
    [
      'a digest before the current one is not ahead',
      ['b1', 'a0 c8', 'c8', 9],
      { ...AGED, ...BACK },
      `young until ${day(11)}`,
    ],
    [
      'upstream went back and forth: the digest in between does not count',
      ['a0', 'c3 b2+9', 'b2+9', 9],
      AGED,
      'b: upstream moved',
    ],
    [
      'upstream went back and forth: the digest in between does not count although it is as old',
      ['a0', 'b1+5 c2+6', 'c2+6', 4],
      AGED,
      `young until ${day(5)}`,
    ],
    ['policy: hold', ['a0', 'b1', 'b1', 9], { policy: 'hold' }, 'policy'],
    ['policy: immutable', ['a0', 'b1', 'b1', 9], { policy: 'immutable' }, 'immutable'],
    ['an immutable tag that is back', ['a0+2', 'b1', 'a0+2', 9], { policy: 'immutable' }, 'keep'],
  ])('%s', (_what, script, policy, decision) => {
    expect(decided(script, policy)).toBe(decision);
  });

  test.each(['follow', 'hold', 'immutable'] as const)(
    'keeps a held tag where it is (policy: %s)',
    (policy) => {
      expect(decided(['a0', 'b1', 'b1', 9], { policy }, 'reverted by hand')).toBe('held');
      expect(decided(['a0', '', 'a0', 9], { policy }, 'reverted by hand')).toBe('keep');
    },
  );
});

test('a tag follows an upstream whose digest was seen in the same millisecond as ours', () => {
  const now = new Date(START + DAY);
  const [ours, other] = [sighted('a0'), sighted('b0')];
  const upstream = observe(other.digest, ours, [other], now);
  expect(decideMove({ current: ours, others: [upstream], upstream }, FOLLOW, now)).toEqual({
    kind: 'move',
    to: other.digest,
    why: 'upstream moved',
  });
  // From there the way back is a rollback, as it is from any other digest.
  const back = observe(ours.digest, upstream, [ours], now);
  expect(decideMove({ current: upstream, others: [back], upstream: back }, FOLLOW, now)).toEqual({
    kind: 'hold',
    cause: { kind: 'rollback' },
  });
});

describe('observe', () => {
  const now = new Date(day(5));
  test.each<
    [what: string, current: string | undefined, others: readonly string[], upstream: string, seen: string]
  >([
    ['the first digest', undefined, [], 'a', 'a5'],
    ['a digest that is new', 'a0', [], 'b', 'b5'],
    ['the same digest as last time', 'a0', ['b1'], 'b', 'b1'],
    ['our tag’s digest', 'a0', [], 'a', 'a0'],
    ['back at our tag’s digest', 'a0', ['b1'], 'a', 'a0+5'],
    ['back at an earlier digest', 'b1', ['a0'], 'a', 'a0+5'],
    ['still at an earlier digest', 'b1', ['a0+4'], 'a', 'a0+4'],
    ['at an earlier digest for a second time', 'b1', ['a0+2', 'c3'], 'a', 'a0+5'],
  ])('%s', (_what, ours, others, upstream, seen) => {
    const standing = ours === undefined ? undefined : sighted(ours);
    const observed = observe(digest(upstream), standing, others.map(sighted), now);
    const times = { ...observed, sightings: undefined };
    expect(times).toEqual(sighted(seen));
    // The numbers say the same as the times, because this clock was never wrong.
    expect(orderOf(observed)).toEqual(orderOf(times));
  });

  test('makes no digest older than the one before it if a clock was set back, and counts its age by that clock', () => {
    const after = START + 9 * DAY + 1;
    expect(observe(digest('b'), sighted('a9'), [], now)).toEqual({
      digest: digest('b'),
      firstSeen: day(5),
      sightings: { first: after, last: after },
    });
    expect(observe(digest('a'), sighted('a1'), [sighted('b9')], now)).toEqual({
      digest: digest('a'),
      firstSeen: day(1),
      returned: day(5),
      sightings: { first: START + DAY, last: after },
    });
  });

  test.each<[what: string, current: string, other: string, sightings: SightingOrder | undefined]>([
    [
      'upstream is at the other digest',
      'a5',
      'b5',
      { first: START + 5 * DAY + 1, last: START + 5 * DAY + 1 },
    ],
    [
      'upstream is at the other digest, which came back then',
      'a5',
      'b1+5',
      { first: START + DAY, last: START + 5 * DAY + 1 },
    ],
    [
      'upstream is at the other digest, and ours came back then',
      'a1+5',
      'b5',
      { first: START + 5 * DAY, last: START + 5 * DAY + 1 },
    ],
  ])(
    'gives a number of its own to one of two digests of one millisecond: %s',
    (_what, ours, other, sightings) => {
      const upstream = digest('b');
      expect(observe(upstream, sighted(ours), [sighted(other)], now)).toEqual({
        ...sighted(other),
        sightings,
      });
      // Nothing says that upstream left ours, so nothing is noted.
      const own = sighted(ours);
      expect(observe(digest('a'), own, [sighted(other)], now)).toBe(own);
    },
  );
});

function at(name: string, time: number): ObservedDigest {
  return { digest: digest(name), firstSeen: day(time) };
}

describe('findSurplus', () => {
  test('has the oldest of the digests before the current one', () => {
    const before = Array.from({ length: MAX_REMEMBERED + 2 }, (_, index) => at(`p${index}`, index));
    expect(findSurplus(at('ours', 100), before)).toEqual(before.slice(0, 2));
    expect(findSurplus(at('ours', 100), before.slice(2))).toEqual([]);
  });

  test('has the digests ahead of the current one that are closest together, and never the first or the last', () => {
    const ahead = Array.from({ length: MAX_REMEMBERED }, (_, index) => at(`p${index}`, 10 + 2 * index));
    const close = { digest: digest('close'), firstSeen: new Date(START + 16.5 * DAY).toISOString() };
    expect(findSurplus(at('ours', 0), [...ahead, close])).toEqual([close]);
    const first = { digest: digest('first'), firstSeen: new Date(START + 9.9 * DAY).toISOString() };
    expect(findSurplus(at('ours', 0), [...ahead, first])).toEqual([ahead[0]]);
  });
});
