/** Rules that hold for a tag whatever upstream and people do, in any order. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseDigest, type Digest } from '../../../../core/digest.ts';
import {
  decideMove,
  observe,
  findSurplus,
  type MoveDecision,
  type ObservedDigest,
  type CurrentTarget,
} from '../../../../mirror-job/engine/tags/tag-policy.ts';
import { FOLLOW, type MovePolicy } from '../../../../mirror-job/engine/image.ts';

const HOUR = 3_600_000;
const START = Date.parse('2026-01-01T00:00:00.000Z');

const digest = (number: number): Digest => parseDigest(`sha256:${number.toString(16).padStart(64, '0')}`);

/** One look at upstream, which shows a digest, and what a person does before it. */
interface Step {
  readonly hours: number;
  readonly upstream: number;
  readonly person: 'nothing' | 'approves' | 'reverts';
}

interface Look {
  readonly at: number;
  readonly before: Digest | undefined;
  readonly after: Digest;
  readonly decision: MoveDecision;
  readonly isHeld: boolean;
}

/** Keeps in memory what a run keeps in the index. */
class Tag {
  current: CurrentTarget | undefined;
  others: ObservedDigest[] = [];
  readonly policy: MovePolicy;
  #now = START;

  constructor(rules: MovePolicy) {
    this.policy = rules;
  }

  look({ hours, upstream }: Step): Look {
    this.#now += hours * HOUR;
    const now = new Date(this.#now);
    const seen = observe(digest(upstream), this.current, this.others, now);
    const before = this.current;
    this.#note(seen);
    const decision = decideMove(
      { current: this.current, others: this.others, upstream: seen },
      this.policy,
      now,
    );
    if (decision.kind === 'move') this.#stand(decision.to, undefined);
    const ours = this.current;
    if (ours === undefined) throw new Error('A tag that was looked at is there.');
    const dropped = findSurplus(ours, this.others);
    this.others = this.others.filter((place) => !dropped.includes(place));
    return {
      at: this.#now,
      before: before?.digest,
      after: ours.digest,
      decision,
      isHeld: before?.hold !== undefined,
    };
  }

  act({ person }: Step): void {
    const [other] = this.others.toSorted((one, two) => (one.digest < two.digest ? -1 : 1));
    if (person === 'nothing' || other === undefined) return;
    this.#stand(other.digest, person === 'reverts' ? 'reverted by hand' : undefined);
  }

  #note(seen: ObservedDigest): void {
    if (this.current?.digest === seen.digest) this.current = { ...this.current, ...seen };
    else this.others = [...this.others.filter((place) => place.digest !== seen.digest), seen];
  }

  #stand(to: Digest, hold: string | undefined): void {
    const place = this.others.find((other) => other.digest === to);
    if (place === undefined) throw new Error('A tag moves to what was seen.');
    const left = this.current === undefined ? [] : [{ ...this.current, hold: undefined }];
    this.others = [...this.others.filter((other) => other !== place), ...left];
    this.current = { ...place, hold };
  }
}

const step: fc.Arbitrary<Step> = fc.record({
  hours: fc.constantFrom(0, 1, 5, 24, 80),
  upstream: fc.integer({ min: 0, max: 5 }),
  person: fc.constantFrom('nothing', 'nothing', 'nothing', 'approves', 'reverts'),
});
const policy: fc.Arbitrary<MovePolicy> = fc.record({
  policy: fc.constantFrom('follow', 'follow', 'hold', 'immutable'),
  minAgeMs: fc.constantFrom(0, HOUR, 24 * HOUR, 72 * HOUR),
  rollback: fc.constantFrom('hold', 'follow'),
  maxMovesPerRun: fc.constant(undefined),
});

/** @param shown the order in which each digest was shown first, as the test has seen it: later ones are greater */
function complaintsOf(
  { at, before, after, isHeld }: Look,
  rules: MovePolicy,
  shown: ReadonlyMap<Digest, number>,
): string[] {
  if (before === undefined || after === before) return [];
  const to = shown.get(after) ?? Infinity;
  const from = shown.get(before) ?? Infinity;
  return [
    ...(isHeld ? ['it was held'] : []),
    ...(rules.policy === 'follow' ? [] : [`the policy is ${rules.policy}`]),
    ...(at - Math.floor(to) >= rules.minAgeMs ? [] : ['it is too young']),
    ...(rules.rollback === 'follow' || to > from ? [] : ['it is a way back']),
  ];
}

test('no tag moves before its time, back without being asked, or against its policy', () => {
  fc.assert(
    fc.property(policy, fc.array(step, { maxLength: 40 }), (rules, steps) => {
      const tag = new Tag(rules);
      const shown = new Map<Digest, number>();
      let order = 0;
      for (const one of steps) {
        order += 1;
        const known = shown.has(digest(one.upstream));
        const look = tag.look(one);
        if (!known) shown.set(digest(one.upstream), look.at + order / 1000);
        expect(complaintsOf(look, rules, shown)).toEqual([]);
        expect(look.decision.kind === 'keep').toBe(look.before === digest(one.upstream));
        tag.act(one);
      }
    }),
    { numRuns: 2000 },
  );
});

test('a tag that follows rollbacks, and has no minimum age, is where upstream is', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const tag = new Tag({ ...FOLLOW, rollback: 'follow' });
      for (const one of steps) expect(tag.look(one).after).toBe(digest(one.upstream));
    }),
  );
});

test('a tag never moves to a digest that upstream has moved back from, and not come to again', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const tag = new Tag({ ...FOLLOW, minAgeMs: 24 * HOUR });
      /** Upstream's history: when upstream goes back to a digest, all that came after it is dropped. */
      let line: Digest[] = [];
      for (const one of steps) {
        const upstream = digest(one.upstream);
        const at = line.indexOf(upstream);
        line = at === -1 ? [...line, upstream] : line.slice(0, at + 1);
        const look = tag.look(one);
        const isMoved = look.before !== undefined && look.after !== look.before;
        expect(isMoved ? line : [look.after]).toContain(look.after);
        tag.act(one);
      }
    }),
    { numRuns: 2000 },
  );
});

test('a tag follows an upstream that only goes forward, however fast, at the distance of its minimum age', () => {
  const gaps = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(gaps, fc.constantFrom(24, 72, 200), (hours, age) => {
      const tag = new Tag({ ...FOLLOW, minAgeMs: age * HOUR });
      const shown: { digest: Digest; at: number }[] = [];
      for (const [index, gap] of hours.entries()) {
        const { at, after } = tag.look({ hours: gap, upstream: index, person: 'nothing' });
        shown.push({ digest: digest(index), at });
        const ours = shown.findIndex((one) => one.digest === after);
        const due = shown.findLastIndex((one) => at - one.at >= age * HOUR);
        // Only some of the newer digests are remembered, so the tag may lag behind, but by less than the minimum age.
        const lag = due === -1 ? 0 : (shown[due]?.at ?? 0) - (shown[ours]?.at ?? 0);
        expect(lag).toBeLessThanOrEqual(hours.length <= 20 ? 0 : 60 * HOUR);
      }
    }),
    { numRuns: 300 },
  );
});

test('the same history leads to the same decision, in whatever order it is read', () => {
  fc.assert(
    fc.property(policy, fc.array(step, { minLength: 1, maxLength: 30 }), fc.nat(), (rules, steps, turn) => {
      const tag = new Tag(rules);
      for (const one of steps) tag.look(one);
      const { current: ours, others } = tag;
      const [upstream = ours] = others;
      if (upstream === undefined || ours === undefined) throw new Error('It was looked at.');
      const now = new Date(START + 1000 * HOUR);
      const cut = turn % Math.max(others.length, 1);
      const turned = [...others.slice(cut), ...others.slice(0, cut)].toReversed();
      expect(decideMove({ current: ours, others: turned, upstream }, rules, now)).toEqual(
        decideMove({ current: ours, others, upstream }, rules, now),
      );
      expect(new Set(findSurplus(ours, turned))).toEqual(new Set(findSurplus(ours, others)));
    }),
  );
});
