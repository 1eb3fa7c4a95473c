/** Tests that regsync's `tags` and `tagSets` select the same tags in regsync and after the import. */
import { expect, test } from 'vitest';
import { parseTag } from '../../../core/reference.ts';
import { parseConfiguration } from '../../../mirror-job/configuration/parse.ts';
import { selectTags } from '../../../mirror-job/engine/selection/selection.ts';
import { compose } from '../../../mirror-job/import/compose.ts';
import { ForeignFile } from '../../../mirror-job/import/foreign-file.ts';
import { readRegsync } from '../../../mirror-job/import/regsync.ts';

const LISTED =
  'latest edge dev 0.9.0 1.0.0 1.0.0-rc1 v1.2.3 v1.2.3-alpine 1.5.0 1.5.0-rc1 1.27 1.27.1 2.0.0 2.0.0-rc1 2.1.0-alpine 3.0.0 v3.0.1';

function imported(settings: object) {
  const entry = { source: 'alpine', target: 'registry:5000/alpine', type: 'repository', ...settings };
  const draft = readRegsync(new ForeignFile('regsync.yml', JSON.stringify({ version: 1, sync: [entry] })));
  const { text } = compose(draft);
  const environment = {
    S3_ENDPOINT: 'https://s3.example.com',
    S3_ACCESS_KEY_ID: 'x',
    S3_SECRET_ACCESS_KEY: 'x',
  };
  const { images } =
    text === undefined ? { images: [] } : parseConfiguration('lifeboat.yaml', text, environment);
  const listed = LISTED.split(' ').map((tag) => parseTag(tag));
  const chosen = new Set(
    images.flatMap(({ tags }) => selectTags(tags, listed).selected.map(({ tag }) => tag)),
  );
  return {
    // Only listed tags count here, because an explicit tag need not be in the list.
    tags: listed.filter((tag) => chosen.has(tag)).join(' '),
    named: images.flatMap(({ tags }) => tags.explicit),
    losses: draft.losses.map((loss) => loss.replace(/^regsync\.yml:1: sync\[0\]\.?/, '')),
  };
}

const ALL = LISTED;

test.each<[what: string, settings: object, tags: string, named?: readonly string[]]>([
  ['no key', {}, ALL],
  ['an empty set', { tags: {} }, ALL],
  ['empty lists', { tags: { allow: [], deny: null, semverRange: [''] } }, ALL],
  [
    'an empty `tags` beside tagSets does not count as a set',
    { tags: {}, tagSets: [{ allow: ['edge'] }] },
    'edge',
    ['edge'],
  ],
  [
    'a `tags` of empty lists beside tagSets does not count as a set',
    { tags: { allow: [], deny: [] }, tagSets: [{ allow: ['dev'] }] },
    'dev',
    ['dev'],
  ],
  ['an empty set in tagSets selects all tags', { tagSets: [{ allow: ['edge'] }, {}] }, ALL, ['edge']],
  [
    'tags and tagSets select the tags that fit one set',
    { tags: { allow: ['edge'] }, tagSets: [{ allow: ['3\\..*'] }] },
    'edge 3.0.0',
    ['edge'],
  ],
  [
    'a range includes versions with a suffix',
    { tags: { semverRange: ['>=1.2'] } },
    'v1.2.3 v1.2.3-alpine 1.5.0 1.5.0-rc1 1.27 1.27.1 2.0.0 2.0.0-rc1 2.1.0-alpine 3.0.0 v3.0.1',
  ],
  [
    'several ranges, and a pattern under deny',
    { tags: { semverRange: ['<=1.0.0', '>=2.1'], deny: ['.*-.*'] } },
    '0.9.0 1.0.0 3.0.0 v3.0.1',
  ],
  [
    'allow within a range',
    { tags: { allow: ['v.*'], semverRange: ['>=1.0.0'] } },
    'v1.2.3 v1.2.3-alpine v3.0.1',
  ],
  [
    'a tag that is spelled out also has to be in the range',
    { tags: { allow: ['latest', '1.5.0', '0.9.0'], semverRange: ['>=1.0.0'] } },
    '1.5.0',
    [],
  ],
  [
    'a tag that is spelled out must not be denied by a pattern',
    { tags: { allow: ['latest', 'edge'], deny: ['l.*'] } },
    'edge',
    ['edge'],
  ],
  [
    'a tag that is spelled out must not be denied by its name',
    { tags: { allow: ['latest', 'edge'], deny: ['latest'] } },
    'edge',
    ['edge'],
  ],
  ['a caret', { tags: { semverRange: ['^3.0.0'], deny: ['.*-.*'] } }, '3.0.0 v3.0.1'],
  ['a caret before version 1', { tags: { semverRange: ['^0.9'], deny: ['.*-.*'] } }, '0.9.0'],
  ['a tilde goes to the next minor version', { tags: { semverRange: ['~1'], deny: ['.*-.*'] } }, '1.0.0'],
  [
    'two numbers stand for three, with a zero',
    { tags: { semverRange: ['=2.0', '>3.0'], deny: ['.*-.*'] } },
    '2.0.0 v3.0.1',
  ],
  ['a range that begins before a suffix', { tags: { semverRange: ['>=3.0.0-0'] } }, '3.0.0 v3.0.1'],
])('an imported selection selects what regsync selects: %s', (_, settings, tags, named = []) => {
  expect(imported(settings)).toEqual({ tags, named, losses: [] });
});

test.each<[settings: object, tags: string, losses: readonly string[]]>([
  [
    { tags: { semverRange: ['>=1.2 <2'] } },
    'v1.2.3 v1.2.3-alpine 1.5.0 1.5.0-rc1 1.27 1.27.1',
    [
      'tags.semverRange[0]: regsync counts 2.0.0-rc1, 2.0.0-alpine and the like as lower than 2.0.0, so they are in its range. For Lifeboat a suffix is not a part of the version, so they are not in the range. Add an entry for the tags that you want.',
    ],
  ],
  [
    { tagSets: [{ semverRange: ['1.x'] }, { allow: ['edge'] }] },
    'edge',
    [
      'tagSets[0].semverRange[0]: regsync does not read "1.x" as a part of a range, and refuses the whole entry.',
    ],
  ],
  [
    { tags: { semverRange: ['>= 1.0'] } },
    '',
    ['tags.semverRange[0]: regsync does not read ">=" as a part of a range, and refuses the whole entry.'],
  ],
  [
    { tags: { semverRange: ['>=1.2.3.4'] } },
    '',
    ['tags.semverRange[0]: ">=1.2.3.4" has more than three numbers, and ranges in lifeboat.yaml have three.'],
  ],
  [
    { tags: { semverRange: ['1.5.0-rc1'] } },
    '',
    ['tags.semverRange[0]: "1.5.0-rc1" is one suffix of one version: name that tag under include.'],
  ],
])('the selection %j is not carried as a whole', (settings, tags, losses) => {
  const { tags: selected, losses: reported } = imported(settings);
  expect([selected, reported]).toEqual([tags, losses]);
});
