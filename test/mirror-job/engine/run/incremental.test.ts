/** The requests of a run, counted on both sides: at a real S3 API, and at a registry. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addArtifact, addIndex, fallbackTag, tagAs } from '../../../support/builder.ts';
import { emptyRepository, repositoryOf, selectRepositories, type Corpus } from '../../../support/content.ts';
import { addMultiPlatform, buildCorpus } from '../../../support/corpus.ts';
import { SPDX } from '../../../support/media-types.ts';
import { DAY, TestClock } from '../../support/harness.ts';
import { ProxiedMirror } from '../../support/proxied-mirror.ts';

let mirror: ProxiedMirror;

beforeAll(async () => {
  mirror = await ProxiedMirror.start(6);
}, 60_000);

afterAll(async () => {
  await mirror.stop();
});

/** The writes of a run that finds nothing new: its report, and the two objects for the pages of the edge. */
const ENDED = ['PUT state/test/last-run.json', 'PUT state/test/overview.json', 'PUT state/test/runs.json'];

/** The reads of the scrub. */
const SCRUBBED = /^(?:GET|HEAD) (?:blobs|repositories\/.*\/_(?:manifests|blobs|referrers))\//;

function corpusOf(...entries: [string, ReturnType<typeof emptyRepository>][]): Corpus {
  return { repositories: new Map(entries) };
}

test('the whole corpus is mirrored, and its second sync sends one HEAD per tag', async () => {
  const corpus = await buildCorpus();
  await mirror.begin(corpus);
  const paths = [...corpus.repositories.keys()];
  await mirror.sync(paths);
  const walk = await mirror.walk();
  expect([...walk.problems, ...walk.behind]).toEqual([]);
  const tags = paths.flatMap((path) =>
    [...repositoryOf(corpus, path).tags].map(([tag, digest]) => [`mirror.test/${path}:${tag}`, digest]),
  );
  expect(Object.fromEntries(walk.tags)).toEqual(Object.fromEntries(tags));

  const again = await mirror.sync(paths);
  expect(again.outcomes).toEqual({});
  // Tags that belong to an image by their name are requested only when its referrers are due, which they are not here.
  const heads = paths.flatMap((path) =>
    [...repositoryOf(corpus, path).tags.keys()]
      .filter((tag) => !tag.startsWith('sha256-'))
      .map((tag) => `HEAD manifest ${tag}`),
  );
  expect(again.upstream.toSorted()).toEqual([...heads, ...paths.map(() => 'GET tags')].toSorted());
  expect(again.writes.filter((write) => write !== 'PUT state/test/scrub.json').toSorted()).toEqual(ENDED);
  expect(again.reads.filter((read) => !SCRUBBED.test(read)).toSorted()).toEqual(
    [
      ...paths.map((path) => `GET repositories/mirror.test/${path}/_index.json`),
      'GET state/test/catalog.json',
      'GET state/test/overview.json',
      'GET state/test/runs.json',
      'GET state/test/scrub.json',
    ].toSorted(),
  );
  // At most 32 blobs with their links, and 32 manifests with their lists of referrers.
  const scrubbed = again.reads.filter((read) => SCRUBBED.test(read));
  expect(scrubbed.filter((read) => read.startsWith('HEAD ')).length).toBeLessThanOrEqual(64);
  expect(scrubbed.filter((read) => read.startsWith('GET ')).length).toBeLessThanOrEqual(64);
}, 60_000);

test('an image with explicit tags lists no tags upstream', async () => {
  const corpus = selectRepositories(await buildCorpus(), (name) => name === 'library/app');
  await mirror.begin(corpus);
  const options = { tags: ['1.0.0', 'latest'] };
  const first = await mirror.sync(['library/app'], options);
  expect(first.upstream.filter((request) => request.includes('tags'))).toEqual([]);
  const second = await mirror.sync(['library/app'], options);
  expect(second.upstream).toEqual(['HEAD manifest 1.0.0', 'HEAD manifest latest']);
  expect(second.writes.toSorted()).toEqual(ENDED);
}, 30_000);

test('a tag that moves costs only its own new content', async () => {
  const app = emptyRepository();
  const before = await addMultiPlatform(app, 'before');
  tagAs(app, before, 'latest', 'still');
  await mirror.begin(corpusOf(['team/app', app]));
  await mirror.sync(['team/app'], { tags: ['latest', 'still'], referrersEveryMs: false });

  const known = new Set(app.blobs.keys());
  const after = await addMultiPlatform(app, 'after');
  tagAs(app, after, 'latest');
  const fresh = [...app.blobs.keys()].filter((digest) => !known.has(digest));
  const run = await mirror.sync(['team/app'], { tags: ['latest', 'still'], referrersEveryMs: false });
  expect(run.outcomes).toEqual({ 'mirror.test/team/app:latest': 'moved' });
  const manifests = run.upstream.filter((request) => request.startsWith('GET manifest'));
  expect(manifests.length).toBe(3);
  expect(run.upstream.filter((request) => request.startsWith('GET blob')).toSorted()).toEqual(
    fresh.map((digest) => `GET blob ${digest}`).toSorted(),
  );
  expect(run.writes.filter((write) => write.startsWith('PUT blobs/')).length).toBe(fresh.length);
}, 30_000);

test('a layer that two repositories share is fetched and stored once, and linked twice', async () => {
  const corpus = selectRepositories(await buildCorpus(), (name) => name.startsWith('team/'));
  const [one, two] = ['team/one', 'team/two'].map((name) => repositoryOf(corpus, name));
  const shared = [...(one?.blobs.keys() ?? [])].filter((digest) => two?.blobs.has(digest) === true);
  expect(shared.length).toBe(1);
  const [digest = ''] = shared;
  await mirror.begin(corpus);
  const run = await mirror.sync(['team/one', 'team/two']);
  const hex = digest.replace('sha256:', 'sha256/');
  expect(run.upstream.filter((request) => request.includes(digest))).toEqual([`GET blob ${digest}`]);
  expect(run.writes.filter((write) => write.includes(hex)).toSorted()).toEqual([
    `PUT blobs/${hex}`,
    `PUT repositories/mirror.test/team/one/_blobs/${hex}`,
    `PUT repositories/mirror.test/team/two/_blobs/${hex}`,
  ]);
}, 30_000);

test.each([
  ['API', true],
  ['fallback tag', false],
])(
  'new referrers are found through the %s after the time that is configured',
  async (_name, referrers) => {
    const app = emptyRepository();
    const image = await addMultiPlatform(app, 'signed');
    tagAs(app, image, 'latest');
    await mirror.begin(corpusOf(['team/app', app]), { referrers });
    const clock = new TestClock();
    const options = { tags: ['latest'], referrersEveryMs: DAY };
    await mirror.sync(['team/app'], options, clock);
    const sbom = addArtifact(app, { artifactType: SPDX, subject: image });
    if (!referrers) {
      tagAs(app, addIndex(app, [sbom]), fallbackTag(image.digest));
    }
    clock.advance(DAY - 1);
    expect((await mirror.sync(['team/app'], options, clock)).upstream).toEqual(['HEAD manifest latest']);
    clock.advance(1);
    const due = await mirror.sync(['team/app'], options, clock);
    expect(due.outcomes).toEqual({});
    expect(due.upstream).toContain(`GET manifest ${sbom.digest}`);
    expect((await mirror.walk()).problems).toEqual([]);
    const list = `PUT repositories/mirror.test/team/app/_referrers/${image.digest.replace(':', '/')}`;
    expect(due.writes.filter((write) => write.includes('_referrers'))).toEqual([list]);
    clock.advance(DAY - 1);
    expect((await mirror.sync(['team/app'], options, clock)).upstream).toEqual(['HEAD manifest latest']);
  },
  30_000,
);
