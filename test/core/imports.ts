/** Which files import which: what a file names in import and export statements, in calls and in types. */
import { readFile, readdir } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');

const STATEMENT = /\b(?:import|export)\s(?:[^'"`;]*?\sfrom\s*)?(['"])(?<name>.+?)\1/g;
const CALL = /\bimport\s*\(\s*(?:(['"])(?<name>[^'"]+)\1\s*[,)])?/g;

/** Every name that a source imports, in its order. A computed one is `?`, because nobody can say what it is. */
export function importsOf(source: string): string[] {
  return [...source.matchAll(STATEMENT), ...source.matchAll(CALL)]
    .toSorted((a, b) => a.index - b.index)
    .map(({ groups }) => groups?.['name'] ?? '?');
}

/**
 * The TypeScript sources below a folder of the repository, as paths from its root. Folders of tools are not entered, because
 * wrangler makes and removes some there while other tests run.
 */
export async function sourcesIn(folder: string): Promise<string[]> {
  const entries = await readdir(join(ROOT, folder), { withFileTypes: true });
  const found = entries.map(async (entry) => {
    const path = posix.join(folder, entry.name);
    if (entry.isDirectory()) return /^\.|^node_modules$/.test(entry.name) ? [] : sourcesIn(path);
    return entry.isFile() && /\.[cm]?[jt]sx?$/.test(entry.name) ? [path] : [];
  });
  return (await Promise.all(found)).flat().toSorted();
}

/** The imports of a file: paths from the repository's root for its own files, and names for packages. */
export async function importedBy(file: string): Promise<string[]> {
  const names = importsOf(await readFile(join(ROOT, file), 'utf8'));
  return names.map((name) => (name.startsWith('.') ? posix.join(dirname(file), name) : name));
}
