/**
 * The job mirrors real registries and a layout into a real S3 server, and the edge serves every byte that upstream
 * serves. Nothing here imports the code under test.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { s3ClientOf } from '../support/bucket-reader.ts';
import { compareWalks } from '../support/compare-walks.ts';
import { digestOf, selectRepositories, type Corpus, type Repository } from '../support/content.ts';
import { LARGE, buildCorpus } from '../support/corpus.ts';
import { startEdge, type Edge } from '../support/edge.ts';
import { readLayout, writeLayout } from '../support/oci-layout.ts';
import { startProgram } from '../support/process.ts';
import { requireProgram } from '../support/programs.ts';
import { pushCorpus } from '../support/push.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';
import { sync, type Synced } from '../support/sync.ts';
import { startDockerRegistry, startOlareg, type Upstream } from '../support/upstream.ts';
import { walkBucket } from '../support/walk-bucket.ts';
import { walkRegistry } from '../support/walk-registry.ts';

/** The folder of other people's images, if the environment has it. */
const OTHERS = process.env['LIFEBOAT_TEST_DATA'];

let distribution: Upstream;
let olareg: Upstream;
let store: S3Server;
let edge: Edge;
let layout: string;
let corpus: Corpus;
let configuration: Record<string, unknown>;
let first: Synced;

beforeAll(async () => {
  [distribution, olareg, store] = await Promise.all([startDockerRegistry(), startOlareg(), startS3Server()]);
  corpus = await buildCorpus({ large: LARGE });
  if (OTHERS !== undefined) {
    const others = await readLayout(join(OTHERS, 'oci-testrepo'));
    corpus = { repositories: new Map([...corpus.repositories, ['others/testrepo', others]]) };
  }
  // docker-registry accepts only manifests with a sha256 digest.
  const accepted = selectRepositories(corpus, (name) => name !== 'library/sha512');
  await pushCorpus(accepted, { url: distribution.url });
  await pushCorpus(
    selectRepositories(corpus, (name) => name !== 'library/large'),
    { url: olareg.url },
  );
  layout = await mkdtemp(join(tmpdir(), 'lifeboat-layout-'));
  await writeLayout(repositoryNamed('library/signed'), layout);

  const registries = [
    { host: distribution.host, names: [...accepted.repositories.keys()] },
    { host: olareg.host, names: [...corpus.repositories.keys()].filter((name) => name !== 'library/large') },
  ];
  configuration = {
    upstreams: { [distribution.host]: { insecure: true }, [olareg.host]: { insecure: true } },
    images: [
      ...registries.flatMap(({ host, names }) =>
        names.map((name) => ({ source: `${host}/${name}`, tags: ['*'] })),
      ),
      { source: `oci:${layout}`, name: 'images.internal/signed', tags: ['*'] },
    ],
  };
  first = await sync(store, configuration);
  edge = await startEdge(store);
});

afterAll(async () => {
  await edge?.stop();
  await Promise.all([distribution?.stop(), olareg?.stop(), store?.stop()]);
  if (layout !== undefined) await rm(layout, { recursive: true, force: true });
});

function repositoryNamed(name: string): Repository {
  const repository = corpus.repositories.get(name);
  if (repository === undefined) throw new Error(`The corpus has no ${name}.`);
  return repository;
}

/** Returns the edge's name of a repository whose upstream has a port. */
function served(upstream: Upstream, name: string): string {
  return `${upstream.host.replace(':', '_')}/${name}`;
}

test('the first run mirrors every tag of every repository', () => {
  expect(first.report.items.filter(({ outcome }) => outcome.result === 'failed')).toEqual([]);
  expect(first.code).toBe(0);
  expect(first.report.counts).toMatchObject({ failed: 0, moved: 0, unchanged: 0 });
  expect(first.report.counts.created).toBeGreaterThan(20);
});

test('a second run finds nothing to do', async () => {
  const second = await sync(store, configuration);
  expect(second.report.counts).toEqual({
    ...first.report.counts,
    created: 0,
    unchanged: first.report.counts.created,
  });
  expect(second.code).toBe(0);
});

test('a plain S3 client finds every tag’s closure complete', async () => {
  const client = s3ClientOf(store);
  const walk = await walkBucket({ client, bucket: store.bucket });
  client.destroy();
  expect(walk.problems).toEqual([]);
  expect(walk.behind).toEqual([]);
  // Tags that belong to an image (`sha256-…`) are not items of a run.
  const own = [...walk.tags.keys()].filter((name) => !name.includes(':sha256-'));
  expect(own.length).toBe(first.report.counts.created);
});

const GENERATED = [
  'library/app',
  'library/nested',
  'library/docker',
  'library/artifact',
  'library/attested',
  'library/signed',
  'library/fallback',
  'team/one',
  'team/two',
];

describe.each([
  { registry: 'docker-registry', upstream: () => distribution, names: [...GENERATED, 'library/large'] },
  { registry: 'olareg', upstream: () => olareg, names: [...GENERATED, 'library/sha512'] },
])('$registry and the edge serve the same bytes', ({ upstream, names }) => {
  test.each(names)('of %s', async (repository) => {
    const original = await walkRegistry({ url: upstream().url, repository });
    const mirror = await walkRegistry({
      url: edge.url,
      repository: served(upstream(), repository),
    });
    expect(original.objects.size).toBeGreaterThan(1);
    expect(mirror.problems).toEqual([]);
    expect(mirror.listed).toEqual(original.listed.toSorted());
    expect(compareWalks(original, mirror)).toEqual([]);
  });
});

/**
 * These tests need other people's images, which are not part of the project, so they run only in environments that have
 * them.
 */
describe.runIf(OTHERS !== undefined)('a repository that others made', () => {
  const repository = 'others/testrepo';

  test('is served with the same bytes by docker-registry and by the edge', async () => {
    const original = await walkRegistry({ url: distribution.url, repository });
    const mirror = await walkRegistry({
      url: edge.url,
      repository: served(distribution, repository),
      tags: [...original.tags.keys()],
    });
    expect(original.tags.size).toBe(24);
    expect(mirror.problems).toEqual([]);
    expect(compareWalks(original, mirror)).toEqual([]);
  });

  // olareg's API does not list the referrers of six subjects that have a fallback tag, so a job that asks only the API
  // would lose them.
  test('is mirrored the same from olareg, with the referrers that only its fallback tags list', async () => {
    const original = await walkRegistry({ url: olareg.url, repository });
    const mirror = await walkRegistry({
      url: edge.url,
      repository: served(olareg, repository),
      tags: [...original.tags.keys()],
    });
    const missing = /^referrers of \S+: only in the second$/;
    expect(mirror.problems).toEqual([]);
    expect(compareWalks(original, mirror).filter((difference) => !missing.test(difference))).toEqual([]);
    const listed = await walkRegistry({ url: distribution.url, repository });
    expect(Object.fromEntries(mirror.referrers)).toMatchObject(Object.fromEntries(listed.referrers));
  });
});

test('the edge’s API serves olareg’s referrers, and the referrers of a referrer', async () => {
  const repository = served(olareg, 'library/signed');
  const { referrers, tags } = await walkRegistry({ url: edge.url, repository });
  const subject = tags.get('latest') ?? '';
  const [sbom = ''] = referrers.get(subject) ?? [];
  expect(referrers.get(subject)).toHaveLength(1);
  expect(referrers.get(sbom)).toHaveLength(1);
});

test('the edge serves every blob and manifest of a layout, and finds its referrers by their subjects', async () => {
  const { objects, referrers, problems } = await walkRegistry({
    url: edge.url,
    repository: 'images.internal/signed',
  });
  const { manifests, blobs } = repositoryNamed('library/signed');
  expect(problems).toEqual([]);
  expect([...objects.keys()].toSorted()).toEqual([...manifests.keys(), ...blobs.keys()].toSorted());
  for (const [digest, { bytes, mediaType }] of manifests) {
    expect(objects.get(digest)).toMatchObject({
      kind: 'manifest',
      mediaType,
      sha256: digestOf(bytes).slice(7),
    });
  }
  expect(referrers.size).toBe(2);
});

/** This matters because a tool that copies all tags loses a tag that the edge does not list. */
describe('tools that mirror from the edge carry signature tags along', () => {
  let copies: Upstream;
  let folder: string;
  beforeAll(async () => {
    copies = await startDockerRegistry();
    folder = await mkdtemp(join(tmpdir(), 'lifeboat-copies-'));
  });
  afterAll(async () => {
    await copies?.stop();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  const regsync = async (source: string, target: string) => {
    const file = join(folder, 'regsync.yml');
    const creds = [edge.host, copies.host].map((registry) => ({ registry, tls: 'disabled' }));
    const entry = { source: `${edge.host}/${source}`, target: `${copies.host}/${target}/fallback` };
    const content = {
      version: 1,
      creds,
      defaults: { skipDockerConfig: true },
      sync: [{ ...entry, type: 'repository' }],
    };
    await writeFile(file, JSON.stringify(content));
    return ['once', '--config', file];
  };
  const skopeo = async (source: string, target: string) => [
    '--insecure-policy',
    'sync',
    '--all',
    '--src=docker',
    '--src-tls-verify=false',
    '--dest=docker',
    '--dest-tls-verify=false',
    `${edge.host}/${source}`,
    `${copies.host}/${target}`,
  ];

  test.each([
    ['regsync', regsync],
    ['skopeo', skopeo],
  ] as const)('%s', async (name, argumentsOf) => {
    const source = served(distribution, 'library/fallback');
    const args = await argumentsOf(source, name);
    const program = await startProgram(await requireProgram(name), args, {
      env: { ...process.env, HOME: folder },
    });
    const { code } = await program.exited;
    expect([code, code === 0 ? '' : program.output()]).toEqual([0, '']);
    const original = await walkRegistry({ url: distribution.url, repository: 'library/fallback' });
    const copy = await walkRegistry({ url: copies.url, repository: `${name}/fallback` });
    expect(copy.problems).toEqual([]);
    expect(copy.listed.toSorted()).toEqual(original.listed.toSorted());
    // Only these tags are compared, because skopeo rewrites each index that it copies.
    const signatures = original.listed.filter((tag) => tag.endsWith('.sig'));
    expect(signatures).toHaveLength(1);
    for (const tag of ['latest', ...signatures]) expect(copy.tags.get(tag)).toBe(original.tags.get(tag));
  });
});
