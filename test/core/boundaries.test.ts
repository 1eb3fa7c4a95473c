/** The house keeps its rooms apart: what is in core/ runs everywhere, and the tests' helpers do not share its mistakes. */
import { expect, test } from 'vitest';
import { importedBy, importsOf, sourcesIn } from './imports.ts';

/** `file → what it imports`, for all that `allowed` refuses. */
async function offences(folder: string, allowed: (imported: string) => boolean): Promise<string[]> {
  const files = await sourcesIn(folder);
  // Without this a folder that was renamed would keep every promise.
  expect(files.length, `sources in ${folder}/`).toBeGreaterThan(0);
  const found = await Promise.all(
    files.map(async (file) => {
      const imported = await importedBy(file);
      return imported.filter((name) => !allowed(name)).map((name) => `${file} → ${name}`);
    }),
  );
  return found.flat();
}

function isIn(...folders: readonly string[]): (imported: string) => boolean {
  return (imported) => folders.some((folder) => imported.startsWith(`${folder}/`));
}

test('core/ imports nothing but core/', async () => {
  expect(await offences('core', isIn('core'))).toEqual([]);
});

test.for<readonly [string, readonly string[]]>([
  ['worker', ['mirror-job', 'infra', 'test', 'bench']],
  ['mirror-job', ['worker', 'infra', 'test', 'bench']],
  // They check what core/ does, so they spell it out once more.
  ['test/support', ['core', 'worker', 'mirror-job']],
  ['test/e2e', ['core']],
])('%s/ imports nothing from %s', async ([folder, others]) => {
  const isForbidden = isIn(...others);
  expect(await offences(folder, (imported) => !isForbidden(imported) && imported !== '?')).toEqual([]);
});

test('importsOf finds every way of importing', () => {
  const source = `
    import 'side-effect';
    import one from './one.ts';
    import { two, type Two } from "../two.ts";
    import {
      three,
      four as five,
    } from '../../three.ts';
    import * as six from 'six';
    import type { Seven } from 'seven';
    import eight, { nine } from '@scope/eight';
    export { ten } from './ten.ts';
    export * from './eleven.ts';
    export type { Twelve } from './twelve.ts';
    const thirteen = await import('./thirteen.ts');
    const fourteen = await import(
      './fourteen.json', { with: { type: 'json' } });
    type Fifteen = import('./fifteen.ts').Fifteen;
    const computed = await import(name);
    const pieced = await import('./a' + name);
    import data from './data.json' with { type: 'json' };
  `;
  expect(importsOf(source)).toEqual([
    'side-effect',
    './one.ts',
    '../two.ts',
    '../../three.ts',
    'six',
    'seven',
    '@scope/eight',
    './ten.ts',
    './eleven.ts',
    './twelve.ts',
    './thirteen.ts',
    './fourteen.json',
    './fifteen.ts',
    '?',
    '?',
    './data.json',
  ]);
});

test('importsOf finds nothing in text that only looks like an import', () => {
  const source = `
    // this imports nothing from 'anywhere'
    const here = import.meta.dirname;
    export const name = 'from';
    export function parse(text: string) { return text.split('x'); }
    const important = 'y';
  `;
  expect(importsOf(source)).toEqual([]);
});
