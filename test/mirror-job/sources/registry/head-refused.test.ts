/** A HEAD costs no quota, but its refusal proves nothing. A GET decides whether a tag is gone, or an image is private. */
import { afterEach, expect, test } from 'vitest';
import { parseDigest } from '../../../../core/digest.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import type { RegistryOptions } from '../../../../mirror-job/sources/registry/registry-options.ts';
import { addImage, addLayer, fallbackTag, tagAs } from '../../../support/builder.ts';
import { emptyRepository, type Repository } from '../../../support/content.ts';
import type { Auth } from '../../../support/registry-auth.ts';
import type { RegistryRequest } from '../../../support/registry-request.ts';
import {
  startRogueRegistry,
  type RogueOptions,
  type RogueRegistry,
} from '../../../support/rogue-registry.ts';
import { environmentFor, imageOf, outcomesOf, sourceAt, type ImageOptions } from '../../support/harness.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const registries: RogueRegistry[] = [];
afterEach(async () => {
  await Promise.all(registries.splice(0).map((registry) => registry.stop()));
});

async function appWith(...tags: readonly string[]): Promise<Repository> {
  const app = emptyRepository();
  for (const tag of tags) tagAs(app, addImage(app, { layers: [await addLayer(app, tag)] }), tag);
  return app;
}

async function start(app: Repository, options: Partial<RogueOptions> = {}): Promise<RogueRegistry> {
  const corpus = { repositories: new Map([['team/app', app]]) };
  const registry = await startRogueRegistry({ corpus, ...options });
  registries.push(registry);
  return registry;
}

function mirrorOf(registry: RogueRegistry) {
  const store = new MemoryStore();
  return async (options: ImageOptions, registryOptions: Partial<RegistryOptions> = {}) => {
    const source = await sourceAt(registry.host, 'team/app', registryOptions);
    registry.requests.length = 0;
    const image = imageOf(source, 'mirror.test/app', { referrersEveryMs: false, ...options });
    return outcomesOf(await runMirror(environmentFor(store), 'default', [image]));
  };
}

function asked(registry: RogueRegistry): string[] {
  return registry.requests.map(({ method, kind, reference }) => `${method} ${kind} ${reference}`.trim());
}

const onHead =
  (status: number) =>
  ({ method }: RegistryRequest) =>
    method === 'HEAD' ? ({ kind: 'status', status } as const) : undefined;

const STATUSES = [400, 401, 403, 404, 405, 406, 410, 415, 451, 501];

test.each(STATUSES)('a known tag is unchanged when HEAD answers %i and GET 200', async (status) => {
  const registry = await start(await appWith('one'));
  const sync = mirrorOf(registry);
  await sync({ tags: ['one'] });
  registry.misbehave(onHead(status));
  expect(await sync({ tags: ['one'] })).toEqual({});
  expect(asked(registry)).toEqual(['HEAD manifest one', 'GET manifest one']);
});

test('a known tag that neither HEAD nor GET finds is gone', async () => {
  const app = await appWith('one');
  const registry = await start(app);
  const sync = mirrorOf(registry);
  await sync({ tags: ['one'] });
  app.tags.clear();
  expect(await sync({ tags: ['one'] })).toEqual({ 'mirror.test/app:one': 'gone' });
  expect(asked(registry)).toEqual(['HEAD manifest one', 'GET manifest one']);
});

test.each([400, 403])(
  'a known tag that GET answers with %i too is a failure, and not gone',
  async (status) => {
    const registry = await start(await appWith('one'));
    const sync = mirrorOf(registry);
    await sync({ tags: ['one'] });
    registry.misbehave(({ kind }) => (kind === 'manifest' ? { kind: 'status', status } : undefined));
    const { 'mirror.test/app:one': outcome } = await sync({ tags: ['one'] });
    expect(outcome).toContain(`the registry answered ${status} to GET manifests/one`);
  },
);

test('the error for a HEAD that always gets a 500 is about the HEAD, because no GET follows it', async () => {
  const registry = await start(await appWith('one'));
  const sync = mirrorOf(registry);
  await sync({ tags: ['one'] });
  registry.misbehave(onHead(500));
  const { 'mirror.test/app:one': outcome } = await sync({ tags: ['one'] });
  expect(outcome).toContain('the registry answered 500 to HEAD manifests/one');
});

test('a GET decides when the storage refuses a HEAD, because the redirect was signed for a GET', async () => {
  const registry = await start(await appWith('one'));
  const sync = mirrorOf(registry);
  await sync({ tags: ['one'] });
  registry.misbehave(({ host, method }) => {
    if (host === registry.host) return { kind: 'redirect-elsewhere' };
    return method === 'HEAD' ? { kind: 'status', status: 403 } : undefined;
  });
  expect(await sync({ tags: ['one'] })).toEqual({});
});

const credential = { username: 'user', password: 'pass:word' };
const accounts = [async () => ({ ...credential, from: 'of the test' })];

test.each<[string, Auth]>([
  ['Basic', { kind: 'basic', ...credential }],
  ['Bearer', { kind: 'bearer', credentials: credential }],
])(
  '%s: a registry that refuses every HEAD, with or without a login, is mirrored by GET',
  async (_name, auth) => {
    const registry = await start(await appWith('one'), { auth });
    const sync = mirrorOf(registry);
    expect(await sync({ tags: ['one'] }, { accounts })).toEqual({ 'mirror.test/app:one': 'created' });
    registry.misbehave(({ method }) =>
      method === 'HEAD'
        ? { kind: 'status', status: 401, headers: { 'www-authenticate': challengeOf(auth, registry) } }
        : undefined,
    );
    expect(await sync({ tags: ['one'] }, { accounts })).toEqual({});
  },
);

function challengeOf(auth: Auth, { url }: RogueRegistry): string {
  return auth.kind === 'basic' ? 'Basic realm="r"' : `Bearer realm="${url}/token",service="rogue"`;
}

test.each(STATUSES)(
  'an image is public when an anonymous HEAD answers %i and the GET 200',
  async (status) => {
    const app = await appWith('one');
    const registry = await start(app, { auth: { kind: 'bearer' } });
    registry.misbehave(onHead(status));
    const source = await sourceAt(registry.host, 'team/app', { accounts });
    expect(await source.isPublic(parseDigest(app.tags.get('one') ?? ''))).toBe(true);
  },
);

test.each([401, 403, 404])('an image that an anonymous GET answers with %i is private', async (status) => {
  const app = await appWith('one');
  const registry = await start(app, { auth: { kind: 'bearer' } });
  // The first two requests, which are anonymous, get this status.
  registry.misbehave(({ kind, index }) =>
    kind === 'manifest' && index < 2 ? { kind: 'status', status } : undefined,
  );
  const source = await sourceAt(registry.host, 'team/app', { accounts });
  expect(await source.isPublic(parseDigest(app.tags.get('one') ?? ''))).toBe(false);
});

test('a guessed name that does not exist costs one HEAD', async () => {
  const app = await appWith('one');
  const digest = app.tags.get('one') ?? '';
  const registry = await start(app, { referrers: false });
  const sync = mirrorOf(registry);
  expect(await sync({ tags: ['one'], referrersEveryMs: 1 })).toEqual({ 'mirror.test/app:one': 'created' });
  const guessed = asked(registry).filter((line) => line.includes(digest.slice(7)) && !line.includes(digest));
  expect(guessed.toSorted()).toEqual(
    ['', '.att', '.sbom', '.sig'].map((suffix) => `HEAD manifest ${fallbackTag(digest)}${suffix}`),
  );
});
