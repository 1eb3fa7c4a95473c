/** Files that cannot be read, and files that are not read. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadConfiguration } from '../../../mirror-job/configuration/load.ts';

const RIGHT =
  'store: { region: r, bucket: b }\nupstreams: { a.b: { ca: absent.pem } }\nimages: [{ source: "oci:absent", name: a.b/c, tags: ["*"] }]\n';
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-configuration-'));
  await mkdir(join(folder, 'folder'));
  await symlink(join(folder, 'loop'), join(folder, 'loop'));
  await writeFile(join(folder, 'latin1.yaml'), Buffer.from('name: caf\u00E9\n', 'latin1'));
  await writeFile(join(folder, 'utf16.yaml'), Buffer.from('\uFEFFname: x\n', 'utf16le'));
  await writeFile(join(folder, 'bom.yaml'), `\uFEFF${RIGHT.replaceAll('\n', '\r\n')}`);
  await writeFile(join(folder, 'right.yaml'), RIGHT);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

test.each([
  [
    'absent.yaml',
    'there is no such file. Name the configuration with -c FILE; "lifeboat init" writes a first one.',
  ],
  ['folder', 'this is a directory. Name the file in it.'],
  ['loop', 'it cannot be read (ELOOP).'],
  ['right.yaml/x', 'it cannot be read (ENOTDIR).'],
  ['latin1.yaml', 'it is not UTF-8 text. Save it as UTF-8.'],
  ['utf16.yaml', 'it is not UTF-8 text. Save it as UTF-8.'],
])('the file %s is refused: %s', async (name, message) => {
  const file = join(folder, name);
  await expect(loadConfiguration(file, {})).rejects.toMatchObject({
    name: 'ConfigurationError',
    message: `${file}: ${message}`,
  });
});

test('a file without a name is refused, because an unset variable gives one', async () => {
  await expect(loadConfiguration('', {})).rejects.toMatchObject({
    name: 'UsageError',
    message: '--config names no file.',
  });
});

test('a byte order mark and Windows line ends make no difference', async () => {
  const [right, bom] = await Promise.all(
    ['right.yaml', 'bom.yaml'].map((name) => loadConfiguration(join(folder, name), {})),
  );
  expect(bom?.store).toEqual(right?.store);
  expect(bom?.images).toMatchObject([{ repository: 'a.b/c', line: 3 }]);
});

test('the files that a configuration names are not read: neither certificates nor layouts have to be there', async () => {
  const { upstreams } = await loadConfiguration(join(folder, 'right.yaml'), {});
  expect([...upstreams.values()]).toMatchObject([{ ca: join(folder, 'absent.pem') }]);
});
