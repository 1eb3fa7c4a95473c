/**
 * Each folder of `golden/` has mirror sets, and below `expected/` what they become: registries.conf, mirror sets, and
 * warnings.txt if there are warnings.
 */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MARKER, tomlText } from '../../../cluster/clients/text.ts';
import { yamlText } from '../../../cluster/clients/yaml-text.ts';
import { mergeMirrorSets } from '../../../cluster/merging/merged-mirrors.ts';
import { mirrorSetObjects } from '../../../cluster/merging/mirror-set-documents.ts';
import { parseMirrorSets } from '../../../cluster/merging/mirror-set-file.ts';
import type { MirrorSet, SourceMirrors } from '../../../cluster/merging/mirror-set.ts';
import { registriesConf } from '../../../cluster/merging/registries-conf.ts';

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

const NOBODY_INSECURE: ReadonlySet<string> = new Set();

/** The text of a file as clients get it, without the line that marks it. */
function withoutMarker(text: string): string {
  return text.replace(`${MARKER}\n`, '');
}

function registriesConfOf(sources: readonly SourceMirrors[]): string {
  return withoutMarker(tomlText(registriesConf(sources, NOBODY_INSECURE)));
}

test('there are golden folders', () => {
  expect(cases.length).toBeGreaterThan(7);
});

test('no sets become nothing, and a registries.conf without registries', () => {
  const merged = mergeMirrorSets([]);
  expect(merged).toEqual({ sources: [], warnings: [] });
  expect(mirrorSetObjects(merged.sources, 'merged')).toEqual([]);
  expect(registriesConfOf(merged.sources)).toBe('registry = []\n');
});

test.for(cases)('%s: registries.conf, mirror sets and warnings are as expected', async (name) => {
  const folder = join(GOLDEN, name);
  const sets = await setsIn(folder);
  const merged = mergeMirrorSets(sets);
  expect(registriesConfOf(merged.sources)).toBe(await expectedIn(folder, 'registries.conf'));
  expect(withoutMarker(yamlText(...mirrorSetObjects(merged.sources, 'merged')))).toBe(
    await expectedIn(folder, 'mirror-sets.yaml'),
  );
  expect(merged.warnings.map((warning) => `${warning}\n`).join('')).toBe(
    await expectedIn(folder, 'warnings.txt'),
  );
  expect(mergeMirrorSets(sets.toReversed())).toEqual(merged);
});

test('what is reached by plain HTTP is insecure wherever it stands, and nothing else is', () => {
  const mirrors = ['registry.internal:5000/copies', 'registry.internal/copies'];
  const sources: readonly SourceMirrors[] = ['registry.internal:5000', 'registry.internal'].map((source) => ({
    source,
    policy: 'AllowContactingSource',
    digests: mirrors,
    tags: mirrors,
  }));
  const mirror = [
    { location: 'registry.internal:5000/copies', insecure: true },
    { location: 'registry.internal/copies' },
  ];
  expect(registriesConf(sources, new Set(['registry.internal:5000']))).toEqual({
    registry: [
      { prefix: 'registry.internal:5000', location: 'registry.internal:5000', insecure: true, mirror },
      { prefix: 'registry.internal', location: 'registry.internal', mirror },
    ],
  });
});
