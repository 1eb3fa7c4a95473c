/** The order of merged mirrors: what is kept, and what gives way when lists contradict each other. */
import { expect, test } from 'vitest';
import { orderMirrors } from '../../../cluster/merging/mirror-order.ts';

function merged(...lists: string[]): string {
  const named = lists.map((mirrors, index) => ({ owner: `list ${index + 1}`, mirrors: mirrors.split('') }));
  return orderMirrors(named).mirrors.join('');
}

test.for([
  { lists: [], result: '', why: 'nothing to merge' },
  { lists: ['cba'], result: 'cba', why: 'one list stays as it is, whatever the names' },
  { lists: ['ab', 'bc'], result: 'abc', why: 'two lists that share a mirror' },
  { lists: ['bc', 'ab'], result: 'abc', why: 'the same in the other order' },
  { lists: ['zy', 'yx', 'xw'], result: 'zyxw', why: 'a chain of three lists' },
  { lists: ['b', 'a'], result: 'ab', why: 'mirrors that nothing orders stand by their names' },
  {
    lists: ['ba', 'dc'],
    result: 'bdac',
    why: 'first the first mirrors of both, then the second ones, as OpenShift does',
  },
  { lists: ['ad', 'bd', 'cd'], result: 'abcd', why: 'several lists that end alike' },
  { lists: ['abc', 'ac'], result: 'abc', why: 'a list that leaves one out' },
  { lists: ['ab', 'ab'], result: 'ab', why: 'the same list twice' },
  { lists: ['aba'], result: 'ab', why: 'a mirror that stands twice: its first place counts' },
  { lists: ['ab', 'ba'], result: 'ab', why: 'a loop: the earlier list prevails' },
  { lists: ['ba', 'ab'], result: 'ba', why: 'a loop: the earlier list prevails' },
  { lists: ['ab', 'bc', 'ca'], result: 'abc', why: 'a loop of three lists: the last one gives way' },
  { lists: ['ba', 'abc'], result: 'bac', why: 'a list that gives way in one pair keeps its other pairs' },
  { lists: ['ca', 'abc'], result: 'cab', why: 'a list that gives way at its end' },
])('$lists become $result: $why', ({ lists, result }) => {
  expect(merged(...lists)).toBe(result);
});

test('a broken wish names its list, and one pair whose order is not kept', () => {
  const lists = [
    { owner: 'one', mirrors: ['b', 'a'] },
    { owner: 'two', mirrors: ['a', 'b', 'c'] },
    { owner: 'three', mirrors: ['b', 'c'] },
  ];
  expect(orderMirrors(lists).broken).toEqual([{ owner: 'two', first: 'a', second: 'b' }]);
});

test.for([
  { lists: ['ab', 'bc'], source: 's', result: 'abcs', why: 'a source that no list names' },
  { lists: ['zs'], source: 's', result: 'zs', why: 'a source that is last anyway' },
  { lists: ['sz'], source: 's', result: 'sz', why: 'a list that wants the source first' },
  { lists: ['asb', 'sbc'], source: 's', result: 'asbc', why: 'lists that want the source in the middle' },
  {
    lists: ['sb', 'b'],
    source: 's',
    result: 'sb',
    why: 'a list that does not name the source decides nothing about it',
  },
  { lists: ['b', 'sb'], source: 's', result: 'sb', why: 'the same in the other order' },
  {
    lists: ['sb', 'z'],
    source: 's',
    result: 'zsb',
    why: 'a mirror that nothing orders comes before the source',
  },
])('$lists with the source $source become $result: $why', ({ lists, source, result }) => {
  const named = lists.map((mirrors) => ({ owner: 'list', mirrors: mirrors.split('') }));
  const { mirrors, broken } = orderMirrors(named, source);
  expect([mirrors.join(''), broken]).toEqual([result, []]);
});

test('hundreds of mirrors are ordered within the time of a test', () => {
  const names = Array.from({ length: 400 }, (_, index) => `m${index}.example.com`);
  const lists = [
    { owner: 'one', mirrors: names.slice(0, 250).toReversed() },
    { owner: 'two', mirrors: names },
  ];
  const { mirrors } = orderMirrors(lists);
  expect(mirrors).toEqual([...names.slice(0, 250).toReversed(), ...names.slice(250)]);
});
