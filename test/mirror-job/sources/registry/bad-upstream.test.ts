/**
 * A misbehaving upstream fails one tag with a sentence that names the tag. Nothing of that tag becomes visible, and the other
 * tag and the other image are mirrored.
 */
import { afterEach, expect, test } from 'vitest';
import { counted } from '../../../../mirror-job/engine/transfer/resume.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { connect } from '../../../../mirror-job/runtime/node/connection.ts';
import type { RegistryOptions } from '../../../../mirror-job/sources/registry/registry-options.ts';
import { RegistrySource } from '../../../../mirror-job/sources/registry/registry-source.ts';
import {
  addImage,
  addIndex,
  addLayer,
  addManifest,
  tagAs,
  type Descriptor,
} from '../../../support/builder.ts';
import { digestOf, emptyRepository, type Corpus, type Repository } from '../../../support/content.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../../../support/media-types.ts';
import type { Misbehaviour } from '../../../support/misbehaviour.ts';
import type { RegistryRequest } from '../../../support/registry-request.ts';
import { startRogueRegistry, type RogueRegistry } from '../../../support/rogue-registry.ts';
import { environmentFor, imageOf, outcomesOf, registryAt } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const registries: RogueRegistry[] = [];
afterEach(async () => {
  await Promise.all(registries.splice(0).map((registry) => registry.stop()));
});

interface Content {
  readonly corpus: Corpus;
  readonly app: Repository;
  readonly good: Descriptor;
  readonly bad: Descriptor;
  readonly badLayer: Descriptor;
}

const content = await build();

async function build(): Promise<Content> {
  const app = emptyRepository();
  const other = emptyRepository();
  const good = addImage(app, { layers: [await addLayer(app, 'good')] });
  const badLayer = await addLayer(app, 'bad', { size: 5000 });
  const bad = addImage(app, { layers: [badLayer] });
  tagAs(app, good, 'good');
  tagAs(app, bad, 'bad');
  tagAs(other, addImage(other, { layers: [await addLayer(other, 'other')] }), 'latest');
  const repositories = new Map([
    ['team/app', app],
    ['team/other', other],
  ]);
  return { corpus: { repositories }, app, good, bad, badLayer };
}

const isBadTag = ({ kind, reference }: RegistryRequest) => kind === 'manifest' && reference === 'bad';
const isBadLayer = ({ reference }: RegistryRequest) => reference === content.badLayer.digest;
const { size, digest: layer } = content.badLayer;
const where = (host: string) => `${host}/team/app`;

type Case = [name: string, where: 'manifest' | 'blob', Misbehaviour, sentence: (host: string) => string];

const CASES: Case[] = [
  ['hangs', 'manifest', { kind: 'hang' }, (host) => `${where(host)}: ${host} did not answer within 0.3 s.`],
  [
    'answers 401',
    'manifest',
    { kind: 'status', status: 401 },
    (host) =>
      `${where(host)}: the registry answered 401 to GET manifests/bad: "told to answer 401". If the image is private, configure upstreams["${host}"].credentials.`,
  ],
  ['answers 404', 'manifest', { kind: 'status', status: 404 }, (host) => `${where(host)} has no tag "bad".`],
  [
    'answers 500',
    'manifest',
    { kind: 'status', status: 500 },
    (host) => `${where(host)}: the registry answered 500 to GET manifests/bad: "told to answer 500".`,
  ],
  [
    'answers HTML',
    'manifest',
    { kind: 'html' },
    (host) => `${where(host)}: manifest <digest>: The manifest is not JSON. It was sent as "text/html".`,
  ],
  [
    'answers 429 for ever',
    'manifest',
    { kind: 'status', status: 429, headers: { 'retry-after': '7' } },
    (host) =>
      `${where(host)}: the registry answered 429 to GET manifests/bad: "told to answer 429". Its rate limit is reached; later runs go on where this one stopped.`,
  ],
  [
    'answers with an error that controls terminals',
    'manifest',
    {
      kind: 'status',
      status: 400,
      body: JSON.stringify({ errors: [{ message: '\u001B[2J\nIt is owned.' }] }),
    },
    (host) => `${where(host)}: the registry answered 400 to GET manifests/bad: "[2J It is owned."`,
  ],
  [
    'sends another manifest than its digest header says',
    'manifest',
    { kind: 'wrong-bytes' },
    (host) =>
      `${where(host)}: manifest bad came with other bytes: their digest is <digest>, not ${content.bad.digest}.`,
  ],
  [
    'sends half a manifest',
    'manifest',
    { kind: 'short', by: 10, honest: false },
    (host) => `${where(host)}: manifest bad closed the connection in the middle of a body.`,
  ],
  [
    'sends a manifest over 4 MiB',
    'manifest',
    { kind: 'huge-manifest' },
    (host) =>
      `${where(host)}: manifest bad sent more than 4194304 bytes, which is the most that Lifeboat reads.`,
  ],
  [
    'sends an unknown media type',
    'manifest',
    {
      kind: 'manifest',
      bytes: Buffer.from('{"mediaType":"application/vnd.example.unknown+json"}'),
      mediaType: 'application/vnd.example.unknown+json',
    },
    (host) =>
      `${where(host)}: manifest <digest>: Its media type "application/vnd.example.unknown+json" is not a known manifest.`,
  ],
  [
    'sends a Docker manifest of schema 1',
    'manifest',
    { kind: 'schema1' },
    (host) =>
      `${where(host)}: manifest <digest>: It is a Docker image manifest, schema version 1, which current clients no longer pull. Rebuild or re-push the image with a current tool.`,
  ],
  [
    'sends a negative size',
    'manifest',
    {
      kind: 'manifest',
      bytes: Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: OCI_MANIFEST,
          config: { ...content.badLayer, size: -1 },
          layers: [],
        }),
      ),
      mediaType: OCI_MANIFEST,
    },
    (host) =>
      `${where(host)}: manifest <digest>: The manifest's config is not a descriptor: its size is not a number of bytes.`,
  ],
  [
    'redirects a manifest in a circle',
    'manifest',
    { kind: 'redirect-loop' },
    (host) => `${where(host)}: manifests/bad was redirected more than 5 times; the last time to ${host}.`,
  ],
  [
    'redirects to what is no address',
    'manifest',
    { kind: 'redirect', location: 'file:///etc/passwd' },
    (host) =>
      `${where(host)}: ${host} redirects to an address that is not https, so the redirect was not followed.`,
  ],
  [
    'names another child each time',
    'manifest',
    { kind: 'endless-index' },
    (host) => `${where(host)} has no manifest <digest>.`,
  ],
  [
    'lacks a layer',
    'blob',
    { kind: 'status', status: 404 },
    (host) => `${where(host)} has no blob ${layer}.`,
  ],
  [
    'sends other bytes',
    'blob',
    { kind: 'wrong-bytes' },
    (host) => `${where(host)} sent other bytes than asked for: their digest is <digest>, not ${layer}.`,
  ],
  [
    'sends too few bytes and says so',
    'blob',
    { kind: 'short', by: 10, honest: true },
    (host) => `${where(host)} sent ${size - 10} of the ${size} bytes that the manifest gives for ${layer}.`,
  ],
  [
    'sends too many bytes and says so',
    'blob',
    { kind: 'long', by: 10, honest: true },
    (host) => `${where(host)} sent more than the ${size} bytes that the manifest gives for ${layer}.`,
  ],
  [
    'sends too many bytes, chunked',
    'blob',
    { kind: 'long', by: 10, honest: false },
    (host) => `${where(host)} sent more than the ${size} bytes that the manifest gives for ${layer}.`,
  ],
  [
    'falls silent in a layer',
    'blob',
    { kind: 'stall', after: 0 },
    (host) => `${where(host)}: blob ${layer} sent nothing for 0.3 s in the middle of a body.`,
  ],
  [
    'sends a layer byte by byte',
    'blob',
    { kind: 'drip', every: 20 },
    (host) => `${where(host)}: blob ${layer} sent hardly anything for 1.2 s in the middle of a body.`,
  ],
  [
    'sends a manifest byte by byte',
    'manifest',
    { kind: 'drip', every: 20 },
    (host) => `${where(host)}: manifest bad sent hardly anything for 1.2 s in the middle of a body.`,
  ],
  [
    'closes the connection before a layer',
    'blob',
    { kind: 'close', after: 0 },
    (host) => `${where(host)}: blob ${layer} closed the connection in the middle of a body.`,
  ],
  [
    'sends HTML for a layer',
    'blob',
    { kind: 'html' },
    (host) => `${where(host)} sent 36 of the ${size} bytes that the manifest gives for ${layer}.`,
  ],
  [
    'redirects a layer in a circle',
    'blob',
    { kind: 'redirect-loop' },
    (host) => `${where(host)}: blobs/${layer} was redirected more than 5 times; the last time to ${host}.`,
  ],
];

/** Longer than a busy machine takes to answer. */
const PATIENT = { timeoutMs: 30_000 };
const SILENT_KINDS: ReadonlySet<Misbehaviour['kind']> = new Set(['hang', 'stall', 'drip']);

/** Only what ends by a time-out gets a short one: the sound requests must not meet it on a busy machine. */
async function timeoutsFor({ kind }: Misbehaviour): Promise<Partial<RegistryOptions>> {
  if (!SILENT_KINDS.has(kind)) return PATIENT;
  const httpClient = await connect(undefined);
  return {
    timeoutMs: 300,
    httpClient: async (url, request) => {
      const hangs = kind === 'hang' && url.pathname.endsWith('/manifests/bad');
      return httpClient(url, hangs ? request : { ...request, ...PATIENT });
    },
  };
}

test.each(CASES)(
  'an upstream that %s fails the one tag that it concerns',
  { timeout: 30_000 },
  async (_name, place, misbehaviour, sentence) => {
    const concerned = place === 'manifest' ? isBadTag : isBadLayer;
    const registry = await startRogueRegistry({
      corpus: content.corpus,
      misbehave: (request) => (concerned(request) ? misbehaviour : undefined),
    });
    registries.push(registry);
    const store = new MemoryStore();
    const client = await registryAt(registry.host, await timeoutsFor(misbehaviour));
    const [app, other] = ['team/app', 'team/other'].map((path) =>
      imageOf(new RegistrySource(client, path), `${registry.host}/${path}`),
    );
    if (app === undefined || other === undefined) throw new Error('There are two images.');
    const report = await runMirror(environmentFor(store), 'default', [app, other]);

    const name = app.repository;
    const outcomes = outcomesOf(report);
    expect(Object.keys(outcomes).toSorted()).toEqual(
      [`${name}:bad`, `${name}:good`, `${other.repository}:latest`].toSorted(),
    );
    expect(outcomes[`${name}:good`]).toBe('created');
    expect(outcomes[`${other.repository}:latest`]).toBe('created');
    expect(masked(outcomes[`${name}:bad`] ?? '', sentence(registry.host))).toBe(sentence(registry.host));
    expect(report.counts).toEqual({
      created: 2,
      failed: 1,
      moved: 0,
      unchanged: 0,
      skipped: 0,
      held: 0,
      gone: 0,
    });

    expect(store.keys('/_tags/').map((key) => key.split('/').slice(3).join('/'))).toEqual(
      ['app/_tags/good', 'other/_tags/latest'].toSorted(),
    );
    expect(store.keys('team/app/_manifests/')).toEqual([
      `repositories/${name}/_manifests/sha256/${content.good.digest.slice(7)}`,
    ]);
    expect(store.keys(content.badLayer.digest.slice(7))).toEqual([]);
    expect(store.json(`repositories/${name}/_tags.json`)).toEqual({ name, tags: ['good'] });
  },
);

/** Replaces digests, because the test makes the bytes up. */
function masked(actual: string, expected: string): string {
  const digests = new Set(expected.match(/sha256:[0-9a-f]{64}/g));
  return actual.replaceAll(/sha256:[0-9a-f]{64}/g, (digest) => (digests.has(digest) ? digest : '<digest>'));
}

test('an upstream that is down fails every tag, after all attempts', async () => {
  const registry = await startRogueRegistry({ corpus: content.corpus });
  await registry.stop();
  const store = new MemoryStore();
  const source = new RegistrySource(await registryAt(registry.host, PATIENT), 'team/app');
  const image = imageOf(source, `${registry.host}/team/app`, { tags: ['good', 'bad'] });
  const report = await runMirror(environmentFor(store), 'default', [image]);
  const sentence = `${registry.host}/team/app: ${registry.host} cannot be reached (ECONNREFUSED).`;
  expect(outcomesOf(report)).toEqual({
    [`${image.repository}:good`]: sentence,
    [`${image.repository}:bad`]: sentence,
  });
  expect(store.keys('repositories/')).toEqual([]);
});

test('the error for an upstream that speaks plain HTTP differs from the error for one that is down', async () => {
  const registry = await startRogueRegistry({ corpus: content.corpus });
  registries.push(registry);
  const source = new RegistrySource(
    await registryAt(registry.host, { ...PATIENT, insecure: false }),
    'team/app',
  );
  await expect(source.tags()).rejects.toThrow(
    `${registry.host} cannot be reached (EPROTO). The host does not answer in TLS: if it speaks plain HTTP, set "insecure: true" for this upstream.`,
  );
});

test('a tag fails when its indexes are nested more than 8 deep, as those of no image are', async () => {
  const repository = emptyRepository();
  let descriptor = addImage(repository, { layers: [await addLayer(repository, 'deep')] });
  for (let depth = 0; depth < 9; depth += 1) descriptor = addIndex(repository, [descriptor]);
  tagAs(repository, descriptor, 'nine');
  const registry = await startRogueRegistry({
    corpus: { repositories: new Map([['team/deep', repository]]) },
  });
  registries.push(registry);
  const store = new MemoryStore();
  const source = new RegistrySource(await registryAt(registry.host, PATIENT), 'team/deep');
  const image = imageOf(source, `${registry.host}/team/deep`);
  const report = await runMirror(environmentFor(store), 'default', [image]);
  expect(masked(outcomesOf(report)[`${image.repository}:nine`] ?? '', '')).toBe(
    `${registry.host}/team/deep: indexes within indexes, more than 8 deep, at <digest>. No image is built like that.`,
  );
  expect(store.keys('/_manifests/')).toEqual([]);
});

test('an index that lies about the size of a child fails, and an index that lists it rightly does not', async () => {
  const repository = emptyRepository();
  const child = addImage(repository, { layers: [await addLayer(repository, 'child')] });
  const is = child.size;
  const sizes: Record<string, number> = { tiny: 1, shorter: is - 1, right: is, longer: is + 1 };
  for (const [tag, said] of Object.entries(sizes)) {
    const manifests = [{ ...child, size: said }];
    tagAs(repository, addManifest(repository, { schemaVersion: 2, mediaType: OCI_INDEX, manifests }), tag);
  }
  const source = new MemorySource('source.test/lie', repository);
  const image = imageOf(source, 'mirror.test/lie', { tags: Object.keys(sizes) });
  // The words depend on which index was read first: the one that lies, or the other.
  const lie = expect.stringMatching(`source.test/lie: manifest ${child.digest} has .* its descriptor says`);
  const outcomes = outcomesOf(await runMirror(environmentFor(new MemoryStore()), 'default', [image]));
  expect(outcomes).toEqual({
    'mirror.test/lie:tiny': lie,
    'mirror.test/lie:shorter': lie,
    'mirror.test/lie:right': 'created',
    'mirror.test/lie:longer': lie,
  });
});

test('the job stops reading a manifest that is longer than its index says', async () => {
  const repository = emptyRepository();
  const bytes = Buffer.alloc(4 * 1024 * 1024, ' ');
  const digest = digestOf(bytes);
  const manifests = [{ mediaType: OCI_MANIFEST, digest, size: 100 }];
  tagAs(repository, addManifest(repository, { schemaVersion: 2, mediaType: OCI_INDEX, manifests }), 'one');
  const registry = await startRogueRegistry({
    corpus: { repositories: new Map([['team/lie', repository]]) },
    misbehave: ({ reference }) =>
      reference === digest ? { kind: 'manifest', bytes, mediaType: OCI_MANIFEST } : undefined,
  });
  registries.push(registry);
  let read = 0;
  const httpClient = await connect(undefined);
  const client = await registryAt(registry.host, {
    ...PATIENT,
    httpClient: async (url, request) => {
      const answer = await httpClient(url, request);
      const body = counted(answer.body, (length) => (read += length));
      return url.pathname.endsWith(digest) ? { ...answer, body, discard: () => answer.discard() } : answer;
    },
  });
  const image = imageOf(new RegistrySource(client, 'team/lie'), 'mirror.test/lie', { tags: ['one'] });
  const report = await runMirror(environmentFor(new MemoryStore()), 'default', [image]);
  expect(outcomesOf(report)['mirror.test/lie:one']).toContain('has more than the 100');
  expect(read).toBeGreaterThan(100);
  expect(read).toBeLessThan(1024 * 1024);
});

test('a manifest that lies about the size of a layer fails, also when another manifest has had the layer stored', async () => {
  const repository = emptyRepository();
  const right = await addLayer(repository, 'layer');
  const wrong = { ...right, size: right.size + 1 };
  tagAs(repository, addImage(repository, { layers: [right] }), 'right');
  tagAs(repository, addImage(repository, { layers: [wrong] }), 'wrong');
  const registry = await startRogueRegistry({
    corpus: { repositories: new Map([['team/lie', repository]]) },
  });
  registries.push(registry);
  const store = new MemoryStore();
  const source = new RegistrySource(await registryAt(registry.host, PATIENT), 'team/lie');
  const image = imageOf(source, `${registry.host}/team/lie`, { tags: ['right', 'wrong'] });
  const report = await runMirror(environmentFor(store, { limits: { tags: 1 } }), 'default', [image]);
  expect(outcomesOf(report)).toEqual({
    [`${image.repository}:right`]: 'created',
    [`${image.repository}:wrong`]: `${source.name} sent ${right.size} of the ${wrong.size} bytes that the manifest gives for ${right.digest}.`,
  });
});
