/**
 * Reads the part of containerd's config.toml that concerns mirrors, with its imports. The keys are in another table for each version of the file, and
 * the defaults differ by the version of containerd.
 */
import { isObject, type JsonObject } from '../../core/json.ts';
import { CONTAINERD_CONFIG, filesIn, type NodeFiles } from './node-files.ts';
import { at, parseTomlFile, textsIn } from './parsed-file.ts';

export type ContainerdMajor = 1 | 2;

/** The plugin that has `registry`, by the version of the file. Version 1 is what a file without a version has. */
const PLUGINS: Readonly<Record<number, string>> = {
  1: 'cri',
  2: 'io.containerd.grpc.v1.cri',
  3: 'io.containerd.cri.v1.images',
  4: 'io.containerd.cri.v1.images',
};

/** @param version of a file. @returns the name of the plugin whose table has `registry` */
export function pluginTable(version: number): string {
  return PLUGINS[version] ?? '';
}

export interface ContainerdConfig {
  /** The file's, or undefined if there is no file. */
  readonly version: number | undefined;
  /** Folders of hosts.toml files; undefined if `config_path` is not set. */
  readonly folders: readonly string[] | undefined;
  /** The old form of mirrors, which names them in config.toml itself; undefined if there are none. */
  readonly inlineMirrors: unknown;
  /** Whether certificates of registries stand in config.toml itself. */
  readonly hasInlineTls: boolean;
  /** Whether containerd 2 pulls without its transfer service, which reads several folders as one name. */
  readonly isLocalPull: boolean;
  /** Sentences about files that cannot be used. */
  readonly problems: readonly string[];
}

/** Another number makes containerd 2 pull without its transfer service. */
const DEFAULT_DOWNLOADS = 3;

function isFilled(value: unknown): boolean {
  return isObject(value) && Object.keys(value).length > 0;
}

function isOtherThan(value: unknown, usual: number): boolean {
  return value !== undefined && value !== usual;
}

/** @param major of containerd: 1 replaces the table of a plugin by that of an import, 2 merges them */
export function readContainerdConfig(node: NodeFiles, major: ContainerdMajor): ContainerdConfig {
  const problems: string[] = [];
  const read: Reading = { node, major, problems, plugin: {}, seen: new Set() };
  const version = merge(read, CONTAINERD_CONFIG);
  const { plugin } = read;
  const registry = at(plugin, 'registry');
  const path = at(registry, 'config_path');
  const folders = typeof path === 'string' && path !== '' ? path.split(':') : undefined;
  const configs = at(registry, 'configs');
  const hasTls = isObject(configs) && Object.values(configs).some((one) => isFilled(at(one, 'tls')));
  return {
    version,
    folders,
    inlineMirrors: isFilled(at(registry, 'mirrors')) ? at(registry, 'mirrors') : undefined,
    hasInlineTls: hasTls,
    isLocalPull:
      at(plugin, 'use_local_image_pull') === true ||
      [plugin, at(plugin, 'containerd')].some(
        (table) =>
          at(table, 'discard_unpacked_layers') === true ||
          at(table, 'disable_snapshot_annotations') === false,
      ) ||
      at(plugin, 'image_pull_with_sync_fs') === true ||
      isOtherThan(at(plugin, 'max_concurrent_downloads'), DEFAULT_DOWNLOADS) ||
      [at(registry, 'mirrors'), configs, at(registry, 'auths')].some(isFilled),
    problems,
  };
}

interface Reading {
  readonly node: NodeFiles;
  readonly major: ContainerdMajor;
  readonly problems: string[];
  readonly seen: Set<string>;
  /** The table of the plugin that has `registry`. */
  plugin: JsonObject;
}

/**
 * Reads a file and its imports. Each file has its own version.
 * @returns the version; undefined if there is no such file
 */
function merge(read: Reading, path: string): number | undefined {
  const { node, problems, seen } = read;
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
  const version = typeof value['version'] === 'number' ? value['version'] : 1;
  const table = at(value['plugins'], pluginTable(version));
  if (isObject(table)) read.plugin = read.major === 2 ? joined(read.plugin, table) : table;
  for (const pattern of textsIn(value['imports'])) {
    for (const one of importedBy(node, path, pattern)) merge(read, one);
  }
  return version;
}

/** The later table wins, key by key. */
function joined(earlier: JsonObject, later: JsonObject): JsonObject {
  const result: Record<string, unknown> = { ...earlier };
  for (const [key, value] of Object.entries(later)) {
    const before = result[key];
    result[key] = isObject(before) && isObject(value) ? joined(before, value) : value;
  }
  return result;
}

/** A pattern is a path, or a folder with `*` and an ending. A relative one starts at the folder of the file. */
function importedBy(node: NodeFiles, path: string, pattern: string): readonly string[] {
  const whole = pattern.startsWith('/') ? pattern : `${path.slice(0, path.lastIndexOf('/'))}/${pattern}`;
  const star = whole.indexOf('*');
  if (star === -1) return [whole];
  return filesIn(node, whole.slice(0, whole.lastIndexOf('/')), whole.slice(star + 1));
}
