/** The images of a bucket survive an export into a layout, and a mirror run from there into another bucket. */
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { parseReference, parseRepository } from '../../../core/reference.ts';
import { runMirror } from '../../../mirror-job/engine/run/run.ts';
import { exportImages, type ExportResult } from '../../../mirror-job/export/exporter.ts';
import { writeFolder } from '../../../mirror-job/export/layout-writer.ts';
import { writeTar } from '../../../mirror-job/export/tar-writer.ts';
import { LayoutSource } from '../../../mirror-job/sources/layout/layout-source.ts';
import { addArtifact, addBytes, tagAs } from '../../support/builder.ts';
import { digestOfTag, emptyRepository, repositoryOf } from '../../support/content.ts';
import { buildCorpus } from '../../support/corpus.ts';
import { environmentFor, imageOf, type TestEnvironment } from '../support/harness.ts';
import { MemorySource } from '../support/memory-source.ts';
import { MemoryStore } from '../support/memory-store.ts';

const corpus = await buildCorpus();
const folders: string[] = [];
afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })));
});

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-export-'));
  folders.push(folder);
  return folder;
}

/** A bucket with some repositories of the corpus, each below `a.b`. */
async function mirrored(...names: readonly string[]): Promise<MemoryStore> {
  const store = new MemoryStore();
  const images = names.map((name) =>
    imageOf(new MemorySource(name, repositoryOf(corpus, name)), `a.b/${name}`),
  );
  const { counts } = await runMirror(environmentFor(store), 'default', images);
  expect(counts.failed).toBe(0);
  return store;
}

async function exportTo(target: string, store: MemoryStore, ...images: readonly string[]) {
  const environment: TestEnvironment = environmentFor(store);
  const writer = await (target.endsWith('.tar') ? writeTar(target) : writeFolder(target));
  const references = images.map((image) => parseReference(image));
  let result: ExportResult;
  try {
    result = await exportImages({ ...environment, store }, references, writer);
  } catch (error) {
    await writer.abandon();
    throw error;
  }
  await (result.failures.length === 0 ? writer.finish() : writer.abandon());
  return { ...result, logged: environment.logged };
}

/** The objects of some repositories, without times and names of runs. */
function closures(store: MemoryStore): Record<string, string> {
  const entries: [string, string][] = [];
  for (const [key, { bytes, contentType }] of store.objects) {
    const text = Buffer.from(bytes).toString('latin1');
    if (/^(blobs\/|repositories\/.*\/_(blobs|manifests|referrers|tags\.json))/.test(key)) {
      entries.push([key, `${contentType} ${text}`]);
    } else if (key.includes('/_tags/')) {
      const { digest, mediaType, size, data } = JSON.parse(text);
      entries.push([key, JSON.stringify({ digest, mediaType, size, data })]);
    }
  }
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

async function readBack(path: string, ...names: readonly string[]): Promise<MemoryStore> {
  const store = new MemoryStore();
  const images = names.map((name) =>
    imageOf(new LayoutSource(path, parseRepository(`a.b/${name}`)), `a.b/${name}`),
  );
  const report = await runMirror(environmentFor(store), 'default', images);
  expect(report.items.filter(({ outcome }) => outcome.result === 'failed')).toEqual([]);
  return store;
}

test.each(
  [...corpus.repositories.keys()].flatMap((name) => [[name, 'app'] as const, [name, 'app.tar'] as const]),
)('%s has the same closure after an export to %s and back', async (name, file) => {
  const store = await mirrored(name);
  const folder = await newFolder();
  const path = join(folder, file);
  const { failures, images, manifests, blobs } = await exportTo(path, store, `a.b/${name}`);
  const repository = repositoryOf(corpus, name);
  expect(failures).toEqual([]);
  expect(images).toEqual(
    [...repository.tags]
      .map(([tag, digest]) => ({ image: `a.b/${name}:${tag}`, digest }))
      .toSorted((a, b) => (a.image < b.image ? -1 : 1)),
  );
  expect([manifests, blobs]).toEqual([repository.manifests.size, repository.blobs.size]);
  expect(closures(await readBack(path, name))).toEqual(closures(store));
  expect(await readdir(folder)).toEqual([file]);
});

test.each(['app', 'app.tar'])(
  'a blob that ends where a block of a tar does survives an export to %s and back',
  async (file) => {
    const repository = emptyRepository();
    const layers = [addBytes(repository, 'application/vnd.example', Buffer.alloc(1024, 'x'))];
    tagAs(repository, addArtifact(repository, { artifactType: 'application/vnd.example', layers }), '1');
    const store = new MemoryStore();
    const image = imageOf(new MemorySource('blocks', repository), 'a.b/blocks');
    await runMirror(environmentFor(store), 'default', [image]);
    const path = join(await newFolder(), file);
    expect((await exportTo(path, store, 'a.b/blocks:1')).failures).toEqual([]);
    expect(closures(await readBack(path, 'blocks'))).toEqual(closures(store));
  },
);

test('several repositories that share a layer and the name of a tag survive an export to one tar', async () => {
  const names = ['team/one', 'team/two', 'library/signed'];
  const store = await mirrored(...names);
  const path = join(await newFolder(), 'all.tar');
  const { failures } = await exportTo(path, store, ...names.map((name) => `a.b/${name}`));
  expect(failures).toEqual([]);
  expect(closures(await readBack(path, ...names))).toEqual(closures(store));
});

async function indexOf(folder: string) {
  const index = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8'));
  return index.manifests.map(({ digest, artifactType, annotations }: Record<string, unknown>) => ({
    digest,
    artifactType,
    annotations,
  }));
}

test('an exported tag brings its signatures: referrers as entries without a name, and old tags under their names', async () => {
  const signed = repositoryOf(corpus, 'library/signed');
  const target = join(await newFolder(), 'signed');
  await exportTo(target, await mirrored('library/signed'), 'a.b/library/signed:latest');
  const [root, ...referrers] = await indexOf(target);
  expect(root).toEqual({
    digest: digestOfTag(signed, 'latest'),
    annotations: { 'org.opencontainers.image.ref.name': 'latest' },
  });
  const types = referrers.map((one: { artifactType: string }) => one.artifactType);
  expect(types.toSorted()).toEqual([
    'application/spdx+json',
    'application/vnd.dev.sigstore.bundle.v0.3+json',
  ]);
  expect(referrers[types.indexOf('application/spdx+json')].annotations).toEqual({
    'org.opencontainers.image.created': '2020-01-02T00:00:00Z',
  });

  const fallback = repositoryOf(corpus, 'library/fallback');
  const other = join(await newFolder(), 'fallback');
  await exportTo(other, await mirrored('library/fallback'), 'a.b/library/fallback:latest');
  const names = (await indexOf(other)).flatMap(
    ({ annotations }: { annotations?: Record<string, string> }) =>
      annotations?.['org.opencontainers.image.ref.name'] ?? [],
  );
  expect(names.toSorted()).toEqual([...fallback.tags.keys()].toSorted());
});

test('an export by digest has an entry without a name, and no other tag', async () => {
  const app = repositoryOf(corpus, 'library/app');
  const digest = digestOfTag(app, '1.0.0');
  const target = join(await newFolder(), 'app');
  const { manifests, images } = await exportTo(
    target,
    await mirrored('library/app'),
    `a.b/library/app@${digest}`,
  );
  expect(await indexOf(target)).toEqual([{ digest, artifactType: undefined, annotations: undefined }]);
  expect([manifests, images]).toEqual([3, [{ image: `a.b/library/app@${digest}`, digest }]]);
});

const APP = 'repositories/a.b/library/app';
const HOW_TO_FILL = `Delete ${APP}/_index.json from the bucket and run "lifeboat sync", which then looks at each tag again.`;

function unchanged(): void {}

test('an image that is absent, incomplete, or damaged fails, and nothing is written', async () => {
  const app = repositoryOf(corpus, 'library/app');
  const digest = digestOfTag(app, '1.0.0');
  const folder = await newFolder();
  const attempt = async (change: (store: MemoryStore) => void, image = 'a.b/library/app:1.0.0') => {
    const store = await mirrored('library/app');
    change(store);
    const results = [];
    for (const file of ['app', 'app.tar']) {
      const { failures } = await exportTo(join(folder, file), store, image);
      expect(await readdir(folder)).toEqual([]);
      results.push(failures);
    }
    expect(results[0]).toEqual(results[1]);
    return results[0];
  };
  expect(await attempt(unchanged, 'a.b/library/app:9')).toEqual([
    'a.b/library/app:9: the bucket has no such tag. Mirror it with "lifeboat sync" first.',
  ]);
  expect(await attempt(unchanged, 'a.b/nothing')).toEqual([
    'a.b/nothing: the bucket has no tag of this image. Run "lifeboat sync" first.',
  ]);
  const none = `sha256:${'0'.repeat(64)}`;
  expect(await attempt(unchanged, `a.b/library/app@${none}`)).toEqual([
    `a.b/library/app@${none}: the bucket lacks the manifest ${none}. ${HOW_TO_FILL}`,
  ]);
  const { manifests } = JSON.parse(Buffer.from(app.manifests.get(digest)?.bytes ?? []).toString('utf8'));
  const child: string = manifests[0].digest;
  const key = `${APP}/_manifests/${child.replace(':', '/')}`;
  expect(await attempt((store) => store.objects.delete(key))).toEqual([
    `a.b/library/app:1.0.0: the bucket lacks ${child}, which the image needs. ${HOW_TO_FILL}`,
  ]);
  const other = Buffer.from('{}');
  const object = { bytes: other, etag: '"x"', contentType: 'application/vnd.oci.image.manifest.v1+json' };
  expect((await attempt((store) => store.objects.set(key, object)))?.[0]).toMatch(
    new RegExp(
      `^a\\.b/library/app:1\\.0\\.0: The bucket in memory: a\\.b/library/app: manifest ${child} holds other bytes: their digest is sha256:\\w+\\. Delete it and ${APP}/_index\\.json, and run "lifeboat sync"\\.$`,
    ),
  );
  const config = JSON.parse(Buffer.from(app.manifests.get(child)?.bytes ?? []).toString('utf8')).config
    .digest;
  const blob = `blobs/${config.replace(':', '/')}`;
  expect(await attempt((store) => store.objects.delete(blob))).toEqual([
    `The bucket in memory: a.b/library/app has no blob ${config}.`,
  ]);
  expect(
    (await attempt((store) => store.objects.set(blob, { ...object, contentType: undefined })))?.[0],
  ).toMatch(
    new RegExp(
      `^The bucket in memory: a\\.b/library/app sent 2 of the \\d+ bytes that the manifest gives for ${config}\\.$`,
    ),
  );
});

test('a tag with a subset of the platforms is exported with these, and a warning', async () => {
  const store = await mirrored('library/app');
  const digest = digestOfTag(repositoryOf(corpus, 'library/app'), '1.0.0');
  const key = `${APP}/_tags/1.0.0`;
  const tag = JSON.parse(Buffer.from(store.objects.get(key)?.bytes ?? []).toString('utf8'));
  tag.annotations['dev.lifeboat.platforms'] = 'linux/amd64';
  store.objects.set(key, { bytes: Buffer.from(JSON.stringify(tag)), etag: '"x"', contentType: undefined });
  const { manifests } = JSON.parse(Buffer.from(tag.data, 'base64').toString('utf8'));
  store.objects.delete(`${APP}/_manifests/${manifests[1].digest.replace(':', '/')}`);
  const target = join(await newFolder(), 'app');
  const result = await exportTo(target, store, 'a.b/library/app:1.0.0');
  expect(result.failures).toEqual([]);
  expect(result.manifests).toBe(2);
  expect(result.logged).toEqual([
    'warn: a.b/library/app:1.0.0 is in the bucket for linux/amd64 only: 1 of its manifests are not in the layout.',
  ]);
  expect(await new LayoutSource(target).tags()).toEqual(['1.0.0']);
  expect(result.images).toEqual([{ image: 'a.b/library/app:1.0.0', digest }]);
});

test('a tag that lacks a platform of its record cannot be exported', async () => {
  const store = await mirrored('library/app');
  const key = `${APP}/_tags/1.0.0`;
  const tag = JSON.parse(Buffer.from(store.objects.get(key)?.bytes ?? []).toString('utf8'));
  tag.annotations['dev.lifeboat.platforms'] = 'linux/amd64';
  store.objects.set(key, { bytes: Buffer.from(JSON.stringify(tag)), etag: '"x"', contentType: undefined });
  const { manifests } = JSON.parse(Buffer.from(tag.data, 'base64').toString('utf8'));
  for (const { digest } of manifests) store.objects.delete(`${APP}/_manifests/${digest.replace(':', '/')}`);
  const result = await exportTo(join(await newFolder(), 'app'), store, 'a.b/library/app:1.0.0');
  expect(result.failures).toEqual([
    `a.b/library/app:1.0.0: the bucket lacks ${manifests[0].digest}, which the image needs. ${HOW_TO_FILL}`,
  ]);
  expect(result.logged).toEqual([]);
});

test('an export ends although lists of referrers lead in a ring', async () => {
  const store = await mirrored('library/signed');
  const [sbom = '', image = ''] = store.keys('/_referrers/');
  const own = store.objects.get(sbom);
  if (own === undefined) throw new Error('It is there.');
  const { manifests } = JSON.parse(Buffer.from(own.bytes).toString('utf8'));
  store.objects.set(
    `repositories/a.b/library/signed/_referrers/${manifests[0].digest.replace(':', '/')}`,
    own,
  );
  const target = join(await newFolder(), 'signed');
  expect(image).not.toBe('');
  expect((await exportTo(target, store, 'a.b/library/signed:latest')).failures).toEqual([]);
});

test('an export stops when its signal is aborted', async () => {
  const stop = new AbortController();
  const store = await mirrored('library/app');
  store.before = (call) => {
    if (call === 'stream') stop.abort(new Error('stopped'));
  };
  const folder = await newFolder();
  const writer = await writeTar(join(folder, 'app.tar'));
  const environment = { ...environmentFor(store, { signal: stop.signal }), store };
  await expect(exportImages(environment, [parseReference('a.b/library/app')], writer)).rejects.toThrow(
    'stopped',
  );
  await writer.abandon();
  expect(await readdir(folder)).toEqual([]);
  expect(store.calls.filter((call) => call.startsWith('stream '))).toHaveLength(1);
});
