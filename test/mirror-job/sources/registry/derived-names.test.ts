/**
 * The job derives some names from a digest: `sha256-<hex>` for a list of referrers, `sha256-<hex>.sig` for a signature,
 * and the path of the referrers API. An answer has to show that it has the content asked for, and a refusal counts as
 * absence.
 */
import { afterEach, expect, test } from 'vitest';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import type { RegistryOptions } from '../../../../mirror-job/sources/registry/registry-options.ts';
import { addArtifact, addImage, addIndex, addLayer, fallbackTag, tagAs } from '../../../support/builder.ts';
import { emptyRepository, type Digest } from '../../../support/content.ts';
import { addMultiPlatform } from '../../../support/corpus.ts';
import { readJson, referencesOf } from '../../../support/manifest-json.ts';
import { SPDX } from '../../../support/media-types.ts';
import type { Misbehaviour } from '../../../support/misbehaviour.ts';
import type { RegistryRequest } from '../../../support/registry-request.ts';
import {
  startRogueRegistry,
  type RogueOptions,
  type RogueRegistry,
} from '../../../support/rogue-registry.ts';
import {
  DAY,
  environmentFor,
  imageOf,
  outcomesOf,
  sourceAt,
  TestClock,
  type ImageOptions,
} from '../../support/harness.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const ROOT = 'repositories/mirror.test/app';
const registries: RogueRegistry[] = [];
afterEach(async () => {
  await Promise.all(registries.splice(0).map((registry) => registry.stop()));
});

/** A registry with one image for two platforms, and a mirror of it. */
async function begin(options: Partial<RogueOptions> = {}) {
  const app = emptyRepository();
  const image = await addMultiPlatform(app, 'one');
  tagAs(app, image, 'one');
  const corpus = { repositories: new Map([['team/app', app]]) };
  const registry = await startRogueRegistry({ corpus, referrers: false, ...options });
  registries.push(registry);
  const store = new MemoryStore();
  const clock = new TestClock();
  const logged: string[] = [];
  const sync = async (
    imageOptions: ImageOptions = { tags: ['one'] },
    more: Partial<RegistryOptions> = {},
  ) => {
    registry.requests.length = 0;
    const source = await sourceAt(registry.host, 'team/app', more);
    const environment = environmentFor(store, { clock });
    const report = await runMirror(environment, 'default', [
      imageOf(source, 'mirror.test/app', imageOptions),
    ]);
    logged.splice(0, logged.length, ...environment.logged);
    return outcomesOf(report);
  };
  const listedOf = (subject: Digest): string[] => {
    const object = store.objects.get(`${ROOT}/_referrers/${subject.replace(':', '/')}`);
    if (object === undefined) return [];
    return referencesOf(readJson(object.bytes)).manifests.map(({ digest }) => digest);
  };
  return { app, image, registry, store, clock, logged, sync, listedOf };
}

const isDerived = ({ kind, reference }: RegistryRequest): boolean =>
  kind === 'manifest' && reference.startsWith('sha256-');
const CREATED = { 'mirror.test/app:one': 'created' };

test.each([
  ['one', { tags: ['one'] }],
  ['the list', { tags: 'all' }],
] as const)(
  'a registry that answers sha256-<hex>, .sig or not, with the image itself has no referrers and no signatures, with tags from %s',
  async (_name, options) => {
    const { registry, image, sync, store, logged } = await begin();
    registry.misbehave(({ kind, reference }) =>
      kind === 'manifest' && /^sha256-[0-9a-f]{64}(?:\.\w+)?$/.test(reference)
        ? { kind: 'instead', reference: reference.replace('-', ':').split('.', 1).join() }
        : undefined,
    );
    expect(await sync(options)).toEqual(CREATED);
    expect(store.keys('/_referrers/')).toEqual([]);
    expect(store.keys('/_tags/')).toEqual([`${ROOT}/_tags/one`]);
    expect(logged).toEqual([]);
    expect(registry.requests.map(({ reference }) => reference)).toContain(fallbackTag(image.digest));
  },
);

test('the mirror of a registry whose list leaves derived names out loses neither signatures nor referrers', async () => {
  const { app, image, registry, store, sync, listedOf } = await begin();
  const sbom = addArtifact(app, { artifactType: SPDX, subject: image });
  tagAs(app, addIndex(app, [sbom]), fallbackTag(image.digest));
  const signature = `${fallbackTag(image.digest)}.sig`;
  tagAs(app, addImage(app, { layers: [await addLayer(app, 'signature')] }), signature);
  registry.misbehave(({ kind }) => (kind === 'tags' ? { kind: 'tags', tags: ['one'] } : undefined));
  expect(await sync({ tags: 'all' })).toEqual(CREATED);
  expect(listedOf(image.digest)).toEqual([sbom.digest]);
  expect(store.json(`${ROOT}/_tags.json`)).toEqual({ name: 'mirror.test/app', tags: ['one', signature] });
  // The HEADs: the list of referrers of four manifests, and three names for the index and each of its two children. The first
  // HEAD finds the index's list, which shows that a HEAD finds existing content, so the image itself is not requested.
  const heads = registry.requests.filter(({ method }) => method === 'HEAD');
  expect(heads).toHaveLength(4 + 3 * 3);
  expect(heads.filter((request) => !isDerived(request))).toEqual([]);
  // No derived name is requested again, because nothing is due.
  expect(await sync({ tags: 'all' })).toEqual({});
  expect(
    registry.requests.map(({ method, kind, reference }) => `${method} ${kind} ${reference}`.trim()),
  ).toEqual(['GET tags', 'HEAD manifest one']);
});

test('a list that shows one derived name shows all, so that no derived name is requested', async () => {
  const { app, image, registry, sync } = await begin();
  tagAs(
    app,
    addImage(app, { layers: [await addLayer(app, 'signature')] }),
    `${fallbackTag(image.digest)}.sig`,
  );
  expect(await sync({ tags: 'all' })).toEqual(CREATED);
  expect(registry.requests.filter(({ method }) => method === 'HEAD')).toEqual([]);
});

test('the mirror takes only referrers that name the subject themselves from a fallback tag', async () => {
  const { app, image, sync, store, listedOf, logged, registry } = await begin();
  const own = addArtifact(app, { artifactType: SPDX, subject: image });
  const other = addArtifact(app, { artifactType: 'application/other', subject: own });
  const none = addImage(app, { layers: [await addLayer(app, 'unrelated')] });
  tagAs(app, addIndex(app, [own, other, none]), fallbackTag(image.digest));
  expect(await sync()).toEqual(CREATED);
  expect(listedOf(image.digest)).toEqual([own.digest]);
  expect(listedOf(own.digest)).toEqual([]);
  for (const { digest } of [other, none]) expect(store.keys(digest.slice(7))).toEqual([]);
  const left = [other, none].map(({ digest }) => digest).toSorted();
  expect(logged).toEqual([
    `warn: ${registry.host}/team/app lists 2 manifests as referrers of ${image.digest}, but they do not name it as their subject. They are left out: ${left.join(', ')}.`,
  ]);
});

test('one sentence per subject says how many entries of a list are left out', async () => {
  const { app, image, sync, logged, registry } = await begin();
  const others: ReturnType<typeof addImage>[] = [];
  for (let index = 0; index < 20; index += 1) {
    others.push(addImage(app, { layers: [await addLayer(app, `unrelated ${index}`)] }));
  }
  tagAs(app, image, 'two');
  tagAs(app, addIndex(app, others), fallbackTag(image.digest));
  expect(await sync({ tags: ['one', 'two'] })).toEqual({ ...CREATED, 'mirror.test/app:two': 'created' });
  const shown = others.map(({ digest }) => digest).toSorted();
  expect(logged).toEqual([
    `warn: ${registry.host}/team/app lists 20 manifests as referrers of ${image.digest}, but they do not name it as their subject. They are left out: ${shown.slice(0, 3).join(', ')}, and 17 more.`,
  ]);
});

test('the mirror takes only referrers that name the subject themselves from the referrers API', async () => {
  const { app, image, sync, listedOf, registry, logged } = await begin({ referrers: true });
  const own = addArtifact(app, { artifactType: SPDX, subject: image });
  const none = addImage(app, { layers: [await addLayer(app, 'unrelated')] });
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [own, none] }));
  registry.misbehave(({ kind, reference }) =>
    kind === 'referrers' && reference === image.digest
      ? { kind: 'manifest', bytes, mediaType: 'application/vnd.oci.image.index.v1+json' }
      : undefined,
  );
  expect(await sync()).toEqual(CREATED);
  expect(listedOf(image.digest)).toEqual([own.digest]);
  expect(logged).toEqual([
    `warn: ${registry.host}/team/app lists 1 manifest as a referrer of ${image.digest}, but it does not name it as its subject. It is left out: ${none.digest}.`,
  ]);
});

test.each([
  ['an image', 'image'],
  ['a Docker manifest list', 'docker'],
])('a fallback tag that is %s lists nothing', async (_name, what) => {
  const { app, image, sync, store } = await begin();
  const sbom = addArtifact(app, { artifactType: SPDX, subject: image });
  const layers = [await addLayer(app, 'another')];
  tagAs(
    app,
    what === 'image' ? addImage(app, { layers }) : addIndex(app, [sbom], { docker: true }),
    fallbackTag(image.digest),
  );
  expect(await sync()).toEqual(CREATED);
  expect(store.keys('/_referrers/')).toEqual([]);
});

test.each([
  [401, {}],
  [403, {}],
  [401, { auth: { kind: 'basic', username: 'me', password: 'secret' } }],
  [403, { auth: { kind: 'basic', username: 'me', password: 'secret' } }],
  [401, { auth: { kind: 'bearer' } }],
  [403, { auth: { kind: 'bearer' } }],
] as const)(
  'a %s for a derived name means absence in a repository that has answered: %j',
  async (status, options) => {
    const { registry, sync, store, clock, logged } = await begin(options);
    registry.misbehave((request) => (isDerived(request) ? { kind: 'status', status } : undefined));
    const accounts = [async () => ({ username: 'me', password: 'secret', from: 'of the test' })];
    const more = 'auth' in options ? { accounts } : {};
    expect(await sync({ tags: ['one'] }, more)).toEqual(CREATED);
    expect(store.keys('/_referrers/')).toEqual([]);
    expect(logged).toEqual([]);
    // A list without derived names proves nothing, so they are requested again.
    clock.advance(DAY);
    expect(await sync({ tags: 'all' }, more)).toEqual({});
    expect(registry.requests.some((request) => isDerived(request))).toBe(true);
  },
);

test('a digest whose referrers are due is requested itself when its derived names are refused', async () => {
  const { registry, image, sync, clock } = await begin();
  const options = { tags: [], digests: [image.digest] };
  const name = `mirror.test/app:${image.digest}`;
  expect(await sync(options)).toEqual({ [name]: 'created' });
  registry.misbehave((request) => (isDerived(request) ? { kind: 'status', status: 403 } : undefined));
  clock.advance(DAY);
  expect(await sync(options)).toEqual({});
  // A GET decides whether the repository is refused.
  for (const status of [400, 403]) {
    registry.misbehave((request) =>
      isDerived(request) || (request.kind === 'manifest' && request.method === 'HEAD')
        ? { kind: 'status', status: isDerived(request) ? 403 : status }
        : undefined,
    );
    clock.advance(DAY);
    expect(await sync(options)).toEqual({});
    const gets = registry.requests.filter(({ kind, method }) => kind === 'manifest' && method === 'GET');
    expect(gets.some(({ reference }) => reference.startsWith('sha256:'))).toBe(true);
  }
  registry.misbehave(({ kind }) => (kind === 'manifest' ? { kind: 'status', status: 403 } : undefined));
  clock.advance(DAY);
  const { [name]: failure = '' } = await sync(options);
  expect(failure).toMatch(
    /answered 403 to GET manifests\/sha256:[0-9a-f]{64}: "told to answer 403"\. If the image is private, configure/,
  );
});

test.each([
  ['the list of referrers', '', true],
  ['a signature', '.sig', true],
  ['a signature that only a HEAD shows', '.sig', false],
] as const)(
  '%s that is there and refused fails the tag, without a word about credentials',
  async (_name, suffix, isListed) => {
    const { app, image, registry, sync } = await begin();
    const tag = `${fallbackTag(image.digest)}${suffix}`;
    tagAs(app, addIndex(app, [addArtifact(app, { artifactType: SPDX, subject: image })]), tag);
    registry.misbehave((request) =>
      isDerived(request) && request.method === 'GET' ? { kind: 'status', status: 403 } : undefined,
    );
    const { 'mirror.test/app:one': failure } = await sync({ tags: isListed ? 'all' : ['one'] });
    expect(failure).toBe(
      `${suffix === '' ? '' : `The signature tag "${tag}": `}${registry.host}/team/app: the tag "${tag}" is refused (403), and the rest of the repository is not. Have it made readable there, or mirror the image without what refers to it, by "referrers: false".`,
    );
  },
);

test.each([400, 401, 403, 404, 405])(
  'signatures and referrers are found where every HEAD is answered %s, in the first run and in the next one',
  async (status) => {
    const { app, image, registry, store, clock, sync, listedOf } = await begin();
    registry.misbehave(({ kind, method }) =>
      kind === 'manifest' && method === 'HEAD' ? { kind: 'status', status } : undefined,
    );
    const sbom = addArtifact(app, { artifactType: SPDX, subject: image });
    tagAs(app, addIndex(app, [sbom]), fallbackTag(image.digest));
    const sign = async (suffix: string): Promise<string> => {
      const tag = `${fallbackTag(image.digest)}.${suffix}`;
      tagAs(app, addImage(app, { layers: [await addLayer(app, suffix)] }), tag);
      return tag;
    };
    const first = await sign('sig');
    expect(await sync()).toEqual(CREATED);
    expect(listedOf(image.digest)).toEqual([sbom.digest]);
    expect(store.keys('/_tags/sha256-')).toEqual([`${ROOT}/_tags/${first}`]);
    const second = await sign('att');
    clock.advance(DAY);
    expect(await sync()).toEqual({});
    expect(store.keys('/_tags/sha256-')).toEqual([second, first].map((tag) => `${ROOT}/_tags/${tag}`));
  },
);

test('digests that upstream has deleted are requested at most once by HEAD and once by GET, however many names are derived from them', async () => {
  const { app, registry, image, sync, clock } = await begin();
  const options = { tags: [], digests: [image.digest] };
  await sync(options);
  app.manifests.clear();
  clock.advance(DAY);
  expect(await sync(options)).toEqual({});
  const named = registry.requests
    .filter((request) => request.kind === 'manifest' && !isDerived(request))
    .map(({ method, reference }) => `${method} ${reference}`);
  expect(named.toSorted()).toEqual([...new Set(named)].toSorted());
  expect(named.filter((line) => line.startsWith('GET'))).not.toEqual([]);
});

test.each([400, 401, 402, 403, 404, 405, 406, 409, 410, 415, 418, 422, 451, 501])(
  'a referrers API that answers %s counts as absent, and the fallback tag is asked for',
  async (status) => {
    const { app, image, registry, sync, listedOf } = await begin({ referrers: true });
    const sbom = addArtifact(app, { artifactType: SPDX, subject: image });
    tagAs(app, addIndex(app, [sbom]), fallbackTag(image.digest));
    registry.misbehave(({ kind }) => (kind === 'referrers' ? { kind: 'status', status } : undefined));
    expect(await sync()).toEqual(CREATED);
    expect(listedOf(image.digest)).toEqual([sbom.digest]);
    // There are four subjects. One refusal may be about one subject; three in a row are about the API.
    const count = [404, 405, 501].includes(status) ? 1 : 3;
    expect(registry.requests.filter(({ kind }) => kind === 'referrers')).toHaveLength(count);
  },
);

test.each([400, 403, 406])(
  'a %s for one subject takes nothing from the subjects after it, and its own fallback tag is asked for',
  async (status) => {
    const { app, image, registry, sync, listedOf } = await begin({ referrers: true });
    const signature = addArtifact(app, { artifactType: 'application/signature', subject: image });
    tagAs(app, addIndex(app, [signature]), fallbackTag(image.digest));
    const index = app.manifests.get(image.digest)?.bytes ?? Buffer.of();
    const [child = image] = referencesOf(readJson(index)).manifests;
    const { mediaType, digest, size } = child;
    const sbom = addArtifact(app, { artifactType: SPDX, subject: { mediaType, digest, size } });
    // Only the request for the first subject is refused, which is the image itself.
    let first: string | undefined;
    registry.misbehave(({ kind, reference }) => {
      if (kind !== 'referrers') return undefined;
      first ??= reference;
      return reference === first ? { kind: 'status', status } : undefined;
    });
    expect(await sync({ tags: ['one'] })).toEqual(CREATED);
    expect([first, listedOf(image.digest)]).toEqual([image.digest, [signature.digest]]);
    expect(listedOf(child.digest)).toEqual([sbom.digest]);
  },
);

test.each(['application/json', 'text/plain; charset=utf-8', 'text/html'])(
  'a list of referrers that comes as %s is taken',
  async (mediaType) => {
    const { app, image, registry, sync, listedOf } = await begin({ referrers: true });
    const sbom = addArtifact(app, { artifactType: SPDX, subject: image });
    const list = {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [sbom],
    };
    registry.misbehave(({ kind, reference }) =>
      kind === 'referrers' && reference === image.digest
        ? { kind: 'manifest', bytes: Buffer.from(JSON.stringify(list)), mediaType }
        : undefined,
    );
    expect(await sync()).toEqual(CREATED);
    expect(listedOf(image.digest)).toEqual([sbom.digest]);
  },
);

test.each([
  ['<html>not here</html>', 'text/html'],
  ['{"errors":[]}', 'application/json'],
  ['{"manifests":"none"}', 'application/json'],
  ['[]', 'application/json'],
])(
  'a referrers API that answers %s is a page, and the fallback tag is asked for',
  async (text, mediaType) => {
    const { app, image, registry, sync, listedOf } = await begin({ referrers: true });
    const sbom = addArtifact(app, { artifactType: SPDX, subject: image });
    tagAs(app, addIndex(app, [sbom]), fallbackTag(image.digest));
    registry.misbehave(({ kind }) =>
      kind === 'referrers' ? { kind: 'manifest', bytes: Buffer.from(text), mediaType } : undefined,
    );
    expect(await sync()).toEqual(CREATED);
    expect(listedOf(image.digest)).toEqual([sbom.digest]);
  },
);

test.each([
  ['application/json', {}, 1],
  ['application/octet-stream', {}, 1],
  ['application/vnd.docker.distribution.manifest.list.v2+json', {}, 0],
  ['application/json', { mediaType: 'application/vnd.oci.image.index.v1+json' }, 1],
  ['application/json', { mediaType: 'application/vnd.docker.distribution.manifest.list.v2+json' }, 0],
])('a fallback tag that comes as %s and says %j lists %i', async (mediaType, own, count) => {
  const { app, image, registry, sync, listedOf } = await begin();
  const sbom = addArtifact(app, { artifactType: SPDX, subject: image });
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, ...own, manifests: [sbom] }));
  registry.misbehave(({ kind, reference }) =>
    kind === 'manifest' && reference === fallbackTag(image.digest)
      ? { kind: 'manifest', bytes, mediaType }
      : undefined,
  );
  expect(await sync()).toEqual(CREATED);
  expect(listedOf(image.digest)).toEqual(count === 0 ? [] : [sbom.digest]);
});

test.each([
  ['a host that cannot be reached', { kind: 'redirect', location: 'http://127.0.0.1:1/v2/' }],
  ['a host that has no name', { kind: 'redirect', location: 'http://nowhere.invalid/login' }],
  ['an address that is not of the web', { kind: 'redirect', location: 'ftp://127.0.0.1/' }],
  ['itself, in a circle', { kind: 'redirect-loop' }],
] as const)('a referrers API that redirects to %s is ignored', async (_name, misbehaviour: Misbehaviour) => {
  const { app, image, registry, sync, listedOf } = await begin({ referrers: true });
  const sbom = addArtifact(app, { artifactType: SPDX, subject: image });
  tagAs(app, addIndex(app, [sbom]), fallbackTag(image.digest));
  registry.misbehave(({ kind }) => (kind === 'referrers' ? misbehaviour : undefined));
  expect(await sync()).toEqual(CREATED);
  expect(listedOf(image.digest)).toEqual([sbom.digest]);
});

test.each([429, 500, 503])(
  'a referrers API that answers %s fails the tag, because it may answer later',
  async (status) => {
    const { registry, sync } = await begin({ referrers: true });
    registry.misbehave(({ kind }) => (kind === 'referrers' ? { kind: 'status', status } : undefined));
    const { 'mirror.test/app:one': failure } = await sync();
    expect(failure).toContain(`the registry answered ${status} to GET referrers/`);
  },
);

test('the error names a referrer that the upstream lists and has deleted, and says how to go on', async () => {
  const { app, image, registry, sync, store } = await begin();
  const sbom = addArtifact(app, { artifactType: SPDX, subject: image });
  tagAs(app, addIndex(app, [sbom]), fallbackTag(image.digest));
  app.manifests.delete(sbom.digest);
  expect(await sync()).toEqual({
    'mirror.test/app:one': `${registry.host}/team/app lists ${sbom.digest} as a referrer of ${image.digest} (a signature, an SBOM or the like), but no longer has it: it was probably cleaned up upstream. Have it taken off that list, or mirror the image without its referrers: set "referrers: false".`,
  });
  expect(store.keys('/_tags/')).toEqual([]);
  expect(await sync({ tags: ['one'], referrersEveryMs: false })).toEqual(CREATED);
});
