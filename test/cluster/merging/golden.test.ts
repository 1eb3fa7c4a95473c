/**
 * Each folder of `golden/` has mirror sets, and below `expected/` what they become: registries.conf, mirror sets, and
 * warnings.txt if there are warnings.
 */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mergeMirrorSets } from '../../../cluster/merging/merged-mirrors.ts';
import { renderMirrorSets } from '../../../cluster/merging/mirror-set-documents.ts';
import { parseMirrorSets } from '../../../cluster/merging/mirror-set-file.ts';
import type { MirrorSet } from '../../../cluster/merging/mirror-set.ts';
import { renderRegistriesConf } from '../../../cluster/merging/registries-conf.ts';

const GOLDEN = join(import.meta.dirname, 'golden');
const cases = await readdir(GOLDEN);

async function setsIn(folder: string): Promise<MirrorSet[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.yaml')).toSorted();
  const read = files.map(async (name) => parseMirrorSets(name, await readFile(join(folder, name), 'utf8')));
  return (await Promise.all(read)).flat();
}

async function expectedIn(folder: string, name: string): Promise<string> {
  const file = join(folder, 'expected', name);
  return existsSync(file) ? readFile(file, 'utf8') : '';
}

test('there are golden folders', () => {
  expect(cases.length).toBeGreaterThan(7);
});

test('no sets become nothing, and a registries.conf without registries', () => {
  const merged = mergeMirrorSets([]);
  expect(merged).toEqual({ sources: [], warnings: [] });
  expect(renderMirrorSets(merged, 'merged')).toBe('');
  expect(renderRegistriesConf(merged)).toBe('registry = []\n');
});

test.for(cases)('%s: registries.conf, mirror sets and warnings are as expected', async (name) => {
  const folder = join(GOLDEN, name);
  const sets = await setsIn(folder);
  const merged = mergeMirrorSets(sets);
  expect(renderRegistriesConf(merged)).toBe(await expectedIn(folder, 'registries.conf'));
  expect(renderMirrorSets(merged, 'merged')).toBe(await expectedIn(folder, 'mirror-sets.yaml'));
  expect(merged.warnings.map((warning) => `${warning}\n`).join('')).toBe(
    await expectedIn(folder, 'warnings.txt'),
  );
  expect(mergeMirrorSets(sets.toReversed())).toEqual(merged);
});
