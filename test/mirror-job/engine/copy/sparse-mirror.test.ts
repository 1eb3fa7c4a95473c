/** The requests for a subset of platforms and its signatures, counted at a real S3 API and at a registry. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addImage, addJson, tagAs } from '../../../support/builder.ts';
import { emptyRepository, repositoryOf, selectRepositories } from '../../../support/content.ts';
import { addMultiPlatform, buildCorpus } from '../../../support/corpus.ts';
import { COSIGN_SIGNATURE } from '../../../support/media-types.ts';
import { ProxiedMirror } from '../../support/proxied-mirror.ts';

let mirror: ProxiedMirror;

beforeAll(async () => {
  mirror = await ProxiedMirror.start(2);
}, 60_000);

afterAll(async () => {
  await mirror.stop();
});

test('a run for all platforms after a run for some fetches the missing ones, and nothing else', async () => {
  const paths = ['library/app', 'library/attested', 'library/docker', 'library/nested', 'library/signed'];
  const corpus = selectRepositories(await buildCorpus(), (name) => paths.includes(name));
  await mirror.begin(corpus);
  const options = { platforms: ['linux/amd64'], referrersEveryMs: false } as const;
  const first = await mirror.sync(paths, options);
  expect(new Set(Object.values(first.outcomes))).toEqual(new Set(['created']));
  expect((await mirror.walk()).problems).toEqual([]);

  const again = await mirror.sync(paths, options);
  expect(again.upstream.filter((request) => request.startsWith('GET'))).toEqual(paths.map(() => 'GET tags'));
  expect(again.writes.filter((write) => !write.startsWith('PUT state/'))).toEqual([]);

  const whole = await mirror.sync(paths, { referrersEveryMs: false });
  expect(whole.outcomes).toEqual({});
  const { problems, behind } = await mirror.walk();
  expect([problems, behind]).toEqual([[], []]);
  const gets = [...first.upstream, ...whole.upstream].filter((request) =>
    /^GET (manifest|blob) sha/.test(request),
  );
  expect(gets.length).toBe(new Set(gets).size);
  const blobs = paths.flatMap((path) => Array.from(repositoryOf(corpus, path).blobs.keys()));
  const fetched = new Set(gets.map((request) => request.replace('GET blob ', '')));
  // Referrers and their blobs are not requested here.
  const { blobs: signed } = repositoryOf(corpus, 'library/signed');
  expect(blobs.filter((digest) => !fetched.has(digest) && !signed.has(digest))).toEqual([]);
}, 90_000);

test('old signature tags of a named tag cost three HEADs per digest, when its referrers are asked for', async () => {
  const app = emptyRepository();
  const image = await addMultiPlatform(app, 'signed');
  tagAs(app, image, '1', 'also');
  const digests = [...app.manifests.keys()];
  const layer = addJson(app, COSIGN_SIGNATURE, { signs: image.digest });
  const signature = `${image.digest.replace(':', '-')}.sig`;
  tagAs(app, addImage(app, { layers: [{ ...layer, diffId: layer.digest }] }), signature);
  await mirror.begin({ repositories: new Map([['team/app', app]]) });
  const first = await mirror.sync(['team/app'], { tags: ['1', 'also'] });
  const heads = digests.flatMap((digest) =>
    ['sig', 'att', 'sbom'].map((suffix) => `HEAD manifest ${digest.replace(':', '-')}.${suffix}`),
  );
  expect(first.upstream.filter((request) => request.startsWith('HEAD')).toSorted()).toEqual(heads.toSorted());
  expect(first.upstream.filter((request) => request === `GET manifest ${signature}`).length).toBe(1);
  const walk = await mirror.walk();
  expect([walk.problems, walk.behind]).toEqual([[], []]);
  expect([...walk.tags.keys()].toSorted()).toEqual(
    ['1', 'also', signature].map((tag) => `mirror.test/team/app:${tag}`),
  );
  const again = await mirror.sync(['team/app'], { tags: ['1', 'also'] });
  expect(again.upstream.toSorted()).toEqual(['HEAD manifest 1', 'HEAD manifest also']);
}, 60_000);
