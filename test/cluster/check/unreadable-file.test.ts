/** Which files count as unreadable. */
import { expect, test } from 'vitest';
import { textAt, whyUnreadable } from '../../../cluster/check/unreadable-file.ts';
import { nodeOf } from './node.ts';

const NODE = nodeOf({ '/a/b/file': 'text', '/a/c/': '' }, { '/a': 'EACCES', '/a/c/other': 'EFBIG' });

test.for<readonly [string, string | undefined]>([
  ['/a', '/a cannot be read (EACCES). Run this as root.'],
  ['/a/unknown/file', '/a cannot be read (EACCES). Run this as root.'],
  // These folders were listed, although the one above them was not.
  ['/a/b/file', undefined],
  ['/a/b/absent', undefined],
  ['/a/c', undefined],
  ['/a/c/other', '/a/c/other has more than 4 MiB, so it was not read. Put a configuration in its place.'],
  ['/b', undefined],
])('%s', ([path, sentence]) => {
  expect(whyUnreadable(NODE, path)).toBe(sentence);
});

test('a file has a text, a problem, or nothing', () => {
  expect(textAt(NODE, '/a/b/file')).toEqual({ text: 'text' });
  expect(textAt(NODE, '/a/b')).toEqual({ problem: '/a/b is a folder. Put a file in its place.' });
  expect(textAt(NODE, '/a/x')).toEqual({ problem: '/a cannot be read (EACCES). Run this as root.' });
  expect(textAt(NODE, '/a/b/absent')).toBeUndefined();
});
