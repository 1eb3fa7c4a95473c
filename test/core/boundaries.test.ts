/** Which folder may import which. ARCHITECTURE.md has the table. */
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { circlesIn, merged, type Graph } from './circles.ts';
import { importedBy, importsOf, sourcesIn } from './imports.ts';

/** `file → import` for each import that `allowed` refuses. */
async function offences(folder: string, allowed: (imported: string) => boolean): Promise<string[]> {
  const files = await sourcesIn(folder);
  // A folder that was renamed has no files, and so no offences.
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

/** Our own files. All other imports are Node's modules and packages. */
const isOurs = isIn('core', 'cluster', 'worker', 'mirror-job', 'infra', 'test', 'bench');

/** Every file of these folders, with those of them that it imports. */
async function importGraph(...folders: readonly string[]): Promise<Graph> {
  const files = (await Promise.all(folders.map(sourcesIn))).flat();
  const known = new Set(files);
  const imports = files.map(
    async (file) => [file, (await importedBy(file)).filter((name) => known.has(name))] as const,
  );
  return new Map(await Promise.all(imports));
}

/** Every folder that has files of the graph below it, the repository's root among them. */
function foldersOf(graph: Graph): string[] {
  const folders = new Set<string>();
  for (const file of graph.keys()) {
    for (let folder = dirname(file); !folders.has(folder); folder = dirname(folder)) folders.add(folder);
  }
  return [...folders];
}

/** The imports between the folders and the files that lie directly in a folder. Each of these folders is one node. */
function contentsOf(folder: string, graph: Graph): Graph {
  const start = folder === '.' ? '' : `${folder}/`;
  const inside = [...graph]
    .filter(([file]) => file.startsWith(start))
    .map(([file, imported]) => [file, imported.filter((name) => name.startsWith(start))] as const);
  return merged(new Map(inside), (file) => start + file.slice(start.length).replace(/\/.*/, ''));
}

test('core/ imports nothing but core/', async () => {
  expect(await offences('core', isIn('core'))).toEqual([]);
});

test('cluster/ imports nothing but itself, core/ and packages', async () => {
  const isAllowed = isIn('core', 'cluster');
  expect(await offences('cluster', (name) => isAllowed(name) || !isOurs(name))).toEqual([]);
});

test('mirror-job/engine/ imports nothing but itself, core/ and packages', async () => {
  const isAllowed = isIn('core', 'mirror-job/engine');
  expect(
    await offences(
      'mirror-job/engine',
      (name) => isAllowed(name) || (!isOurs(name) && !name.startsWith('node:')),
    ),
  ).toEqual([]);
});

test.for(['mirror-job/sources', 'mirror-job/storage'])(
  '%s/ imports nothing of ours but itself, the engine and core/',
  async (folder) => {
    const isAllowed = isIn(folder, 'mirror-job/engine', 'core');
    expect(await offences(folder, (name) => isAllowed(name) || !isOurs(name))).toEqual([]);
  },
);

test('nothing but main.ts imports mirror-job/commands/', async () => {
  const isCommand = isIn('mirror-job/commands');
  const graph = await importGraph('core', 'cluster', 'worker', 'mirror-job', 'infra', 'bench');
  const importers = [...graph].filter(([file, imported]) => !isCommand(file) && imported.some(isCommand));
  expect(importers.map(([file]) => file)).toEqual(['mirror-job/main.ts']);
});

test('nothing but mirror-job/workflow/ imports it or mirror-job/runtime/workers/', async () => {
  const isOfWorker = isIn('mirror-job/workflow', 'mirror-job/runtime/workers');
  const graph = await importGraph('core', 'worker', 'mirror-job', 'infra', 'bench');
  const importers = [...graph].filter(([file, imported]) => !isOfWorker(file) && imported.some(isOfWorker));
  expect(importers.map(([file]) => file)).toEqual([]);
});

test('mirror-job/workflow/ leads to nothing that needs a machine, through whatever it imports', async () => {
  const graph = await importGraph('core', 'mirror-job');
  const reached = new Set(['mirror-job/workflow/index.ts']);
  // A set that grows while it is walked also gives what was added.
  for (const file of reached) for (const imported of graph.get(file) ?? []) reached.add(imported);
  expect(reached.size).toBeGreaterThan(100);
  const needsMachine = isIn(
    'mirror-job/runtime/node',
    'mirror-job/commands',
    'mirror-job/terminal',
    'mirror-job/sources/layout',
  );
  expect([...reached].filter(needsMachine)).toEqual([]);
});

const SOURCES = ['core', 'cluster', 'worker', 'mirror-job', 'infra', 'bench'];

test.for(SOURCES)('no files of %s/ import each other in a circle, types included', async (folder) => {
  expect(circlesIn(await importGraph(folder))).toEqual([]);
});

test('no folders import each other in a circle, types included', async () => {
  const graph = await importGraph(...SOURCES);
  const circles = foldersOf(graph).flatMap((folder) => circlesIn(contentsOf(folder, graph)));
  expect(circles).toEqual([]);
});

test.for<readonly [string, readonly string[]]>([
  ['worker', ['cluster', 'mirror-job', 'infra', 'test', 'bench']],
  ['mirror-job', ['worker', 'infra', 'test', 'bench']],
  ['mirror-job/runtime', ['mirror-job/configuration', 'mirror-job/workflow']],
  ['mirror-job/runtime/workers', ['mirror-job/runtime/node']],
  ['mirror-job/runtime/node', ['mirror-job/runtime/workers']],
  // These check core/, so they must not share its mistakes.
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

test('circlesIn finds groups that reach each other, and nothing else', () => {
  const graph = new Map([
    ['a', ['b', 'd']],
    ['b', ['c']],
    ['c', ['a']],
    ['d', ['e']],
    ['e', ['f']],
    ['f', ['e']],
    ['g', []],
  ]);
  expect(circlesIn(graph)).toEqual([
    ['a', 'b', 'c'],
    ['e', 'f'],
  ]);
});

test('merged joins the nodes of one name', () => {
  const graph = new Map([
    ['a/1', ['a/2', 'b/1']],
    ['a/2', []],
    ['b/1', ['a/2']],
  ]);
  expect(circlesIn(graph)).toEqual([]);
  expect(circlesIn(merged(graph, (file) => file.slice(0, 1)))).toEqual([['a', 'b']]);
});

test('contentsOf takes a folder for one node, and each file beside it for one', () => {
  const graph = new Map([
    ['a/run.ts', ['a/b/one.ts']],
    ['a/b/one.ts', ['a/c/one.ts']],
    ['a/b/two.ts', ['a/run.ts', 'd/one.ts']],
    ['a/c/one.ts', []],
    ['d/one.ts', []],
  ]);
  expect(foldersOf(graph).toSorted()).toEqual(['.', 'a', 'a/b', 'a/c', 'd']);
  expect(circlesIn(contentsOf('a', graph))).toEqual([['a/b', 'a/run.ts']]);
  expect(circlesIn(contentsOf('.', graph))).toEqual([]);
});
