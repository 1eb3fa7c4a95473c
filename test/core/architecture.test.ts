/** ARCHITECTURE.md names every source file, so that a newcomer finds the file for a question without reading the code. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT, sourcesIn } from './imports.ts';

const FOLDERS = ['core', 'cluster', 'worker', 'mirror-job'];

/** A heading such as `### core/`, in code quotes: the folder of the files in the table below it. */
const HEADING = /^#+ `([^`]+\/)`/;
/** The first cell of a row: one file, in code quotes. */
const ROW = /^\| `([\w.-]+\.[jt]sx?)` +\|/;

/** @returns the files that the text names, as paths from the repository's root */
function filesNamedIn(text: string): string[] {
  const files: string[] = [];
  let folder: string | undefined;
  for (const line of text.split('\n')) {
    if (line.startsWith('#')) folder = HEADING.exec(line)?.[1];
    const file = ROW.exec(line)?.[1];
    if (folder !== undefined && file !== undefined) files.push(`${folder}${file}`);
  }
  return files;
}

async function sources(): Promise<string[]> {
  const found = await Promise.all(FOLDERS.map(async (folder) => sourcesIn(folder).catch(() => [])));
  return found.flat();
}

const named = filesNamedIn(await readFile(join(ROOT, 'ARCHITECTURE.md'), 'utf8'));

test('ARCHITECTURE.md names every source file', async () => {
  expect((await sources()).filter((file) => !named.includes(file))).toEqual([]);
});

test('every file that ARCHITECTURE.md names exists', async () => {
  const files = new Set(await sources());
  expect(named.filter((file) => !files.has(file))).toEqual([]);
});

test('ARCHITECTURE.md names each file once', () => {
  expect(named.filter((file, index) => named.indexOf(file) !== index)).toEqual([]);
});

test('filesNamedIn reads a row below the heading of a folder', () => {
  const text =
    '## `core/`\n\n| `a.ts` | one |\n| `b.js`   | two `c.ts` |\n\n## Words\n\n| `d.ts` | three |\n';
  expect(filesNamedIn(text)).toEqual(['core/a.ts', 'core/b.js']);
});
