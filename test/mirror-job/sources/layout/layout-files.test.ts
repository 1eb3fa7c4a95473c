/** Files of a layout that somebody else has prepared: only regular files inside of its folder are read, and bounded. */
import { mkdir, mkdtemp, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { openLayoutFiles } from '../../../../mirror-job/sources/layout/layout-files.ts';
import { LayoutSource } from '../../../../mirror-job/sources/layout/layout-source.ts';
import { addImage, addLayer, tagAs } from '../../../support/builder.ts';
import { emptyRepository, type Digest } from '../../../support/content.ts';
import { writeLayout } from '../../../support/oci-layout.ts';
import { runProgram } from '../../../support/process.ts';
import { environmentFor, imageOf, outcomesOf } from '../../support/harness.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const app = emptyRepository();
const layer = await addLayer(app, 'layer');
const image = addImage(app, { layers: [layer] });
tagAs(app, image, '1');

const folders: string[] = [];
afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })));
});

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-layout-files-'));
  folders.push(folder);
  return folder;
}

async function layout(): Promise<string> {
  const folder = join(await emptyFolder(), 'layout');
  await mkdir(folder);
  await writeLayout(app, folder);
  return folder;
}

async function outcomeOf(folder: string): Promise<string | undefined> {
  const mirrored = imageOf(new LayoutSource(folder), 'images.test/app', { tags: ['1'] });
  const report = await runMirror(environmentFor(new MemoryStore()), 'default', [mirrored]);
  return outcomesOf(report)['images.test/app:1'];
}

function fileOf(digest: Digest): string {
  return join('blobs', ...digest.split(':'));
}

const FILES: readonly [what: string, name: string][] = [
  ['oci-layout', 'oci-layout'],
  ['index.json', 'index.json'],
  ['a manifest', fileOf(image.digest)],
  ['a layer', fileOf(layer.digest)],
];

test.each(FILES)('%s that is a pipe is not waited for', async (_what, name) => {
  const folder = await layout();
  await rm(join(folder, name));
  await runProgram('mkfifo', [join(folder, name)]);
  expect(await outcomeOf(folder)).toBe(`oci:${folder}: ${join(folder, name)} is not a regular file.`);
});

test.each(FILES)('%s that is a folder is refused', async (_what, name) => {
  const folder = await layout();
  await rm(join(folder, name));
  await mkdir(join(folder, name));
  expect(await outcomeOf(folder)).toBe(`oci:${folder}: ${join(folder, name)} is not a regular file.`);
});

test.each(FILES)('%s that is a link to a device without an end is not read', async (_what, name) => {
  const folder = await layout();
  await rm(join(folder, name));
  await symlink('/dev/zero', join(folder, name));
  expect(await outcomeOf(folder)).toBe(
    `oci:${folder}: ${join(folder, name)} is a link that leads out of the layout, to /dev/zero. Put the file itself into the layout.`,
  );
});

test.each(FILES)('%s that is a link to a file outside of the layout is not read', async (_what, name) => {
  const folder = await layout();
  const outside = join(folder, '../layout-2');
  await rename(join(folder, name), outside);
  await symlink('../'.repeat(name.split('/').length) + 'layout-2', join(folder, name));
  expect(await outcomeOf(folder)).toMatch(/ is a link that leads out of the layout, to .*\/layout-2\. Put /);
});

test('a folder of blobs that leads out of the layout is not read', async () => {
  const folder = await layout();
  await rename(join(folder, 'blobs'), join(folder, '../blobs'));
  await symlink('../blobs', join(folder, 'blobs'));
  expect(await outcomeOf(folder)).toMatch(/ is a link that leads out of the layout, to .*\/blobs\/sha256\//);
});

test('links inside of the layout are followed, and the layout itself may be one', async () => {
  const folder = await layout();
  await mkdir(join(folder, 'store'));
  for (const [, name] of FILES) {
    const stored = name.replaceAll('/', '-');
    await rename(join(folder, name), join(folder, 'store', stored));
    await symlink(join('../'.repeat(name.split('/').length - 1), 'store', stored), join(folder, name));
  }
  await symlink('layout', join(folder, '../link'));
  expect(await outcomeOf(folder)).toBe('created');
  expect(await outcomeOf(join(folder, '../link'))).toBe('created');
});

test.each([
  ['oci-layout', 64 * 1024],
  ['index.json', 16 * 1024 * 1024],
])('%s of more than %i bytes is not read', async (name, limit) => {
  const folder = await layout();
  // All but the first bytes are a hole, so the file is made at once.
  await truncate(join(folder, name), limit + 1);
  expect(await outcomeOf(folder)).toBe(
    `oci:${folder}: ${join(folder, name)} has ${limit + 1} bytes, and ${limit} is the most that is read of such a file.`,
  );
});

test('index.json in a tar is bounded in the same way', async () => {
  const folder = await layout();
  await writeFile(join(folder, 'index.json'), '');
  await truncate(join(folder, 'index.json'), 16 * 1024 * 1024 + 1);
  const tar = join(folder, '../layout.tar');
  await runProgram('tar', ['-cf', tar, '-C', folder, '.']);
  expect(await outcomeOf(tar)).toBe(
    `oci:${tar}: index.json in ${tar} has 16777217 bytes, and 16777216 is the most that is read of such a file.`,
  );
});

test('index.json of more than 200,000 entries is refused', async () => {
  const folder = await layout();
  await writeFile(join(folder, 'index.json'), `{"manifests":[${'0,'.repeat(200_000)}0]}`);
  expect(await outcomeOf(folder)).toBe(
    `oci:${folder}: index.json lists 200001 manifests, and 200000 is the most that Lifeboat reads of one layout.`,
  );
});

test.each([
  ['manifests', '"manifests":['],
  ['another list', '"manifests":[],"other":['],
])(
  'index.json of more than a million values in %s is refused before it is read as JSON',
  async (_what, begin) => {
    const folder = await layout();
    await writeFile(join(folder, 'index.json'), `{${begin}${'{},'.repeat(500_000)}{}]}`);
    expect(await outcomeOf(folder)).toBe(
      `oci:${folder}: ${join(folder, 'index.json')} has more than 1000000 values, which is the most that Lifeboat reads of one layout. Split it into several layouts.`,
    );
  },
);

test('a folder is looked into once for many files, and a file is refused by its name where that cannot be', async () => {
  const folder = await layout();
  const name = image.digest.replace('sha256:', '');
  const answers = async (path: string, of = 'blobs/sha256') => {
    const mayHave = await (await openLayoutFiles(path)).lookUp(of);
    return [mayHave(name), mayHave('0'.repeat(64))];
  };
  const tar = join(folder, '../layout.tar');
  await runProgram('tar', ['-cf', tar, '-C', folder, '.']);
  for (const path of [folder, tar]) {
    expect(await answers(path)).toEqual([true, false]);
    expect(await answers(path, 'blobs/sha512')).toEqual([false, false]);
  }
  await rename(join(folder, 'blobs'), join(folder, '../blobs'));
  await symlink('../blobs', join(folder, 'blobs'));
  expect(await answers(folder)).toEqual([true, true]);
});

test.each(['folder', 'tar'])('a run that has to end does not wait for a layout in a %s', async (kind) => {
  const folder = await layout();
  const tar = join(folder, '../layout.tar');
  await runProgram('tar', ['-cf', tar, '-C', folder, '.']);
  const signal = AbortSignal.abort(new Error('enough'));
  const source = new LayoutSource(kind === 'tar' ? tar : folder, undefined, signal);
  await expect(source.tags()).rejects.toThrow(new Error('enough'));
});
