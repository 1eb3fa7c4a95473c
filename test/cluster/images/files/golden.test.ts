/** Each file of a folder of `golden/` is read, and `golden/<folder>.txt` has its format and what is found in it. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { imagesInCompose } from '../../../../cluster/images/files/compose.ts';
import { imagesInDockerfile } from '../../../../cluster/images/files/dockerfile.ts';
import { formatOf } from '../../../../cluster/images/files/format.ts';
import { imagesInGitHubActions } from '../../../../cluster/images/files/github-actions.ts';
import { imagesInGitLabCi } from '../../../../cluster/images/files/gitlab-ci.ts';
import { imagesInPlainList } from '../../../../cluster/images/files/plain-list.ts';
import type { Found } from '../../../../cluster/images/mention.ts';
import { shown } from './shown.ts';

const GOLDEN = join(import.meta.dirname, 'golden');
const entries = await readdir(GOLDEN, { recursive: true, withFileTypes: true });
/** Paths from `golden/`. */
const files = entries
  .filter((entry) => entry.isFile() && entry.parentPath !== GOLDEN)
  .map((entry) => join(entry.parentPath, entry.name).slice(GOLDEN.length + 1));

const READERS = new Map<string, (text: string, path: string) => Iterable<Found>>([
  ['Dockerfile', imagesInDockerfile],
  ['compose', imagesInCompose],
  ['github-actions', imagesInGitHubActions],
  ['gitlab-ci', imagesInGitLabCi],
  ['list', imagesInPlainList],
]);

test('there are golden files of every format', async () => {
  const formats = await Promise.all(
    files.map(async (path) => formatOf(path, await readFile(join(GOLDEN, path), 'utf8'))),
  );
  expect(new Set(formats)).toEqual(new Set(READERS.keys()));
});

test.for(files)('%s is read as expected', async (path) => {
  const text = await readFile(join(GOLDEN, path), 'utf8');
  const format = formatOf(path, text);
  const found = shown(READERS.get(format)?.(text, path) ?? []);
  const [folder = ''] = path.split('/');
  await expect([format, ...found, ''].join('\n')).toMatchFileSnapshot(`golden/${folder}.txt`);
});
