/** Nodes that consist of their files alone. */
import { parseUpstream } from '../../../core/reference.ts';
import { checkNode } from '../../../cluster/check/check-node.ts';
import type { NodeFiles } from '../../../cluster/check/node-files.ts';
import type { Verdict } from '../../../cluster/check/verdict.ts';

export const EDGE = 'https://edge.test';

/** A node with these files. A path that ends in a slash is an empty folder. */
export function nodeOf(
  files: Readonly<Record<string, string>>,
  unreadable: Readonly<Record<string, string>> = {},
): NodeFiles {
  const folders = new Set<string>();
  for (const path of [...Object.keys(files), ...Object.keys(unreadable)]) {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1))
      folders.add(path.slice(0, end));
  }
  const present = Object.entries(files).filter(([path]) => !path.endsWith('/'));
  return { files: new Map(present), folders, unreadable: new Map(Object.entries(unreadable)) };
}

/** @returns what the check says of the first runtime of a node with these files, for docker.io unless a host is named */
export function check(
  files: Readonly<Record<string, string>>,
  {
    host = 'docker.io',
    isInsecure = false,
    major = 2,
    unreadable = {},
  }: {
    readonly host?: string;
    readonly isInsecure?: boolean;
    readonly major?: 1 | 2;
    readonly unreadable?: Readonly<Record<string, string>>;
  } = {},
): Verdict {
  const upstreams = [{ name: parseUpstream(host), isInsecure }];
  const [verdict] = checkNode(nodeOf(files, unreadable), { edge: EDGE, upstreams }, major);
  if (verdict === undefined) throw new Error('The node has no runtime.');
  return verdict;
}
