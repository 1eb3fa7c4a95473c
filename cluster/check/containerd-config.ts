/**
 * What containerd's config.toml says of mirrors, with its imports. The keys are in another table for each version of the file, and
 * the defaults differ by the version of containerd.
 */
import { isObject, type JsonObject } from '../../core/json.ts';
import { filesIn, type NodeFiles } from './node-files.ts';
import { at, parseTomlFile, textsIn } from './parsed-file.ts';

const CONFIG = '/etc/containerd/config.toml';

/** The plugin that has `registry`, by the version of the file. Version 1 is what a file without a version has. */
const PLUGINS: Readonly<Record<number, string>> = {
  1: 'cri',
  2: 'io.containerd.grpc.v1.cri',
  3: 'io.containerd.cri.v1.images',
  4: 'io.containerd.cri.v1.images',
};

export interface ContainerdConfig {
  /** The file's, or undefined if there is no file. */
  readonly version: number | undefined;
  /** Folders of hosts.toml files; undefined if `config_path` is not set. */
  readonly folders: readonly string[] | undefined;
  /** Whether the old form stands beside it, with which the CRI plugin does not load. */
  readonly hasInlineMirrors: boolean;
  /** Whether containerd 2 pulls without its transfer service, which reads several folders as one name. */
  readonly isLocalPull: boolean;
  /** Sentences about files that cannot be used. */
  readonly problems: readonly string[];
}

export function readContainerdConfig(node: NodeFiles): ContainerdConfig {
  const problems: string[] = [];
  const plugins = new Map<string, JsonObject>();
  const version = merge(node, CONFIG, plugins, problems, new Set());
  const plugin = plugins.get(PLUGINS[version ?? 3] ?? '');
  const registry = at(plugin, 'registry');
  const path = at(registry, 'config_path');
  const folders = typeof path === 'string' && path !== '' ? path.split(':') : undefined;
  const hasMirrors = [at(registry, 'mirrors'), at(registry, 'configs')].some(
    (value) => isObject(value) && Object.keys(value).length > 0,
  );
  return {
    version,
    folders,
    hasInlineMirrors: hasMirrors,
    isLocalPull:
      at(plugin, 'use_local_image_pull') === true || at(plugin, 'discard_unpacked_layers') === true,
    problems,
  };
}

/**
 * Reads a file and its imports. A later file replaces the tables of the plugins that it names.
 * @returns the version of the first file
 */
function merge(
  node: NodeFiles,
  path: string,
  plugins: Map<string, JsonObject>,
  problems: string[],
  seen: Set<string>,
): number | undefined {
  if (seen.has(path)) return undefined;
  seen.add(path);
  const refused = node.unreadable.get(path);
  if (refused !== undefined) problems.push(`${path} cannot be read (${refused}). Run this as root.`);
  const text = node.files.get(path);
  if (text === undefined) return undefined;
  const parsed = parseTomlFile(path, text);
  if ('problem' in parsed) {
    problems.push(`${parsed.problem} containerd does not start with such a file.`);
    return undefined;
  }
  const { value } = parsed;
  const { version } = value;
  const tables = value['plugins'];
  if (isObject(tables)) {
    for (const [name, table] of Object.entries(tables)) if (isObject(table)) plugins.set(name, table);
  }
  for (const pattern of textsIn(value['imports'])) {
    for (const one of importedBy(node, path, pattern)) merge(node, one, plugins, problems, seen);
  }
  return typeof version === 'number' ? version : 1;
}

/** A pattern is a path, or a folder with `*` and an ending. A relative one starts at the folder of the file. */
function importedBy(node: NodeFiles, path: string, pattern: string): readonly string[] {
  const whole = pattern.startsWith('/') ? pattern : `${path.slice(0, path.lastIndexOf('/'))}/${pattern}`;
  const star = whole.indexOf('*');
  if (star === -1) return [whole];
  return filesIn(node, whole.slice(0, whole.lastIndexOf('/')), whole.slice(star + 1));
}
