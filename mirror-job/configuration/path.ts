/** Paths in the file: keys, and positions in lists. */
import { isPair, isScalar, isSeq } from 'yaml';

export type Path = readonly PropertyKey[];

/** Returns the line of a key in the file, counted from 1; undefined if no line can be named. */
export type LineOf = (path: Path) => number | undefined;

/** Formats a path, such as `images[0].tags` or `upstreams["docker.io"]`. */
export function formatPath(path: Path): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[\w-]+$/.test(String(part))) text += `${text === '' ? '' : '.'}${String(part)}`;
    else text += `["${String(part)}"]`;
  }
  return text;
}

/** @param nodes a node of a YAML document, with all of its parents before it */
export function pathOfNodes(nodes: readonly unknown[]): Path {
  return nodes.flatMap((node, depth): Path => {
    if (isPair(node)) return isScalar(node.key) ? [String(node.key.value)] : [];
    return isSeq(node) ? [node.items.indexOf(nodes[depth + 1])] : [];
  });
}
