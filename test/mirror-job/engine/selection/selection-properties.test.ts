/** Rules that hold for every list of tags and every set of rules. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseTag, type Tag } from '../../../../core/reference.ts';
import { asMatcher, parsePattern, parseSuffix } from '../../../../mirror-job/configuration/pattern.ts';
import {
  selectTags,
  type Selection,
  type TagRules,
} from '../../../../mirror-job/engine/selection/selection.ts';
import {
  newestFirst as compareRead,
  parseVersion,
  type Precision,
} from '../../../../mirror-job/engine/selection/selection-version.ts';

const number = fc.constantFrom('0', '1', '2', '10', '02');
const numbers = fc.array(number, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.'));
const suffixes = fc.constantFrom(
  '',
  '',
  '-alpine',
  '-rc.2',
  '-rc.10',
  '-rc1',
  '-rc_10',
  '-r_c',
  '-a..b',
  '-01',
  '-',
  '_abc',
  '_2',
  '_10',
  '-rc9',
);
const version = fc.tuple(fc.constantFrom('', 'v'), numbers, suffixes).map((parts) => parts.join(''));
const tag = fc
  .oneof(
    version,
    fc.constantFrom('latest', 'Z', 'a', '_x', '20240807', 'b-9', 'b-10', 'b-010', 'b.9', 'b9a', 'b'),
  )
  .map(parseTag);
const tags = fc.array(tag, { maxLength: 30 });

const optional = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { nil: undefined });
const pattern = fc
  .constantFrom('*', '1*', 'v*', '*-*', '/0/', '1.0')
  .map((text) => asMatcher(parsePattern(text)));
const rules: fc.Arbitrary<TagRules> = fc.record({
  include: fc.array(pattern, { maxLength: 2 }),
  versions: optional(
    fc.record({
      range: fc.constantFrom('*', '>=1', '~1.0', '<2 || >2', '1.x'),
      suffixes: fc
        .subarray(['', '-*', '-rc*'], { minLength: 1 })
        .map((texts) => texts.map((text) => parseSuffix(text))),
      precisions: fc.subarray<Precision>([1, 2, 3]),
    }),
  ),
  exclude: fc.array(pattern, { maxLength: 2 }),
  latest: optional(fc.integer({ min: 1, max: 4 })),
  minTags: fc.constantFrom(0, 0, 1, 5),
});
const selection: fc.Arbitrary<Selection> = fc.record({
  explicit: fc.array(tag, { maxLength: 3 }),
  rules: optional(rules),
});

const newestFirst = (...[one, other]: readonly [Tag, Tag]) =>
  compareRead({ tag: one, version: parseVersion(one) }, { tag: other, version: parseVersion(other) });
const names = (choices: readonly { readonly tag: Tag }[]) => choices.map((choice) => choice.tag);

test('newest first is an order of all different tags, whatever they are', () => {
  fc.assert(
    fc.property(tag, tag, tag, (a, b, c) => {
      expect(newestFirst(a, b) === 0).toBe(a === b);
      expect(Math.sign(newestFirst(a, b))).toBe(0 - Math.sign(newestFirst(b, a)));
      const isTransitive = newestFirst(a, b) > 0 || newestFirst(b, c) > 0 || newestFirst(a, c) <= 0;
      expect(isTransitive).toBe(true);
    }),
    { numRuns: 5000 },
  );
});

test('every tag is selected or unselected, once; every explicit tag is selected; the order and repetitions of the list change nothing', () => {
  fc.assert(
    fc.property(selection, tags, (wanted, listed) => {
      const { selected, unselected } = selectTags(wanted, listed);
      const all = [...names(selected), ...names(unselected)];
      expect(new Set(all).size).toBe(all.length);
      const known = wanted.rules === undefined ? [] : listed;
      expect(new Set(all)).toEqual(new Set([...wanted.explicit, ...known]));
      expect(names(selected)).toEqual(expect.arrayContaining([...wanted.explicit]));
      const shuffled = selectTags(wanted, [...listed, ...listed].toReversed());
      expect(new Set(names(shuffled.selected))).toEqual(new Set(names(selected)));
    }),
  );
});

test('only explicit tags escape a rule', () => {
  fc.assert(
    fc.property(rules, tags, (all, listed) => {
      const { selected, count, isShort } = selectTags({ explicit: [], rules: all }, listed);
      const { include, exclude, versions, latest, minTags } = all;
      expect(isShort).toBe(count < minTags);
      expect(selected.length).toBe(isShort ? 0 : count);
      for (const one of names(selected)) {
        expect(include.length === 0 || include.some(({ matches }) => matches(one))).toBe(true);
        expect(exclude.some(({ matches }) => matches(one))).toBe(false);
        const suffix = parseVersion(one)?.suffix ?? 'none';
        expect(versions?.suffixes.some(({ matches }) => matches(suffix))).not.toBe(false);
      }
      const classes = versions === undefined ? 1 : 3 * versions.suffixes.length;
      expect(selected.length).toBeLessThanOrEqual((latest ?? Infinity) * classes);
    }),
  );
});

test('a tag that is added to a list can push out the oldest, and never lets in another tag', () => {
  fc.assert(
    fc.property(rules, tags, tag, (all, listed, fresh) => {
      const wanted = { explicit: [], rules: { ...all, minTags: 0 } };
      const before = new Set(names(selectTags(wanted, listed).selected));
      const after = names(selectTags(wanted, [...listed, fresh]).selected);
      expect(after.filter((one) => one !== fresh && !before.has(one))).toEqual([]);
    }),
  );
});
