/** Which missed images are proposed as entries, and in which order. */
import { expect, test } from 'vitest';
import { parseReference } from '../../../core/reference.ts';
import { parseConfiguration } from '../../../mirror-job/configuration/parse.ts';
import { propose, type Proposal } from '../../../mirror-job/misses/proposal.ts';

const [ONE, TWO] = [`sha256:${'1'.repeat(64)}`, `sha256:${'2'.repeat(64)}`];
const STORE = '{ endpoint: "http://s3.test", bucket: b, accessKeyId: a, secretAccessKey: b }';

/** @param missed images with the number of their requests */
function proposed(
  missed: Readonly<Record<string, number>>,
  images: readonly (object | string)[],
  more = '',
): Proposal {
  const text = `store: ${STORE}\nimages: ${JSON.stringify(images)}\n${more}`;
  const configuration = parseConfiguration('lifeboat.yaml', text, {}, { needsImages: false });
  const list = Object.entries(missed).map(([name, requests]) => ({
    reference: parseReference(name),
    requests,
  }));
  return propose(list, configuration);
}

const NOTHING_LEFT_OUT = {
  selected: 0,
  selectedByLatest: 0,
  onDemand: 0,
  digestsOfTags: 0,
  referrerTags: 0,
  ofLayouts: [],
};

test('each repository is one entry, and most requests come first', () => {
  const missed = { 'a.b/c:1': 1, 'a.b/d:1': 4, 'a.b/c:2': 2, 'localhost:5000/e:1': 4, [`a.b/f@${ONE}`]: 1 };
  expect(proposed(missed, ['a.b/other:1'])).toEqual({
    entries: [
      { source: 'a.b/d', tags: ['1'], digests: [], requests: 4 },
      { source: 'localhost:5000/e', tags: ['1'], digests: [], requests: 4 },
      { source: 'a.b/c', tags: ['2', '1'], digests: [], requests: 3 },
      { source: 'a.b/f', tags: [], digests: [ONE], requests: 1 },
    ],
    images: [
      { image: 'a.b/d:1', requests: 4 },
      { image: 'localhost:5000/e:1', requests: 4 },
      { image: 'a.b/c:2', requests: 2 },
      { image: 'a.b/c:1', requests: 1 },
      { image: `a.b/f@${ONE}`, requests: 1 },
    ],
    ...NOTHING_LEFT_OUT,
  });
});

test('images that the configuration selects by name, by digest or by a pattern are counted, and not proposed', () => {
  const missed = { 'a.b/c:1': 1, 'a.b/c:2': 1, [`a.b/d@${ONE}`]: 1, 'a.b/e:1.2.3': 1, 'a.b/e:2.0.0': 1 };
  const images = ['a.b/c:1', `a.b/d@${ONE}`, { source: 'a.b/e', tags: { semver: '1.x' } }];
  const { entries, selected, selectedByLatest } = proposed(missed, images);
  expect(entries.map(({ source, tags }) => [source, tags])).toEqual([
    ['a.b/c', ['2']],
    ['a.b/e', ['2.0.0']],
  ]);
  expect([selected, selectedByLatest]).toEqual([3, 0]);
});

test('images that latest may leave out are counted, unless an entry names them', () => {
  const images = [{ source: 'a.b/c', tags: { include: ['*', '7'], latest: 2 } }];
  expect(proposed({ 'a.b/c:1': 1, 'a.b/c:7': 1 }, images)).toMatchObject({
    entries: [],
    selected: 2,
    selectedByLatest: 1,
  });
});

test('a digest is left out if a tag of its repository was missed too, proposed or selected', () => {
  const missed = {
    'a.b/c:1': 1,
    [`a.b/c@${ONE}`]: 5,
    'a.b/d:1': 1,
    [`a.b/d@${TWO}`]: 5,
    [`a.b/e@${TWO}`]: 1,
  };
  const { entries, digestsOfTags } = proposed(missed, ['a.b/d:1']);
  expect(entries).toEqual([
    { source: 'a.b/c', tags: ['1'], digests: [], requests: 1 },
    { source: 'a.b/e', tags: [], digests: [TWO], requests: 1 },
  ]);
  expect(digestsOfTags).toBe(2);
});

test('tags that belong to an image are left out, and say nothing about digests', () => {
  const signature = `a.b/c:${ONE.replace(':', '-')}.sig`;
  expect(proposed({ [signature]: 3, [`a.b/c@${ONE}`]: 1 }, ['a.b/other:1'])).toMatchObject({
    entries: [{ source: 'a.b/c', digests: [ONE] }],
    referrerTags: 1,
    digestsOfTags: 0,
  });
});

test('a name that is served from another source is proposed with that source, and the source is no hit', () => {
  const images = [{ source: 'docker.io/library/nginx:1', name: 'images.internal/nginx' }];
  const missed = { 'images.internal/nginx:2': 2, 'docker.io/library/nginx:1': 1 };
  expect(proposed(missed, images).entries).toEqual([
    {
      source: 'docker.io/library/nginx',
      name: 'images.internal/nginx',
      tags: ['2'],
      digests: [],
      requests: 2,
    },
    { source: 'docker.io/library/nginx', tags: ['1'], digests: [], requests: 1 },
  ]);
});

test('a name that is served from a layout is not proposed, because no registry has it', () => {
  const images = [{ source: 'oci:./app', name: 'images.internal/app', tags: ['1'] }];
  expect(proposed({ 'images.internal/app:2': 1, 'images.internal/app:1': 1 }, images)).toMatchObject({
    entries: [],
    selected: 1,
    ofLayouts: ['images.internal/app:2'],
  });
});

test('what onDemand allows is counted, and not proposed', () => {
  const missed = {
    'docker.io/library/nginx:1': 3,
    'quay.io/a/b:1': 1,
    [`docker.io/library/redis@${ONE}`]: 1,
  };
  expect(proposed(missed, ['a.b/c:1'], 'onDemand: [docker.io/library/*]\n')).toMatchObject({
    entries: [{ source: 'quay.io/a/b' }],
    onDemand: 2,
  });
});
