/** Tests `lifeboat rescue` into a real bucket: from layouts, archives, a registry and another bucket. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { addImage, addIndex, addLayer, AMD64, ARM64, tagAs } from '../../support/builder.ts';
import { blobOf, bytesOf, digestOfTag, emptyRepository } from '../../support/content.ts';
import { writeLayout } from '../../support/oci-layout.ts';
import { buildOwnEdge, serveOwnEdge, variablesOf } from '../../support/own-edge.ts';
import { startRogueRegistry, type RogueRegistry } from '../../support/rogue-registry.ts';
import { tarOf, tarOfFolder } from '../../support/tar.ts';
import { walkBucket } from '../../support/walk-bucket.ts';
import { DamagedBucket } from './damaged-bucket.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let bucket: DamagedBucket;
let registry: RogueRegistry;

beforeAll(async () => {
  bucket = await DamagedBucket.open(2);
  const repositories = new Map([['team/app', bucket.images]]);
  registry = await startRogueRegistry({ corpus: { repositories } });
  await writeTar(join(bucket.folder, 'app'), 'app.tar');
});

afterAll(async () => {
  await registry.stop();
  await bucket.close();
});

async function writeTar(folder: string, name: string): Promise<void> {
  await writeFile(join(bucket.folder, name), Readable.from((await tarOfFolder(folder)).open()));
}

/** Removes all of a.b/app, with its layers, as a bucket that was lost. */
async function lose(prefix: string): Promise<void> {
  const lost = /repositories\/a\.b\/app\/|^blobs\/|repositories\/a\.b\/app\.json$/;
  for (const key of await bucket.keys(prefix, lost)) await bucket.remove(prefix, key);
}

/** The content of the bucket, as an independent reader sees it. */
async function walk(prefix: string) {
  const { client, stores } = bucket;
  return walkBucket({ client, bucket: stores.bucket, prefix: `${prefix}/` });
}

const problemsOfApp = (found: Awaited<ReturnType<typeof walk>>): readonly string[] =>
  [...found.problems, ...found.behind].filter((one) => one.includes('a.b/app'));

test.each([
  ['an OCI layout', 'layout', './app'],
  ['a tar of one', 'tar', 'app.tar'],
  ['a tar that is named as skopeo does', 'named', 'oci-archive:app.tar'],
])(
  '%s brings a lost image back, by its own digest, and the history says where it came from',
  async (_, prefix, from) => {
    const file = await bucket.fill(prefix);
    await lose(prefix);
    const done = await bucket.lifeboat('rescue', 'a.b/app:1', '--from', from, '-c', file, '--reason', 'lost');
    expect([done.code, done.stdout]).toEqual([0, expect.stringContaining('rescued a.b/app:1 at')]);
    const found = await walk(prefix);
    expect(problemsOfApp(found)).toEqual([]);
    expect(found.tags.get('a.b/app:1')).toBe(digestOfTag(bucket.images, '1'));
    const history = await bucket.lifeboat('history', 'a.b/app:1', '--json', '-c', file);
    expect(history.stdout).toMatch(/"why": "rescued from oci:.*app(?:\.tar)?: lost"/);
    expect((await bucket.lifeboat('rescue', 'a.b/app:1', '--from', from, '-c', file)).code).toBe(0);
  },
);

test('an image of which the bucket has lost a layer is completed, and its tag stays', async () => {
  const file = await bucket.fill('part');
  const [layer = ''] = await bucket.keys('part', /a\.b\/app\/_blobs\//);
  await bucket.remove('part', layer.replace('repositories/a.b/app/_', ''));
  const done = await bucket.lifeboat('rescue', 'a.b/app:1', '--from', 'app.tar', '-c', file);
  expect([done.code, done.stdout]).toEqual([0, expect.stringContaining('completed a.b/app:1 at')]);
  expect((await bucket.verify(file)).code).toBe(0);
});

test('a registry and another bucket bring it back', async () => {
  const other = await bucket.fill('other', [1]);
  const file = await bucket.configure('here');
  const content = JSON.parse(await readConfiguration(file));
  const insecure = { [registry.host]: { insecure: true } };
  await writeFile(join(bucket.folder, file), JSON.stringify({ ...content, upstreams: insecure }));
  expect((await bucket.lifeboat('sync', '-c', file)).code).toBe(0);
  for (const from of [`docker://${registry.host}/team/app`, `bucket:${other}`]) {
    await lose('here');
    const done = await bucket.lifeboat('rescue', 'a.b/app:2', '--from', from, '-c', file);
    expect([from, done.code, done.stderr]).toEqual([from, 0, '']);
    const found = await walk('here');
    expect([problemsOfApp(found), found.tags.get('a.b/app:2')]).toEqual([
      [],
      digestOfTag(bucket.images, '2'),
    ]);
  }
});

test('a mirror that is asked as containerd asks it, here the edge of another site, brings it back', async () => {
  await bucket.fill('site');
  const file = await bucket.fill('mirrored');
  await buildOwnEdge(join(bucket.folder, 'edge'));
  const variables = { ...variablesOf(bucket.stores), S3_PREFIX: 'site' };
  const edge = await serveOwnEdge(join(bucket.folder, 'edge'), variables);
  try {
    const from = `mirror:${edge.url}`;
    await lose('mirrored');
    const done = await bucket.lifeboat('rescue', 'a.b/app:2', '--from', from, '-c', file);
    expect([done.code, done.stderr]).toEqual([0, '']);
    const found = await walk('mirrored');
    expect([problemsOfApp(found), found.tags.get('a.b/app:2')]).toEqual([
      [],
      digestOfTag(bucket.images, '2'),
    ]);
    const absent = await bucket.lifeboat('rescue', 'a.b/app:none', '--from', from, '-c', file);
    expect([absent.code, absent.stderr]).toEqual([1, expect.stringContaining(edge.host)]);
  } finally {
    await edge.stop();
  }
});

test.each([
  ['mirror:10.0.0.7:30020', 'a mirror is http:// or https:// with a host and a port, and without a path'],
  ['mirror:http://10.0.0.7:30020/v2/', 'a mirror is http:// or https://'],
  ['mirror:http://user:secret@10.0.0.7', 'a mirror is http:// or https://'],
  ['mirror:http://[::1]:30020', 'IPv6 literals cannot be part of an image name'],
])('%s is no mirror', async (from, sentence) => {
  const file = await bucket.configure('mirrored');
  const { code, stderr } = await bucket.lifeboat('rescue', 'a.b/app:1', '--from', from, '-c', file);
  expect([code, stderr]).toEqual([2, expect.stringContaining(sentence)]);
});

async function readConfiguration(file: string): Promise<string> {
  return readFile(join(bucket.folder, file), 'utf8');
}

test('a named digest that the source lacks, a tag at another digest, and bytes that are others move nothing', async () => {
  const file = await bucket.fill('wrong');
  const before = await bucket.content('wrong');
  const other = `sha256:${'ab'.repeat(32)}`;
  const absent = await bucket.lifeboat('rescue', `a.b/app:1@${other}`, '--from', 'app.tar', '-c', file);
  expect([absent.code, absent.stderr]).toEqual([1, expect.stringContaining(`has no manifest ${other}`)]);

  const newer = emptyRepository();
  tagAs(newer, addImage(newer, { layers: [await addLayer(newer, 'newer')] }), '1');
  await writeLayout(newer, join(bucket.folder, 'newer'));
  const moved = await bucket.lifeboat('rescue', 'a.b/app:1', '--from', 'newer', '-c', file);
  expect([moved.code, moved.stderr]).toEqual([
    2,
    expect.stringContaining(`To move the tag, name the digest: a.b/app:1@${digestOfTag(newer, '1')}`),
  ]);
  expect(await bucket.content('wrong')).toEqual(before);

  const named = `a.b/app:1@${digestOfTag(newer, '1')}`;
  const [blob = ''] = [...newer.blobs.keys()];
  await writeFile(join(bucket.folder, 'newer/blobs', blob.replace(':', '/')), 'other bytes');
  const forged = await bucket.lifeboat('rescue', named, '--from', 'newer', '-c', file);
  expect(forged.code).toBe(1);
  expect((await walk('wrong')).tags.get('a.b/app:1')).toBe(digestOfTag(bucket.images, '1'));
});

test('an archive with one platform of two brings back the index for that platform, and says so', async () => {
  const file = await bucket.fill('platforms');
  const two = emptyRepository();
  const children = [];
  for (const [seed, platform] of [
    ['amd', AMD64],
    ['arm', ARM64],
  ] as const) {
    children.push(addImage(two, { layers: [await addLayer(two, seed)], platform }));
  }
  tagAs(two, addIndex(two, children), '1');
  await writeLayout(two, join(bucket.folder, 'two'));
  await rm(join(bucket.folder, 'two/blobs', (children[1]?.digest ?? '').replace(':', '/')));
  const done = await bucket.lifeboat('rescue', 'a.b/two:1', '--from', 'two', '-c', file);
  expect([done.code, done.stdout]).toEqual([0, expect.stringContaining(', only for linux/amd64')]);
  expect((await walk('platforms')).tags.get('a.b/two:1')).toBe(digestOfTag(two, '1'));
  expect((await bucket.verify(file)).code).toBe(0);
});

/** Writes an archive as `docker save` did before version 25. @returns the digests of its config and its layer */
async function writeDockerArchive(name: string): Promise<{ config: string; layer: string }> {
  const folder = join(bucket.folder, `${name}-folder`);
  await mkdir(folder);
  const layer = await bytesOf(tarOf('hello.txt', blobOf(Buffer.from('hello'))));
  const id = createHash('sha256').update(layer).digest('hex');
  const config = JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: [`sha256:${id}`] },
  });
  const hex = createHash('sha256').update(config).digest('hex');
  await writeFile(join(folder, `${id}.tar`), layer);
  await writeFile(join(folder, `${hex}.json`), config);
  const list = [{ Config: `${hex}.json`, RepoTags: ['a.b/old:1'], Layers: [`${id}.tar`] }];
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(list));
  await writeTar(folder, name);
  return { config: `sha256:${hex}`, layer: `sha256:${id}` };
}

test('an archive in Docker’s old format is refused with the digests that cannot be the originals, and served with --rewritten', async () => {
  const file = await bucket.fill('old');
  const before = await bucket.content('old');
  const { config, layer } = await writeDockerArchive('old.tar');
  const refused = await bucket.lifeboat('rescue', 'a.b/old:1', '--from', 'old.tar', '-c', file);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain(`The config ${config} is the original one.`);
  expect(refused.stderr).toContain(`and the layers ${layer} cannot be.`);
  expect(await bucket.content('old')).toEqual(before);

  const done = await bucket.lifeboat('rescue', 'a.b/old:1', '--from', 'old.tar', '--rewritten', '-c', file);
  expect([done.code, done.stderr]).toEqual([0, '']);
  const found = await walk('old');
  expect([found.problems, found.behind]).toEqual([[], []]);
  const digest = found.tags.get('a.b/old:1') ?? '';
  const manifest = await bucket.read('old', `repositories/a.b/old/_manifests/${digest.replace(':', '/')}`);
  expect(JSON.parse(manifest.bytes.toString())).toMatchObject({
    config: { digest: config },
    layers: [{ digest: layer }],
  });
  const history = await bucket.lifeboat('history', 'a.b/old:1', '--json', '-c', file);
  expect(history.stdout).toContain('rewritten: its manifest is not the original one');
});
