/** An exported name means one thing, because a reader who has met it once does not look where it comes from. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT, sourcesIn } from './imports.ts';

const DECLARATION =
  /^export (?:default )?(?:declare )?(?:abstract )?(?:async )?(?:const|let|function\*?|class|interface|type|enum) (?<name>\w+)/gm;

/** The names that a source declares and exports, overloads once. Names that it passes on from another file do not count. */
function declaredIn(source: string): string[] {
  return [...new Set([...source.matchAll(DECLARATION)].map(({ groups }) => groups?.['name'] ?? ''))];
}

/** Exported name → the files that declare it. */
async function exportsOf(folders: readonly string[]): Promise<Map<string, string[]>> {
  const files = (await Promise.all(folders.map(sourcesIn))).flat();
  const found = new Map<string, string[]>();
  for (const file of files) {
    for (const name of declaredIn(await readFile(join(ROOT, file), 'utf8'))) {
      found.set(name, [...(found.get(name) ?? []), file]);
    }
  }
  return found;
}

test.for([
  ['core', 'mirror-job/engine'],
  ['core', 'worker'],
])('no name is exported by two files of %s/ and %s/', async (folders) => {
  const found = await exportsOf(folders);
  expect(found.size).toBeGreaterThan(100);
  expect([...found].filter(([, files]) => files.length > 1)).toEqual([]);
});

test('declaredIn finds every kind of export', () => {
  const source = [
    'export const one = 1;',
    'export async function two() {}',
    'export async function* three() {}',
    'export abstract class Four {}',
    'export interface Five {}',
    'export type Six = 6;',
    'export function seven(a: string): string;',
    'export function seven(a: number): string;',
    'const eight = 8;',
    "export { nine } from './nine.ts';",
  ].join('\n');
  expect(declaredIn(source)).toEqual(['one', 'two', 'three', 'Four', 'Five', 'Six', 'seven']);
});
