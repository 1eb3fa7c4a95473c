/** An OCI image layout as a source: the same image, signatures included, whatever tool wrote the folder. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { Descriptor } from '../../../../core/descriptor.ts';
import { parseDigest } from '../../../../core/digest.ts';
import { parseTag } from '../../../../core/reference.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { LayoutSource } from '../../../../mirror-job/sources/layout/layout-source.ts';
import { bytesOf, digestOfTag, repositoryOf, type Repository } from '../../../support/content.ts';
import { buildCorpus } from '../../../support/corpus.ts';
import { writeLayout } from '../../../support/oci-layout.ts';
import { environmentFor, imageOf, outcomesOf } from '../../support/harness.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const corpus = await buildCorpus();
const folders: string[] = [];
afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })));
});

async function layoutOf(repository: Repository): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-layout-'));
  folders.push(folder);
  await writeLayout(repository, folder);
  return folder;
}

async function sync(folder: string, tags?: readonly string[]) {
  const store = new MemoryStore();
  const image = imageOf(new LayoutSource(folder), 'images.test/app', tags === undefined ? {} : { tags });
  const report = await runMirror(environmentFor(store), 'default', [image]);
  return { store, outcomes: outcomesOf(report) };
}

/** The digests of the manifests or of the blobs that the bucket has of a repository. */
function stored(store: MemoryStore, folder: '_manifests' | '_blobs'): string[] {
  return store
    .keys(`/${folder}/`)
    .map((key) => key.split('/').slice(-2).join(':'))
    .toSorted();
}

test.each([
  'library/app',
  'library/nested',
  'library/docker',
  'library/artifact',
  'library/attested',
  'library/signed',
  'library/fallback',
  'library/sha512',
])('%s is mirrored whole from a layout', async (name) => {
  const repository = repositoryOf(corpus, name);
  const { store, outcomes } = await sync(await layoutOf(repository));
  // Tags that belong to an image come with it and are no outcomes of their own.
  const own = [...repository.tags.keys()].filter((tag) => !tag.startsWith('sha256-'));
  expect(outcomes).toEqual(Object.fromEntries(own.map((tag) => [`images.test/app:${tag}`, 'created'])));
  expect(store.keys('/_tags/')).toHaveLength(repository.tags.size);
  expect(stored(store, '_manifests')).toEqual([...repository.manifests.keys()].toSorted());
  expect(stored(store, '_blobs')).toEqual([...repository.blobs.keys()].toSorted());
  for (const [digest, { bytes, mediaType }] of repository.manifests) {
    const object = store.objects.get(`repositories/images.test/app/_manifests/${digest.replace(':', '/')}`);
    expect(object?.contentType).toBe(mediaType);
    expect(Buffer.from(object?.bytes ?? []).equals(Buffer.from(bytes))).toBe(true);
  }
});

async function artifactTypeOf(source: LayoutSource, descriptor: Descriptor | undefined): Promise<unknown> {
  const manifest = descriptor === undefined ? undefined : await source.manifest(descriptor.digest);
  return manifest === undefined ? undefined : JSON.parse(Buffer.from(manifest.bytes).toString()).artifactType;
}

test.each(['library/signed', 'library/fallback'])(
  'the signatures of %s are found by their subjects',
  async (name) => {
    const repository = repositoryOf(corpus, name);
    const source = new LayoutSource(await layoutOf(repository));
    const image = parseDigest(digestOfTag(repository, 'latest'));
    const [sbom] = (await source.referrers(image, 10)).descriptors;
    expect(await artifactTypeOf(source, sbom)).toBe('application/spdx+json');
    const [signature] = sbom === undefined ? [] : (await source.referrers(sbom.digest, 10)).descriptors;
    expect(await artifactTypeOf(source, signature)).toBe('application/vnd.dev.sigstore.bundle.v0.3+json');
    expect(await source.isPublic()).toBe(true);
  },
);

test('a blob can be read from any offset', async () => {
  const repository = repositoryOf(corpus, 'library/artifact');
  const source = new LayoutSource(await layoutOf(repository));
  for (const [digest, blob] of repository.blobs) {
    const whole = await bytesOf(blob);
    const body = await source.blob(parseDigest(digest), blob.size, 1);
    if (body === undefined) throw new Error('It is there.');
    expect(await bytesOf({ size: blob.size, open: () => body })).toEqual(whole.subarray(1));
  }
});

async function editIndex(
  folder: string,
  edit: (manifests: Record<string, unknown>[]) => void,
): Promise<void> {
  const path = join(folder, 'index.json');
  const index = JSON.parse(await readFile(path, 'utf8'));
  edit(index.manifests);
  await writeFile(path, JSON.stringify(index));
}

const DIGEST = `sha256:${'a'.repeat(64)}`;

test.each([
  ['docker.io/library/artifact:v1', ['v1']],
  ['Some Name:v1', ['v1']],
  [`docker.io/library/artifact:v1@${DIGEST}`, ['v1']],
  // As ctr exports what was pulled by its digest.
  [`docker.io/library/artifact@${DIGEST}`, []],
  [`@${DIGEST}`, []],
])('a tag is read from a reference, if that has one: %s', async (name, tags) => {
  const folder = await layoutOf(repositoryOf(corpus, 'library/artifact'));
  await editIndex(folder, ([entry]) => {
    if (entry !== undefined) entry['annotations'] = { 'org.opencontainers.image.ref.name': name };
  });
  expect(await new LayoutSource(folder).tags()).toEqual(tags);
});

test('a folder that is not a layout, or contradicts itself, is refused with a sentence', async () => {
  const nowhere = new LayoutSource('/nowhere/at/all');
  await expect(nowhere.tags()).rejects.toThrow(
    'oci:/nowhere/at/all is not an OCI image layout: there is no /nowhere/at/all/oci-layout.',
  );
  const folder = await layoutOf(repositoryOf(corpus, 'library/app'));
  const [one = '', two = ''] = ['1.0.0', 'latest'].map((tag) =>
    digestOfTag(repositoryOf(corpus, 'library/app'), tag),
  );
  await editIndex(folder, (manifests) => {
    for (const entry of manifests) {
      entry['annotations'] = { 'org.opencontainers.image.ref.name': 'same' };
    }
  });
  await expect(new LayoutSource(folder).tags()).rejects.toThrow(
    `oci:${folder}: index.json gives the tag "same" to two manifests, ${one} and ${two}. Keep one of them.`,
  );
  await writeFile(join(folder, 'index.json'), '{');
  await expect(new LayoutSource(folder).tags()).rejects.toThrow(
    `oci:${folder}: ${join(folder, 'index.json')} is not JSON.`,
  );
});

test('an absent tag, an absent blob and a changed blob each fail only the tag concerned', async () => {
  const repository = repositoryOf(corpus, 'library/docker');
  const folder = await layoutOf(repository);
  const image = digestOfTag(repository, 'image');
  const [blob = ''] = [...repository.blobs.keys()].slice(-2);
  const path = join(folder, 'blobs', ...blob.split(':'));
  const original = await readFile(path);
  await writeFile(path, Buffer.alloc(original.length));
  const { store, outcomes } = await sync(folder, ['none', 'image', 'list']);
  expect(outcomes['images.test/app:none']).toBe(`oci:${folder} has no tag "none".`);
  expect(outcomes['images.test/app:list']).toMatch(
    new RegExp(
      `^oci:.* sent other bytes than asked for: their digest is sha256:[0-9a-f]{64}, not ${blob}\\.$`,
    ),
  );
  expect(outcomes['images.test/app:image']).toBe('created');
  expect(store.json('repositories/images.test/app/_tags.json')).toEqual({
    name: 'images.test/app',
    tags: ['image'],
  });
  expect(stored(store, '_manifests')).toEqual([image]);
  await rm(path);
  const gone = await sync(folder, ['list']);
  expect(gone.outcomes).toEqual({ 'images.test/app:list': `oci:${folder} has no blob ${blob}.` });
  expect(await new LayoutSource(folder).resolve(parseTag('none'))).toBe(undefined);
});
