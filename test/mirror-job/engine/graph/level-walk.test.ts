/** Tests the walk by levels: which nodes it visits, how often, and when it ends. */
import { expect, test } from 'vitest';
import { walkLevels } from '../../../../mirror-job/engine/graph/level-walk.ts';

type Graph = Readonly<Record<string, readonly string[]>>;

/** @returns the nodes in the order in which they are visited */
async function visited(graph: Graph, ...roots: readonly string[]): Promise<string[]> {
  const nodes: string[] = [];
  await walkLevels(
    roots,
    (name) => name,
    async (name) => {
      nodes.push(name);
      return graph[name] ?? [];
    },
  );
  return nodes;
}

test.each<[string, Graph, readonly string[], readonly string[]]>([
  ['a tree level by level', { a: ['b', 'c'], b: ['d'], c: ['e'] }, ['a'], ['a', 'b', 'c', 'd', 'e']],
  ['a node of two levels once', { a: ['b', 'c'], b: ['c'] }, ['a'], ['a', 'b', 'c']],
  ['a node that two nodes lead to once', { a: ['b', 'c'], b: ['d'], c: ['d'] }, ['a'], ['a', 'b', 'c', 'd']],
  ['a node that one node leads to twice once', { a: ['b', 'b'] }, ['a'], ['a', 'b']],
  ['a root that is named twice once', {}, ['a', 'a'], ['a']],
  ['a ring once', { a: ['b'], b: ['a'] }, ['a'], ['a', 'b']],
])('%s', async (_, graph, roots, nodes) => {
  expect(await visited(graph, ...roots)).toEqual(nodes);
});

test('a failure ends the walk once no visit of its level is under way any more', async () => {
  const ended: string[] = [];
  const walk = walkLevels(
    ['slow', 'failing'],
    (name) => name,
    async (name) => {
      if (name === 'failing') throw new Error('failed');
      await new Promise((resolve) => setImmediate(resolve));
      ended.push(name);
      return ['below'];
    },
  );
  await expect(walk).rejects.toThrow('failed');
  expect(ended).toEqual(['slow']);
});
