/** Circles in a graph: groups of nodes from each of which one comes back to itself. */

/** Node → the nodes that it leads to. */
export type Graph = ReadonlyMap<string, readonly string[]>;

/** @returns the groups of more than one node that all reach each other, each sorted */
export function circlesIn(graph: Graph): string[][] {
  const reached = new Map([...graph.keys()].map((node) => [node, reachableFrom(node, graph)]));
  const isIn = (node: string): boolean => reached.get(node)?.has(node) === true;
  const groups = [...graph.keys()]
    .filter(isIn)
    .map((node) =>
      [...graph.keys()]
        .filter((other) => reached.get(node)?.has(other) === true && reached.get(other)?.has(node) === true)
        .toSorted(),
    );
  return [...new Map(groups.map((group) => [group.join(' '), group])).values()];
}

/** The nodes that one comes to from a node. The node itself is among them only if a way leads back to it. */
function reachableFrom(start: string, graph: Graph): Set<string> {
  const reached = new Set<string>();
  const waiting = [...(graph.get(start) ?? [])];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (reached.has(node)) continue;
    reached.add(node);
    waiting.push(...(graph.get(node) ?? []));
  }
  return reached;
}

/** The same graph with each node replaced by what `nameOf` makes of it, such as a file by its folder. */
export function merged(graph: Graph, nameOf: (node: string) => string): Graph {
  const names = new Map<string, Set<string>>();
  for (const [node, others] of graph) {
    const name = nameOf(node);
    const targets = names.get(name) ?? new Set<string>();
    for (const other of others.map(nameOf)) if (other !== name) targets.add(other);
    names.set(name, targets);
  }
  return new Map([...names].map(([name, targets]) => [name, [...targets]]));
}
