/** Which tags an image's `tags` selects from a list, and the reason for each other tag. */
import { expect, test } from 'vitest';
import { parseTag } from '../../../../core/reference.ts';
import { parseConfiguration } from '../../../../mirror-job/configuration/parse.ts';
import { maySelect, selectTags, type Selection } from '../../../../mirror-job/engine/selection/selection.ts';

const STORE = 'store: { endpoint: "https://s3.example.com", bucket: lifeboat }\n';

/** In a registry's order, which means nothing. */
const LISTED = [
  'latest stable mainline 1 1.26 1.26.3 1.27 1.27.0 1.27.0-alpine 1.27-alpine 1.27.10 1.27.2 1.28.0-rc1 1.28.0-rc2',
  '1.28.0 1.28 1.28.0-alpine 1.28.0-alpine3.20 v1.28.0 1.29.0-perl 20240807 sha256-0123.sig 3.13.0rc1 2.0',
]
  .join(' ')
  .split(' ')
  .map(parseTag);

function selectionOf(tags: string): Selection {
  const [image] = parseConfiguration('f.yaml', `${STORE}images: [{ source: a, tags: ${tags} }]`, {}).images;
  if (image === undefined) throw new Error('There is no image.');
  return image.tags;
}

test.each([
  ['what is named, listed or not, and nothing else', "['gone', 'stable']", 'gone stable'],
  [
    'tags that match, in the order of the list',
    "['1.27*']",
    '1.27 1.27.0 1.27.0-alpine 1.27-alpine 1.27.10 1.27.2',
  ],
  ['what is named first, and each once', "['1.2?', 'z', '1.28', 'z']", 'z 1.28 1.26 1.27'],
  ['a range, newest first: by number, not by letter', "{ semver: '~1.27' }", '1.27.10 1.27.2 1.27 1.27.0'],
  ['a range without an end', "{ semver: '>=1.28' }", '2.0 1.28 1.28.0 v1.28.0'],
  [
    'a floating tag only if all versions that it stands for are in the range',
    "{ semver: '>=1.27.2 <2' }",
    '1.28 1.28.0 v1.28.0 1.27.10 1.27.2',
  ],
  ['one number too', "{ semver: '^1' }", '1.28 1.28.0 v1.28.0 1.27.10 1.27.2 1.27 1.27.0 1.26.3 1.26 1'],
  ['one version', "{ semver: '1.27.0' }", '1.27.0'],
  ['two ranges', "{ semver: '1.26 || 2' }", '2.0 1.26.3 1.26'],
  ['a suffix', "{ semver: '>=1.27', suffix: ['-alpine'] }", '1.28.0-alpine 1.27-alpine 1.27.0-alpine'],
  ['suffixes by pattern', "{ semver: '>=1.28', suffix: ['-alpine*'] }", '1.28.0-alpine3.20 1.28.0-alpine'],
  ['release candidates', "{ suffix: ['-rc*'] }", '1.28.0-rc2 1.28.0-rc1'],
  ['a suffix alone is a range of all', "{ suffix: ['-perl'] }", '1.29.0-perl'],
  ['full versions only', "{ semver: '>=1.27', precision: [3] }", '1.28.0 v1.28.0 1.27.10 1.27.2 1.27.0'],
  ['floating ones only', "{ semver: '^1', precision: [1, 2] }", '1.28 1.27 1.26 1'],
  [
    'tags that match and are in the range',
    "{ include: ['v*', '1.27.*'], semver: '>=1.27' }",
    'v1.28.0 1.27.10 1.27.2 1.27.0',
  ],
  ['nothing that is excluded', "{ semver: '~1.27', exclude: ['1.27', '*.10', '/\\.2$/'] }", '1.27.0'],
  ['the newest', "{ semver: '>=1.27', precision: [3], latest: 2 }", '1.28.0 v1.28.0'],
  [
    'the newest of each suffix and precision',
    "{ semver: '>=1.26 <2', suffix: ['', '-alpine*'], latest: 1 }",
    '1.28 1.28.0 1.28.0-alpine3.20 1.27-alpine',
  ],
  [
    'the newest, counted after tags are excluded',
    "{ semver: '~1.27', precision: [3], exclude: ['1.27.10'], latest: 1 }",
    '1.27.2',
  ],
  [
    'explicit tags beside the newest',
    "{ semver: '~1.27', precision: [3], latest: 1, include: [stable, '1.26'] }",
    'stable 1.26 1.27.10',
  ],
  [
    'explicit tags although they are excluded',
    "{ include: ['1.28.0-rc1', '1.28.0*'], exclude: ['*-rc*'] }",
    '1.28.0-rc1 1.28.0 1.28.0-alpine 1.28.0-alpine3.20',
  ],
  [
    'the newest tags that match: versions before all others',
    "{ include: ['*'], latest: 3 }",
    '2.0 1.29.0-perl 1.28',
  ],
  ['nothing', "['x*']", ''],
  ['a list that is long enough', "{ semver: '~1.27', precision: [3], minTags: 3 }", '1.27.10 1.27.2 1.27.0'],
  [
    'only explicit tags of a list that is too short',
    "{ semver: '~1.27', precision: [3], include: [stable], minTags: 4 }",
    'stable',
  ],
])('tags select: %s', (_, tags, expected) => {
  const { selected } = selectTags(selectionOf(tags), LISTED);
  expect(selected.map(({ tag }) => tag).join(' ')).toBe(expected);
});

test('dates are ordered by name alone, and the newest is the last in the alphabet', () => {
  const dates = ['RELEASE.2024-02-01', 'RELEASE.2023-12-31', 'RELEASE.2024-01-15', 'edge'].map(parseTag);
  const { selected } = selectTags(selectionOf("{ include: ['RELEASE.*'], latest: 2 }"), dates);
  expect(selected.map(({ tag }) => tag)).toEqual(['RELEASE.2024-02-01', 'RELEASE.2024-01-15']);
});

test('a suffix that semver cannot read is older than one that it can, in whatever order they are listed', () => {
  const sorted = ['1.0-rc.10', '1.0-rc.2', '1.0-rc_10'].map(parseTag);
  const [a, b, c] = sorted;
  for (const listed of [sorted, sorted.toReversed(), [b, c, a], [c, a, b], [a, c, b], [b, a, c]]) {
    const { selected } = selectTags(
      selectionOf("{ suffix: ['-rc*'] }"),
      listed.filter((tag) => tag !== undefined),
    );
    expect(selected.map(({ tag }) => tag)).toEqual(sorted);
  }
});

test.each([
  ['four numbers', "['*']", '3.4.3.9 3.4.3.13 3.4.3', '3.4.3.13 3.4.3.9 3.4.3'],
  ['four numbers beside three', "['*']", '1.9.0 1.10.0.1 latest 1.10.0', '1.10.0.1 1.10.0 1.9.0 latest'],
  ['an underscore before the suffix', "['*_abc']", '1.9.0_abc 1.10.0_abc', '1.10.0_abc 1.9.0_abc'],
  [
    'numbers in a suffix',
    "['*']",
    '1.0-rc9 1.0-rc10 1.0 1.0-rc.9 1.0-rc.10',
    '1.0 1.0-rc10 1.0-rc9 1.0-rc.10 1.0-rc.9',
  ],
  [
    'numbers in a suffix that semver cannot read',
    "['*']",
    '1.0_r9 1.0_r10 1.0-x_9 1.0-x_10',
    '1.0_r10 1.0_r9 1.0-x_10 1.0-x_9',
  ],
  ['numbers after a word', "['*']", 'build-9 build-10 build-2a', 'build-10 build-9 build-2a'],
  ['numbers with zeros before them', "['*']", 'b-0010 b-9 b-10', 'b-10 b-0010 b-9'],
  [
    'numbers too large for a number',
    "['*']",
    'n9007199254740992 n9007199254740993 n1',
    'n9007199254740993 n9007199254740992 n1',
  ],
  ['a number before a letter, and a point before both', "['*']", 'a.b a1 aa a', 'aa a1 a.b a'],
])(
  'tags that are no version to semver are ordered by the value of their numbers: %s',
  (_, include, listed, expected) => {
    const tags = listed.split(' ').map(parseTag);
    const selection = selectionOf(`{ include: ${include}, latest: 9 }`);
    for (const list of [tags, tags.toReversed()]) {
      expect(
        selectTags(selection, list)
          .selected.map(({ tag }) => tag)
          .join(' '),
      ).toBe(expected);
    }
  },
);

test('an underscore begins a suffix as a hyphen does, and a version of four numbers is in no range', () => {
  const listed = ['1.9.0_abc', '1.10.0_abc', '1.10.0', '1.10.0-abc', '1.10.0.1'].map(parseTag);
  const { selected, unselected } = selectTags(selectionOf("{ semver: '>=1', suffix: ['_abc'] }"), listed);
  expect(selected.map(({ tag }) => tag)).toEqual(['1.10.0_abc', '1.9.0_abc']);
  expect(unselected).toEqual([
    { tag: '1.10.0', why: 'it has no suffix' },
    { tag: '1.10.0-abc', why: 'the suffix "-abc" is not asked for' },
    { tag: '1.10.0.1', why: 'it has four numbers, but a range compares only three' },
  ]);
  const { unselected: dates } = selectTags(selectionOf("{ semver: '*', suffix: ['_abc'] }"), [
    parseTag('20240807_abc'),
  ]);
  expect(dates).toEqual([{ tag: '20240807_abc', why: 'it is not a version' }]);
});

const HEX = 'c'.repeat(64);
const BESIDE = 'it belongs to the image whose digest is in its name, and is mirrored with that image';

test.each([
  ["{ include: ['*'], latest: 1 }", ['main']],
  ["['*']", ['main']],
  ["['*.sig', 'main']", ['main']],
  ["['/./']", ['main']],
  ["{ include: ['*'], minTags: 2 }", []],
  [`{ include: ['*', sha256-${HEX}.sig], latest: 1 }`, [`sha256-${HEX}.sig`, 'main']],
  ["{ include: ['*', 'sha256-*.sig'], latest: 1 }", [`sha256-${HEX}.sig`, 'main']],
  ["{ include: ['/^sha256-.*[.]att$/', '*'], exclude: ['*.att'] }", ['main']],
  ["{ include: ['*', 'sha256-*.sig'], minTags: 2 }", []],
  ["['sha@(256|512)-*', 'sha512-*']", [`sha512-${HEX}`]],
])(
  'signature tags are candidates only by name, or by a pattern that begins as they do: %s',
  (tags, expected) => {
    const signatures = ['sha256-X.sig', 'sha256-X.att', 'sha256-X', 'sha512-X'].map((tag) =>
      tag.replace('X', HEX),
    );
    const listed = [...signatures, 'main'].map(parseTag);
    const { selected, unselected } = selectTags(selectionOf(tags), listed);
    expect(selected.map(({ tag }) => tag)).toEqual(expected);
    expect(selected.length + unselected.length).toBe(listed.length);
  },
);

test('a signature tag that is no candidate is unselected with that reason', () => {
  const { unselected, count } = selectTags(selectionOf("{ include: ['*'], latest: 1 }"), [
    parseTag(`sha256-${HEX}.sig`),
  ]);
  expect([unselected, count]).toEqual([[{ tag: `sha256-${HEX}.sig`, why: BESIDE }], 0]);
  const selection = selectionOf("['*']");
  expect([`sha256-${HEX}.sig`, 'main'].filter((tag) => maySelect(selection, parseTag(tag)))).toEqual([
    'main',
  ]);
});

test('each tag has the reason why it is selected or unselected', () => {
  const selection = selectionOf(
    "{ semver: '>=1.27.1 <2', suffix: ['', '-alpine'], precision: [2, 3], latest: 1, include: [stable], exclude: ['v*'] }",
  );
  const { selected, unselected, count, isShort } = selectTags(selection, LISTED);
  expect(Object.fromEntries(selected.map(({ tag, why }) => [tag, why]))).toEqual({
    stable: 'named',
    '1.28': 'it is in ">=1.27.1 <2"',
    '1.28.0': 'it is in ">=1.27.1 <2"',
    '1.28.0-alpine': 'it is in ">=1.27.1 <2"',
  });
  expect(Object.fromEntries(unselected.map(({ tag, why }) => [tag, why]))).toEqual({
    latest: 'it is not a version',
    mainline: 'it is not a version',
    '1': 'precision 1 is not asked for',
    '1.26': 'it is not in ">=1.27.1 <2"',
    '1.26.3': 'it is not in ">=1.27.1 <2"',
    '1.27': 'it floats, and not all versions that it stands for are in ">=1.27.1 <2"',
    '1.27.0': 'it is not in ">=1.27.1 <2"',
    '1.27.0-alpine': 'it is not in ">=1.27.1 <2"',
    '1.27-alpine': 'it floats, and not all versions that it stands for are in ">=1.27.1 <2"',
    '1.27.10': 'older than the 1 newest of its kind',
    '1.27.2': 'older than the 1 newest of its kind',
    '1.28.0-rc1': 'the suffix "-rc1" is not asked for',
    '1.28.0-rc2': 'the suffix "-rc2" is not asked for',
    '1.28.0-alpine3.20': 'the suffix "-alpine3.20" is not asked for',
    'v1.28.0': '"v*" excludes it',
    '1.29.0-perl': 'the suffix "-perl" is not asked for',
    '20240807': 'it is not a version',
    'sha256-0123.sig': 'it is not a version',
    '3.13.0rc1': 'it is not a version',
    '2.0': 'it is not in ">=1.27.1 <2"',
  });
  expect([count, isShort]).toEqual([3, false]);
});

test('a pattern and a list that is too short each give a reason of their own', () => {
  const listed = ['a1', 'a2', 'b', '1.0'].map(parseTag);
  const short = selectTags(selectionOf("{ include: ['a*', b], minTags: 3 }"), listed);
  expect(short).toEqual({
    selected: [{ tag: 'b', why: 'named' }],
    unselected: [
      { tag: 'a1', why: 'the list is shorter than minTags (3)' },
      { tag: 'a2', why: 'the list is shorter than minTags (3)' },
      { tag: '1.0', why: 'no pattern of include matches it' },
    ],
    count: 2,
    isShort: true,
  });
  const { selected, unselected } = selectTags(
    selectionOf("{ include: ['a*', '*'], latest: 2, exclude: [b] }"),
    listed,
  );
  expect(selected).toEqual([
    { tag: '1.0', why: '"*" matches it' },
    { tag: 'a2', why: '"a*" matches it' },
  ]);
  expect(unselected).toEqual([
    { tag: 'a1', why: 'older than the 2 newest' },
    { tag: 'b', why: '"b" excludes it' },
  ]);
});

test('a tag without a suffix is unselected for that reason if a suffix is asked for', () => {
  const { unselected } = selectTags(selectionOf("{ suffix: ['-alpine'] }"), [parseTag('1.2.3')]);
  expect(unselected).toEqual([{ tag: '1.2.3', why: 'it has no suffix' }]);
});

test('maySelect tells whether a tag could be selected from some list', () => {
  const selection = selectionOf("{ semver: '>=1.27', include: [stable], exclude: ['*.0'], latest: 1 }");
  const may = ['stable', '1.27.1', '1.27.0', '1.26.1', 'latest'].filter((tag) =>
    maySelect(selection, parseTag(tag)),
  );
  expect(may).toEqual(['stable', '1.27.1']);
  expect(maySelect(selectionOf('[a]'), parseTag('b'))).toBe(false);
});
