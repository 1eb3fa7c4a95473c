/** Runs, approvals and reverts of one tag in any order, with runs that die, and an index that gets lost. */
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { MoveRefusedError } from '../../../../mirror-job/engine/tags/move-by-hand.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { StoreError } from '../../../../mirror-job/engine/store/store.ts';
import type { MovePolicy } from '../../../../mirror-job/engine/image.ts';
import { DAY, environmentFor, imageOf } from '../../support/harness.ts';
import { INDEX_KEY, TAG_KEY, TagFixture } from './tag-fixture.ts';

const NAMES = ['a', 'b', 'c', 'd'] as const;

type Name = (typeof NAMES)[number];

type Step =
  | { readonly do: 'push'; readonly name: Name }
  /** A command moves the tag. @param writes after which the command dies; undefined if it does not */
  | { readonly do: 'approve' | 'list' | 'to'; readonly name: Name; readonly writes: number | undefined }
  | { readonly do: 'revert'; readonly writes: number | undefined }
  | { readonly do: 'lose' }
  | { readonly do: 'wait'; readonly days: number }
  /** @param writes after which the run dies; undefined if it does not */
  | { readonly do: 'run'; readonly writes: number | undefined }
  /** A run during which, before its write of that number, somebody reverts the tag, or another run finds upstream elsewhere. */
  | { readonly do: 'race'; readonly write: number; readonly other: 'revert' | 'stay' | Name };

const name = fc.constantFrom(...NAMES);
const mayDie = fc.option(fc.nat({ max: 9 }), { nil: undefined });

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('push' as const), name }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('approve' as const, 'list' as const, 'to' as const),
      name,
      writes: mayDie,
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('run' as const), writes: mayDie }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('race' as const),
      write: fc.nat({ max: 3 }),
      other: fc.oneof(fc.constantFrom('revert' as const, 'stay' as const), name),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('revert' as const), writes: mayDie }) },
  { weight: 1, arbitrary: fc.constant({ do: 'lose' as const }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('wait' as const), days: fc.integer({ min: 1, max: 3 }) }),
  },
);

const policy: fc.Arbitrary<MovePolicy> = fc.record({
  policy: fc.constantFrom('follow' as const, 'follow' as const, 'hold' as const, 'immutable' as const),
  minAgeMs: fc.constantFrom(0, 2 * DAY),
  rollback: fc.constantFrom('hold' as const, 'follow' as const),
  maxMovesPerRun: fc.constantFrom(undefined, 1),
});

class Scene {
  readonly fixture = new TagFixture();
  readonly mistakes: unknown[] = [];
  readonly #moves: MovePolicy;
  /** Per digest: when it was first seen, according to the index. */
  readonly #seen = new Map<string, string>();

  constructor(moves: MovePolicy) {
    this.#moves = moves;
  }

  /** @returns how many of its items failed */
  async run(): Promise<number> {
    const { fixture } = this;
    fixture.clock.advance(60_000);
    fixture.source.calls.length = 0;
    fixture.store.calls.length = 0;
    const environment = environmentFor(fixture.store, { clock: fixture.clock });
    const image = imageOf(fixture.source, fixture.repository, { tags: ['latest'], moves: this.#moves });
    const { counts } = await runMirror(environment, 'default', [image]);
    return counts.failed;
  }

  /** The tag's digest and hold; undefined if there is no tag. */
  get stands() {
    return this.fixture.store.objects.has(TAG_KEY) ? this.fixture.stands() : undefined;
  }

  /** The tag's entry in the index. */
  get entry() {
    if (!this.fixture.store.objects.has(INDEX_KEY)) return undefined;
    return this.fixture.index().find((entry) => entry.kind === 'tag');
  }

  /** Reads the index. @param isAnew whether to forget what was read before */
  note(isAnew: boolean): void {
    if (isAnew) this.#seen.clear();
    if (!this.fixture.store.objects.has(INDEX_KEY)) return;
    for (const { digest, firstSeen } of this.fixture.index()) {
      if (!this.#seen.has(digest)) this.#seen.set(digest, firstSeen);
    }
  }

  /** Checks what a run did to the tag, whether the run ended or died. */
  async runChecked(run: () => Promise<unknown>): Promise<void> {
    const before = this.stands;
    const seen = new Map(this.#seen);
    await run();
    const after = this.stands;
    if (before === undefined || after === undefined) {
      this.#claim('no tag goes away', before, undefined);
      return;
    }
    if (before.hold !== undefined || this.#moves.policy !== 'follow') {
      this.#claim('held', [after.digest, after.hold], [before.digest, before.hold]);
    }
    if (before.digest === after.digest) return;
    const target = seen.get(after.digest);
    const since = seen.get(before.digest);
    if (this.#moves.minAgeMs > 0) {
      const age = this.fixture.clock.now().getTime() - Date.parse(target ?? '');
      this.#claim('old enough', age >= this.#moves.minAgeMs, true);
    }
    if (this.#moves.rollback === 'hold' && target !== undefined && since !== undefined) {
      this.#claim('forward', target >= since, true);
    }
  }

  #claim(what: string, actual: unknown, expected: unknown): void {
    if (!isDeepStrictEqual(actual, expected)) this.mistakes.push({ what, actual, expected });
  }

  /** Lets an action die after so many writes, or live if undefined. */
  async dying(writes: number | undefined, act: () => Promise<unknown>): Promise<void> {
    const { store } = this.fixture;
    let left = writes ?? Infinity;
    store.before = (call) => {
      if (left < 0) throw new StoreError('the process is gone');
      if (call !== 'put') return;
      left -= 1;
      if (left < 0) throw new StoreError('the process is gone');
    };
    await act();
    store.before = () => {};
  }

  /** Does something during a run. */
  async raced(write: number, act: () => Promise<unknown>): Promise<void> {
    const { store } = this.fixture;
    let left = write;
    store.before = async (call) => {
      if (call !== 'put') return;
      left -= 1;
      if (left !== -1) return;
      await act();
    };
    await this.run();
    store.before = () => {};
  }

  /** A command may be refused, which is fine here. */
  async byHand(writes: number | undefined, act: () => Promise<unknown>): Promise<void> {
    await this.dying(writes, async () => {
      try {
        await act();
      } catch (error) {
        const isRefused = error instanceof MoveRefusedError || error instanceof StoreError;
        if (!isRefused && !/is not stored|was pushed/.test(String(error))) throw error;
      }
    });
  }

  async do(step: Step): Promise<void> {
    const { fixture } = this;
    switch (step.do) {
      case 'push':
        await fixture.push(step.name);
        return;
      case 'wait':
        fixture.clock.advance(step.days * DAY);
        return;
      case 'lose':
        fixture.store.objects.delete(INDEX_KEY);
        return;
      case 'run':
        await this.runChecked(() => this.dying(step.writes, () => this.run()));
        if (step.writes === undefined && this.stands !== undefined) {
          const { digest, hold } = this.stands;
          this.#claim('in the index', [this.entry?.digest, this.entry?.hold], [digest, hold]);
        }
        return;
      case 'race': {
        const { other } = step;
        if (other === 'revert' || other === 'stay') {
          let hold: string | undefined;
          await this.raced(step.write, () =>
            this.byHand(undefined, async () => {
              const { stands } = this;
              const to = other === 'stay' && stands !== undefined ? fixture.nameOf(stands.digest) : undefined;
              await fixture.revert(to === undefined ? {} : { to });
              hold = this.stands?.hold;
            }),
          );
          if (hold !== undefined) this.#claim('the hold stays', this.stands?.hold, hold);
          return;
        }
        let newest: string | undefined;
        await this.runChecked(() =>
          this.raced(step.write, async () => {
            const from = this.stands?.digest;
            const digest = await fixture.push(other);
            await this.run();
            if (from !== digest && this.stands?.digest === digest) newest = digest;
          }),
        );
        // The run that was overtaken does not move the tag back.
        if (newest !== undefined) this.#claim('not moved back', this.stands?.digest, newest);
        return;
      }
      case 'approve':
        await this.byHand(step.writes, () => fixture.approve(step.name));
        return;
      case 'list':
        await this.byHand(step.writes, () => fixture.approve(step.name, { isListed: true }));
        return;
      case 'to':
        await this.byHand(step.writes, () => fixture.revert({ to: step.name }));
        return;
      case 'revert':
        await this.byHand(step.writes, () => fixture.revert());
    }
  }

  /** Checks that a run which finds nothing new asks once, and writes nothing. */
  async checkNoOp(): Promise<void> {
    // Without an index, the first run asks what upstream shows, and the second one asks for referrers.
    for (const _ of [1, 2, 3]) await this.run();
    this.#claim('asked', [...this.fixture.source.calls], ['resolve latest']);
    const puts = this.fixture.store.calls.filter((call) => call.startsWith('put repositories/'));
    this.#claim('written', puts, []);
  }
}

test('a hold holds, no tag moves back or early by itself, and the index says where the tag is', async () => {
  await fc.assert(
    fc.asyncProperty(policy, fc.array(anyStep, { minLength: 1, maxLength: 25 }), async (moves, steps) => {
      const scene = new Scene(moves);
      await scene.do({ do: 'push', name: 'a' });
      await scene.do({ do: 'run', writes: undefined });
      for (const one of steps) {
        scene.note(one.do === 'race' || one.do === 'lose');
        await scene.do(one);
        scene.note(one.do === 'race' || one.do === 'lose');
      }
      await scene.checkNoOp();
      expect(scene.mistakes).toEqual([]);
    }),
    { numRuns: 200 },
  );
}, 60_000);
