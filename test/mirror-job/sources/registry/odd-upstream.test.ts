/** Registries may behave oddly without a failure. Everything that can be mirrored is mirrored. */
import { afterEach, expect, test } from 'vitest';
import { parseDigest } from '../../../../core/digest.ts';
import { parseTag } from '../../../../core/reference.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import type { RegistryOptions } from '../../../../mirror-job/sources/registry/registry-options.ts';
import { RegistrySource } from '../../../../mirror-job/sources/registry/registry-source.ts';
import {
  addImage,
  addIndex,
  addLayer,
  addStreamedLayer,
  fallbackTag,
  tagAs,
} from '../../../support/builder.ts';
import { digestOf, emptyRepository, type Corpus, type Repository } from '../../../support/content.ts';
import { readJson } from '../../../support/manifest-json.ts';
import type { RogueOptions, RogueRegistry } from '../../../support/rogue-registry.ts';
import { startRogueRegistry } from '../../../support/rogue-registry.ts';
import { DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from '../../../support/media-types.ts';
import { fakeHttpClient } from './fake-http-client.ts';
import {
  environmentFor,
  imageOf,
  outcomesOf,
  registryAt,
  sourceAt,
  TestClock,
  type ImageOptions,
} from '../../support/harness.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const registries: RogueRegistry[] = [];
afterEach(async () => {
  await Promise.all(registries.splice(0).map((registry) => registry.stop()));
});

async function start(corpus: Corpus, options: Partial<RogueOptions> = {}): Promise<RogueRegistry> {
  const registry = await startRogueRegistry({ corpus, ...options });
  registries.push(registry);
  return registry;
}

function corpusOf(repository: Repository): Corpus {
  return { repositories: new Map([['team/app', repository]]) };
}

async function appWith(...tags: readonly string[]): Promise<Repository> {
  const app = emptyRepository();
  for (const tag of tags) tagAs(app, addImage(app, { layers: [await addLayer(app, tag)] }), tag);
  return app;
}

interface Mirror {
  readonly store: MemoryStore;
  /** Tag → outcome. */
  sync(options?: ImageOptions, registryOptions?: Partial<RegistryOptions>): Promise<Record<string, string>>;
}

function mirrorOf(registry: RogueRegistry): Mirror {
  const store = new MemoryStore();
  return {
    store,
    sync: async (options, registryOptions) => {
      const source = await sourceAt(registry.host, 'team/app', registryOptions);
      const image = imageOf(source, 'mirror.test/app', options);
      const report = await runMirror(environmentFor(store), 'default', [image]);
      return Object.fromEntries(
        Object.entries(outcomesOf(report)).map(([name, outcome]) => [
          name.replace('mirror.test/app:', ''),
          outcome,
        ]),
      );
    },
  };
}

function asked(registry: RogueRegistry): string[] {
  return registry.requests.map(({ method, kind, reference }) => `${method} ${kind} ${reference}`.trim());
}

test.each([
  ['refuses HEAD', { kind: 'status', status: 405 }],
  ['names no digest', { kind: 'headers', omit: ['Docker-Content-Digest'] }],
] as const)('a registry that %s gets a GET', async (_name, misbehaviour) => {
  const app = await appWith('one');
  const registry = await start(corpusOf(app));
  const mirror = mirrorOf(registry);
  expect(await mirror.sync({ tags: ['one'] })).toEqual({ one: 'created' });
  registry.misbehave(({ method }) => (method === 'HEAD' ? misbehaviour : undefined));
  registry.requests.length = 0;
  expect(await mirror.sync({ tags: ['one'] })).toEqual({});
  expect(asked(registry)).toEqual(['HEAD manifest one', 'GET manifest one']);
});

test('a first manifest without a digest header gets the digest of its own bytes', async () => {
  const app = await appWith('one');
  const registry = await start(corpusOf(app), {
    misbehave: () => ({ kind: 'headers', omit: ['Docker-Content-Digest'] }),
  });
  const mirror = mirrorOf(registry);
  expect(await mirror.sync()).toEqual({ one: 'created' });
  expect(mirror.store.keys('_manifests/')).toEqual([
    `repositories/mirror.test/app/_manifests/sha256/${app.tags.get('one')?.slice(7)}`,
  ]);
});

test('a tag that changes between HEAD and GET is mirrored at the digest of the HEAD', async () => {
  const app = await appWith('one', 'two', 'three');
  const registry = await start(corpusOf(app));
  const mirror = mirrorOf(registry);
  await mirror.sync({ tags: ['one'] });
  registry.misbehave(({ method, kind, reference }) => {
    if (kind !== 'manifest' || reference !== 'one') return undefined;
    return { kind: 'instead', reference: method === 'HEAD' ? 'two' : 'three' };
  });
  expect(await mirror.sync({ tags: ['one'] })).toEqual({ one: 'moved' });
  const tag = mirror.store.json('repositories/mirror.test/app/_tags/one');
  expect(tag).toMatchObject({ digest: app.tags.get('two') });
});

test('a list whose pages lead in a circle fails the image', async () => {
  const registry = await start(corpusOf(await appWith('one')), {
    misbehave: ({ kind }) => (kind === 'tags' ? { kind: 'page-loop' } : undefined),
  });
  const mirror = mirrorOf(registry);
  expect(await mirror.sync()).toEqual({
    'mirror.test/app': `${registry.host}/team/app: the pages of tags/list lead in a circle. Name the tags that you want instead of patterns: that needs no list.`,
  });
  expect(mirror.store.keys('repositories/')).toEqual([]);
});

test('a list with ever new pages fails after 10,000 pages', async () => {
  let pages = 0;
  const httpClient = fakeHttpClient(() => {
    pages += 1;
    return Response.json({ tags: [] }, { headers: { link: `</tags/list?last=${pages}>; rel="next"` } });
  });
  const source = await sourceAt('registry.test', 'team/app', { httpClient });
  await expect(source.tags()).rejects.toThrow(
    'registry.test/team/app: tags/list has more than 10000 pages. Name the tags that you want instead of patterns: that needs no list.',
  );
  expect(pages).toBe(10_000);
});

test('a listed tag that is gone fails alone, and a mirrored tag that is gone stays and is no failure', async () => {
  const app = await appWith('one', 'two');
  const registry = await start(corpusOf(app), {
    misbehave: ({ kind }) =>
      kind === 'tags' ? { kind: 'tags', tags: ['gone', 'one', 'two', 'not a tag!'] } : undefined,
  });
  const mirror = mirrorOf(registry);
  const name = `${registry.host}/team/app`;
  expect(await mirror.sync()).toEqual({ gone: `${name} has no tag "gone".`, one: 'created', two: 'created' });
  app.tags.delete('two');
  expect(await mirror.sync()).toEqual({
    gone: `${name} has no tag "gone".`,
    two: 'gone',
  });
  expect(mirror.store.keys('_tags/')).toEqual([
    'repositories/mirror.test/app/_tags/one',
    'repositories/mirror.test/app/_tags/two',
  ]);
});

test('a page with more tags than a call can have arguments is read', async () => {
  const tags = Array.from({ length: 200_000 }, (_, index) => `t${index}`);
  const registry = await start(corpusOf(await appWith('one')), {
    misbehave: ({ kind }) => (kind === 'tags' ? { kind: 'tags', tags } : undefined),
  });
  const source = await sourceAt(registry.host, 'team/app');
  expect(await source.tags()).toEqual(tags);
});

test('a blob whose connection closes after each megabyte goes on where it broke', async () => {
  const app = emptyRepository();
  const layer = await addStreamedLayer(app, 'long', 3_500_000);
  tagAs(app, addImage(app, { layers: [layer] }), 'one');
  const registry = await start(corpusOf(app), {
    misbehave: ({ reference }) =>
      reference === layer.digest ? { kind: 'close', after: 1_000_000 } : undefined,
  });
  expect(await mirrorOf(registry).sync({ tags: ['one'] })).toEqual({ one: 'created' });
  const ranges = registry.requests
    .filter(({ reference }) => reference === layer.digest)
    .map(({ headers }) => headers.range);
  const end = layer.size - 1;
  expect(ranges).toEqual([undefined, `bytes=1000000-${end}`, `bytes=2000000-${end}`, `bytes=3000000-${end}`]);
});

test('a request waits as long as Retry-After says', async () => {
  const app = await appWith('one');
  const answers = ['7', 'Thu, 01 Jan 2026 00:00:27 GMT', '60'];
  const registry = await start(corpusOf(app), {
    misbehave: ({ nth }) => {
      const after = answers[nth];
      return after === undefined
        ? undefined
        : { kind: 'status', status: 429, headers: { 'retry-after': after } };
    },
  });
  const clock = new TestClock('2026-01-01T00:00:00.000Z');
  const mirror = mirrorOf(registry);
  const retry = { attempts: 4, delayMs: 10, maxDelayMs: 60_000 };
  const outcomes = await mirror.sync({ tags: ['one'], referrersEveryMs: false }, { clock, retry });
  expect(outcomes).toEqual({ one: 'created' });
  expect(clock.sleeps.slice(0, 3)).toEqual([7000, 20_000, 60_000]);
});

test('a registry whose Retry-After is longer than the job waits gets no request before that time', async () => {
  const registry = await start(corpusOf(await appWith('one', 'two')), {
    misbehave: () => ({ kind: 'status', status: 429, headers: { 'retry-after': '3600' } }),
  });
  const clock = new TestClock('2026-01-01T00:00:00.000Z');
  const outcomes = await mirrorOf(registry).sync({ tags: ['one', 'two', 'three'] }, { clock });
  const left = `${registry.host}/team/app: the registry allows no request until 2026-01-01T01:00:00.000Z (Retry-After), and is not asked before that time.`;
  expect(outcomes).toEqual({
    one: `${registry.host}/team/app: the registry answered 429 to GET manifests/one: "told to answer 429". Its rate limit is reached; later runs go on where this one stopped.`,
    two: left,
    three: left,
  });
  expect([registry.requests.length, clock.sleeps]).toEqual([1, []]);
});

test('a Retry-After of the storage behind a registry does not apply to the registry', async () => {
  const app = emptyRepository();
  const layer = await addLayer(app, 'one');
  tagAs(app, addImage(app, { layers: [layer] }), 'one');
  const registry = await start(corpusOf(app), {
    misbehave: ({ kind, host }) => {
      if (kind !== 'blob') return undefined;
      if (host.startsWith('127.')) return { kind: 'redirect-elsewhere' };
      return { kind: 'status', status: 503, headers: { 'retry-after': '3600' } };
    },
  });
  const client = await registryAt(registry.host);
  const source = new RegistrySource(client, 'team/app');
  for (let tries = 0; tries < 2; tries += 1) {
    await expect(source.blob(parseDigest(layer.digest), layer.size, 0)).rejects.toThrow(
      `${registry.host}/team/app: ${registry.elsewhere}, to which the registry redirects, answered 503 to GET blobs/${layer.digest}: "told to answer 503".`,
    );
  }
  expect(await source.resolve(parseTag('one'))).toMatchObject({ digest: app.tags.get('one') });
  expect(registry.requests.map(({ method, kind, host }) => `${method} ${kind} ${host}`)).toEqual([
    `GET blob ${registry.host}`,
    `GET blob ${registry.elsewhere}`,
    `GET blob ${registry.host}`,
    `GET blob ${registry.elsewhere}`,
    `HEAD manifest ${registry.host}`,
  ]);
});

test('a registry that fails five times in a row gets no more requests', async () => {
  const tags = Array.from({ length: 12 }, (_, index) => `t${index}`);
  const registry = await start(corpusOf(await appWith('one')), {
    misbehave: () => ({ kind: 'status', status: 503 }),
  });
  const source = await sourceAt(registry.host, 'team/app');
  const image = imageOf(source, 'mirror.test/app', { tags });
  const environment = environmentFor(new MemoryStore(), { limits: { tags: 1 } });
  const outcomes = Object.values(outcomesOf(await runMirror(environment, 'default', [image])));
  expect(outcomes.slice(0, 5)).toEqual(
    tags
      .slice(0, 5)
      .map(
        (tag) =>
          `${registry.host}/team/app: the registry answered 503 to GET manifests/${tag}: "told to answer 503".`,
      ),
  );
  expect(new Set(outcomes.slice(5))).toEqual(
    new Set([`http://${registry.host} failed 5 times in a row; it is not asked again in this run.`]),
  );
  expect(registry.requests.length).toBe(10);
});

test('a repository that always fails does not stop its siblings at the same registry', async () => {
  const app = await appWith('one');
  const names = Array.from({ length: 8 }, (_, index) => `t${index}`);
  const corpus: Corpus = { repositories: new Map([['team/app', app]]) };
  const registry = await start(corpus, {
    misbehave: ({ repository }) => (repository === 'team/ill' ? { kind: 'status', status: 502 } : undefined),
  });
  const client = await registryAt(registry.host);
  const images = [
    imageOf(new RegistrySource(client, 'team/ill'), 'mirror.test/ill', { tags: names }),
    imageOf(new RegistrySource(client, 'team/app'), 'mirror.test/app', { tags: ['one'] }),
  ];
  const environment = environmentFor(new MemoryStore(), { limits: { tags: 1 } });
  const outcomes = outcomesOf(await runMirror(environment, 'default', images));
  expect(outcomes['mirror.test/app:one']).toBe('created');
  expect(outcomes['mirror.test/ill:t7']).toBe(
    `${registry.host}/team/ill failed 5 times in a row; it is not asked again in this run.`,
  );
});

test('manifests and lists whose body breaks off are requested again', async () => {
  let broken = 0;
  const registry = await start(corpusOf(await appWith('one')), {
    misbehave: ({ kind }) => {
      if (kind !== 'manifest' && kind !== 'tags') return undefined;
      broken += 1;
      return broken % 3 === 0 ? undefined : { kind: 'close', after: 5 };
    },
  });
  const mirror = mirrorOf(registry);
  expect(await mirror.sync({ referrersEveryMs: false })).toEqual({ one: 'created' });
  expect(asked(registry).filter((line) => !line.includes('blob'))).toEqual([
    'GET tags',
    'GET tags',
    'GET tags',
    'GET manifest one',
    'GET manifest one',
    'GET manifest one',
  ]);
});

test('a token whose response breaks off is requested again', async () => {
  let isFirst = true;
  const registry = await start(corpusOf(await appWith('one')), {
    auth: { kind: 'bearer' },
    misbehave: ({ kind }) => {
      if (kind !== 'token' || !isFirst) return undefined;
      isFirst = false;
      return { kind: 'close', after: 5 };
    },
  });
  expect(await mirrorOf(registry).sync({ tags: ['one'], referrersEveryMs: false })).toEqual({
    one: 'created',
  });
});

test('a Retry-After that no date can hold is cut to 366 days', async () => {
  const registry = await start(corpusOf(await appWith('one')), {
    misbehave: () => ({ kind: 'status', status: 429, headers: { 'retry-after': '9'.repeat(30) } }),
  });
  const outcomes = await mirrorOf(registry).sync({ tags: ['one', 'two'] });
  expect(outcomes['two']).toContain('allows no request until 2027-01-02T00:00:00.000Z (Retry-After)');
});

test('a digest that upstream has deleted does not make the image private', async () => {
  const app = await appWith('one');
  const registry = await start(corpusOf(app), { auth: { kind: 'bearer' } });
  const accounts = [async () => ({ username: 'me', password: 'secret', from: 'of the test' })];
  const absent = `sha256:${'0'.repeat(64)}`;
  const outcomes = await mirrorOf(registry).sync(
    { tags: ['one'], digests: [absent], mustBePublic: true, referrersEveryMs: false },
    { accounts },
  );
  expect(outcomes['one']).toBe('created');
  expect(outcomes[absent]).toBe(`${registry.host}/team/app has no manifest ${absent}.`);
});

test('a stored pin stays when upstream has deleted it', async () => {
  const app = await appWith('one');
  const pin = app.tags.get('one') ?? '';
  const registry = await start(corpusOf(app), { auth: { kind: 'bearer' } });
  const accounts = [async () => ({ username: 'me', password: 'secret', from: 'of the test' })];
  const mirror = mirrorOf(registry);
  const options = { tags: [], digests: [pin], mustBePublic: true, referrersEveryMs: 0 };
  expect(Object.values(await mirror.sync(options, { accounts }))).toEqual(['created']);
  app.manifests.delete(pin);
  app.tags.clear();
  const before = registry.requests.length;
  expect(await mirror.sync(options, { accounts })).toEqual({});
  // The pin was due, and requested.
  expect(registry.requests.length).toBeGreaterThan(before);
});

test('an index whose manifests have more than 64 MiB in all is refused after one request', async () => {
  const app = await appWith('one');
  const size = 4_000_000;
  const manifests = Array.from({ length: 20 }, (_, index) => ({
    mediaType: OCI_MANIFEST,
    digest: `sha256:${String(index).padStart(64, '0')}`,
    size,
  }));
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
  const registry = await start(corpusOf(app), {
    misbehave: ({ kind }) =>
      kind === 'manifest' ? { kind: 'manifest', bytes, mediaType: OCI_INDEX } : undefined,
  });
  const { one } = await mirrorOf(registry).sync({ tags: ['one'] });
  expect(one).toContain('have 80000000 bytes in all, more than the 67108864 that Lifeboat reads.');
  expect(registry.requests).toHaveLength(1);
});

test('indexes within an index count together: 64 MiB below the whole image', async () => {
  const app = await appWith('one');
  const manifests = Array.from({ length: 16 }, (_, index) => ({
    mediaType: OCI_MANIFEST,
    digest: `sha256:${String(index).padStart(64, '0')}`,
    size: 4 * 1024 * 1024,
  }));
  const inner = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
  const child = { mediaType: OCI_INDEX, digest: digestOf(inner), size: inner.length };
  const outer = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [child] }));
  const registry = await start(corpusOf(app), {
    misbehave: ({ kind, reference }) => {
      if (kind !== 'manifest') return undefined;
      return { kind: 'manifest', bytes: reference === child.digest ? inner : outer, mediaType: OCI_INDEX };
    },
  });
  const { one } = await mirrorOf(registry).sync({ tags: ['one'] });
  const sum = 16 * 4 * 1024 * 1024 + inner.length;
  expect(one).toContain(`have ${sum} bytes in all, more than the 67108864 that Lifeboat reads.`);
  expect(registry.requests).toHaveLength(2);
});

test.each([
  ['none', false, ['HEAD']],
  ['one', true, ['HEAD', 'GET']],
])(
  'without the API, a list of referrers is asked for by HEAD first (lists upstream: %s)',
  async (_name, isThere, methods) => {
    const app = await appWith('one');
    const digest = app.tags.get('one') ?? '';
    const fallback = fallbackTag(digest);
    if (isThere) tagAs(app, addIndex(app, []), fallback);
    const registry = await start(corpusOf(app), { referrers: false });
    expect(await mirrorOf(registry).sync({ tags: ['one'] })).toEqual({ one: 'created' });
    expect(asked(registry).filter((line) => line.endsWith(fallback))).toEqual(
      methods.map((method) => `${method} manifest ${fallback}`),
    );
  },
);

test('a child that its storage sends as binary/octet-stream has the type that its index gives it', async () => {
  const app = emptyRepository();
  const layer = await addLayer(app, 'one', { docker: true });
  const image = addImage(app, { layers: [layer], docker: true });
  const { mediaType, ...untyped } = readJson(app.manifests.get(image.digest)?.bytes ?? Buffer.alloc(0));
  const bytes = Buffer.from(JSON.stringify(untyped));
  const child = { ...image, digest: digestOf(bytes), size: bytes.length };
  app.manifests.set(child.digest, { bytes, mediaType: 'binary/octet-stream' });
  tagAs(app, addIndex(app, [child], { docker: true }), 'one');
  const registry = await start(corpusOf(app));
  const mirror = mirrorOf(registry);
  expect(await mirror.sync({ tags: ['one'], referrersEveryMs: false })).toEqual({ one: 'created' });
  const key = `repositories/mirror.test/app/_manifests/${child.digest.replace(':', '/')}`;
  expect([mediaType, mirror.store.objects.get(key)?.contentType]).toEqual([DOCKER_MANIFEST, DOCKER_MANIFEST]);
});
