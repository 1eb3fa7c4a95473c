import { expect, test } from 'vitest';
import { parseTag } from '../../core/reference.ts';
import { selectTags } from '../../mirror-job/engine/selection.ts';

const tags = (...names: readonly string[]) => names.map((name) => parseTag(name));

test.each([
  ['nothing', [], undefined, []],
  ['what is named, listed or not', ['gone', 'b'], undefined, ['gone', 'b']],
  ['what matches, in the order of the list', [], /^[ab]/, ['b', 'a', 'b2']],
  ['what is named first, and each once', ['a', 'z', 'a'], /^[ab]/, ['a', 'z', 'b', 'b2']],
  ['nothing that does not match', [], /^x/, []],
])('%s', (_name, explicit, pattern, expected) => {
  const matches = pattern === undefined ? undefined : (tag: string) => pattern.test(tag);
  const selection = { explicit: tags(...explicit), matches };
  expect(selectTags(selection, tags('b', 'c', 'a', 'b2', 'b'))).toEqual(expected);
});
