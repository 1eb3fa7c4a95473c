/** Tests the output of `lifeboat import`: its files, its exit codes, and the files that it refuses. */
import { link, readFile } from 'node:fs/promises';
import { expect, test, vi } from 'vitest';
import { useImportFolder } from './import-folder.ts';

// The limit is wide, because processes are slow on a busy machine. Each wait in this file has its own limit.
vi.setConfig({ testTimeout: 60_000 });

const { lifeboat, list, path, write } = useImportFolder();

test('import ends with exit code 0 if everything is carried over, and does not replace a file without --force', async () => {
  await write('all.yml', 'version: 1\nsync: [{ source: alpine:3, type: image }]\n');
  const first = await lifeboat('all.yml');
  expect([first.code, first.stdout, first.stderr]).toEqual([0, 'written lifeboat.yaml: 1 image\n', '']);
  const second = await lifeboat('all.yml');
  expect([second.code, second.stderr]).toEqual([
    2,
    'lifeboat: lifeboat.yaml: it exists already. Name another file with -o FILE, or replace it with --force.\n',
  ]);
  // The file is replaced and not written over, so that a program that has the old file open, or another name of it,
  // keeps it whole.
  await link(path('lifeboat.yaml'), path('kept.yaml'));
  await write('kept.yaml', 'old\n');
  expect((await lifeboat('all.yml', '--force')).code).toBe(0);
  expect(await readFile(path('kept.yaml'), 'utf8')).toBe('old\n');
  expect((await list()).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  const { stdout, stderr } = await lifeboat('all.yml', '-o', '-');
  expect(stderr).toBe('written to standard output: 1 image\n');
  expect(stdout).toBe(await readFile(path('lifeboat.yaml'), 'utf8'));
});

test.each([
  ['absent.yml', undefined, 'absent.yml: there is no such file.'],
  ['list.yml', '- a\n', 'list.yml: it is not a map of keys.'],
  [
    'broken.yml',
    'a: [hunter2\n',
    'broken.yml:2: this is not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ].',
  ],
  ['empty.yml', '', 'empty.yml: it is not a map of keys.'],
  [
    'other.yml',
    'services: { web: { image: hunter2 } }\n',
    'other.yml: this file cannot be imported. Give a regsync configuration (a list under sync), a list of skopeo sync (images below registries), or an ImageSetConfiguration of oc-mirror.',
  ],
])('import ends with exit code 2 if it cannot read %s', async (file, text, message) => {
  if (text !== undefined) await write(file, text);
  const { code, stdout, stderr } = await lifeboat(file, '-o', 'none.yaml');
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).not.toContain('hunter2');
  expect(stderr).toBe(`lifeboat: ${message}\n`);
  expect(await list()).not.toContain('none.yaml');
});

test('import to a folder that is not there says what has to be there', async () => {
  await write('all.yml', 'version: 1\nsync: [{ source: alpine:3, type: image }]\n');
  const { code, stderr } = await lifeboat('all.yml', '-o', 'absent/lifeboat.yaml');
  expect([code, stderr]).toEqual([
    2,
    'lifeboat: absent/lifeboat.yaml: it cannot be written (ENOENT). Its directory has to exist, and this user has to be allowed to write in it.\n',
  ]);
});

test.each(['none.yaml', '-', '/dev/stdout'])(
  'import to %s writes nothing if nothing can be carried over',
  async (output) => {
    await write('none.yml', 'sync: [{ source: registry.a.b, type: registry }]\n');
    const { code, stdout, stderr } = await lifeboat('none.yml', '-o', output);
    expect([code, stdout, stderr]).toEqual([
      1,
      '',
      'not carried none.yml:1: sync[0]: a whole registry cannot be mirrored: write one entry for each repository of it.\nNothing of none.yml can be carried, so nothing was written.\n',
    ]);
    expect(await list()).not.toContain('none.yaml');
  },
);

test.each(['-', '/dev/stdout', '/dev/fd/1', '/proc/self/fd/1'])(
  '-o %s writes to standard output',
  async (output) => {
    await write('one.yml', 'sync: [{ source: alpine:3, type: image }]\n');
    const { code, stdout, stderr } = await lifeboat('one.yml', '-o', output);
    expect([code, stderr]).toEqual([0, 'written to standard output: 1 image\n']);
    expect(stdout).toMatch(/^# Written by "lifeboat import" from one\.yml[^]*\n {2}- alpine:3\n$/);
  },
);

test('an output without a name is refused', async () => {
  const { code, stdout, stderr } = await lifeboat('one.yml', '-o', '');
  expect([code, stdout, stderr]).toEqual([2, '', 'lifeboat: --output names no file.\n']);
});
