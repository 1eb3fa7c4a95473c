/** An isolate's memory is bounded in bytes, and the entry that was used longest ago goes first. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { MemoryCache } from '../../../worker/cache/memory-cache.ts';

it('the entry that was used longest ago goes first', () => {
  const cache = new MemoryCache<string>(3);
  for (const key of ['a', 'b', 'c']) cache.set(key, key, 1);
  expect(cache.get('a')).toBe('a');
  cache.set('d', 'd', 1);
  expect(['a', 'b', 'c', 'd'].map((key) => cache.get(key))).toEqual(['a', undefined, 'c', 'd']);
});

it('an entry that fills the whole cache is stored, and a larger one is not', () => {
  const cache = new MemoryCache<string>(10);
  cache.set('small', 'x', 1);
  cache.set('large', 'x', 11);
  expect([cache.get('large'), cache.get('small')]).toEqual([undefined, 'x']);
  cache.set('whole', 'x', 10);
  expect([cache.get('whole'), cache.get('small')]).toEqual(['x', undefined]);
  cache.set('more', 'x', 1);
  expect([cache.get('whole'), cache.get('more')]).toEqual([undefined, 'x']);
});

it('a value that is replaced by one too large is removed', () => {
  const cache = new MemoryCache<string>(10);
  cache.set('key', 'old', 1);
  cache.set('key', 'new', 11);
  cache.set('whole', 'x', 10);
  expect([cache.get('key'), cache.get('whole')]).toEqual([undefined, 'x']);
});

interface Entry {
  readonly key: string;
  readonly value: number;
  readonly weight: number;
}

function sumOf(entries: readonly Entry[]): number {
  return entries.reduce((total, { weight }) => total + weight, 0);
}

it('property: the cache agrees with a list that is searched and cut', () => {
  const keys = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  const steps = fc.oneof(
    fc.record({ act: fc.constant('set' as const), key: keys, weight: fc.nat({ max: 12 }) }),
    fc.record({ act: fc.constant('get' as const), key: keys }),
    fc.record({ act: fc.constant('delete' as const), key: keys }),
    fc.record({ act: fc.constant('clear' as const) }),
  );
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 40 }), (list) => {
      const cache = new MemoryCache<number>(10);
      let model: Entry[] = [];
      const found: (number | undefined)[] = [];
      const expected: (number | undefined)[] = [];
      for (const [index, step] of list.entries()) {
        const key = step.act === 'clear' ? undefined : step.key;
        const known = model.find((entry) => entry.key === key);
        model = step.act === 'clear' ? [] : model.filter((entry) => entry !== known);
        if (step.act === 'clear') cache.clear();
        else if (step.act === 'delete') cache.delete(step.key);
        else if (step.act === 'set') {
          cache.set(step.key, index, step.weight);
          if (step.weight <= 10) model.push({ key: step.key, value: index, weight: step.weight });
        } else {
          found.push(cache.get(step.key));
          expected.push(known?.value);
          if (known !== undefined) model.push(known);
        }
        while (sumOf(model) > 10) model.shift();
      }
      expect(found).toEqual(expected);
      // An entry that fills the rest removes no other entry, and with one more byte it removes the oldest.
      const rest = 10 - sumOf(model);
      cache.set('rest', -1, rest);
      expect(model.map(({ key }) => cache.get(key))).toEqual(model.map(({ value }) => value));
      cache.set('rest', -1, rest + 1);
      const [oldest] = model;
      expect(oldest === undefined || rest === 10 || cache.get(oldest.key) === undefined).toBe(true);
    }),
  );
});
