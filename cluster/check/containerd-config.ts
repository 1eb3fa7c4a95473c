/**
 * Reads the part of containerd's config.toml that concerns mirrors, with its imports. The keys are in another table for each version of the file, and
 * the defaults differ by the version of containerd.
 */
import { isObject, type JsonObject } from '../../core/json.ts';
import { absolutePattern, importedFiles, isSearched, placeOf } from './import-pattern.ts';
import { cleanPath, type NodeFiles } from './node-files.ts';
import { at, parseTomlFile, textsIn } from './parsed-file.ts';
import { textAt, whyUnreadable } from './unreadable-file.ts';

export type ContainerdMajor = 1 | 2;

/** The plugin that has `registry`, by the version of the file. Version 1 is what a file without a version has. */
const PLUGINS: Readonly<Record<number, string>> = {
  1: 'cri',
  2: 'io.containerd.grpc.v1.cri',
  3: 'io.containerd.cri.v1.images',
  4: 'io.containerd.cri.v1.images',
};

/** Only containerd 2 knows version 3 and more. */
export function majorFor(version: number | undefined): ContainerdMajor {
  return version !== undefined && version > 2 ? 2 : 1;
}

/** @param version of a file. @returns the name of the plugin whose table has `registry`; undefined for a version that is not known here */
export function pluginTable(version: number): string | undefined {
  return PLUGINS[version];
}

/** The versions of files that are known here, for people: `1, 2, 3, 4`. */
export const KNOWN_VERSIONS = Object.keys(PLUGINS).join(', ');

export interface ContainerdConfig {
  /** The file's, or undefined if there is no file. */
  readonly version: number | undefined;
  /** Folders of hosts.toml files; undefined if `config_path` is not set. */
  readonly folders: readonly string[] | undefined;
  /** Sentences about a `config_path` in a table of another version of the file. */
  readonly misplaced: readonly string[];
  /** The old form of mirrors, which names them in config.toml itself; undefined if there are none. */
  readonly inlineMirrors: unknown;
  /** Whether certificates of registries stand in config.toml itself. */
  readonly hasInlineTls: boolean;
  /** Whether containerd 2 pulls without its transfer service, which reads several folders as one name. */
  readonly isLocalPull: boolean;
  /** Sentences about files that cannot be used. */
  readonly problems: readonly string[];
  /** The patterns of all imports, as absolute paths. */
  readonly imports: readonly string[];
  /** Imports of one file each that does not exist. containerd does not start with one. */
  readonly missingImports: readonly string[];
}

/** Another number makes containerd 2 pull without its transfer service. */
const DEFAULT_DOWNLOADS = 3;

/** microk8s replaces this in its template when it starts. */
const SNAP_DATA = '${SNAP_DATA}';
const SNAP_FOLDER = '/var/snap/microk8s/current';

function isFilled(value: unknown): boolean {
  return isObject(value) && Object.keys(value).length > 0;
}

function isOtherThan(value: unknown, usual: number): boolean {
  return value !== undefined && value !== usual;
}

/**
 * @param major of containerd: 1 replaces the table of a plugin by that of an import, 2 merges them
 * @param path of config.toml
 */
export function readContainerdConfig(
  node: NodeFiles,
  major: ContainerdMajor,
  path: string,
): ContainerdConfig {
  const read: Reading = {
    node,
    major,
    problems: [],
    misplaced: [],
    plugin: {},
    imports: new Set(),
    missingImports: [],
  };
  const version = readFile(read, path);
  // Each file is read once, in the order in which they are named.
  const seen = new Set([path]);
  for (const pattern of read.imports) {
    for (const one of filesOf(read, pattern)) {
      if (seen.has(one)) continue;
      seen.add(one);
      readFile(read, one);
    }
  }
  const { plugin, problems, misplaced, imports, missingImports } = read;
  const registry = at(plugin, 'registry');
  const folders = at(registry, 'config_path');
  const configs = at(registry, 'configs');
  const hasTls = isObject(configs) && Object.values(configs).some((one) => isFilled(at(one, 'tls')));
  return {
    version,
    folders: isText(folders)
      ? folders.replaceAll(SNAP_DATA, SNAP_FOLDER).split(':').map(cleanPath)
      : undefined,
    misplaced,
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
    imports: [...imports],
    missingImports,
  };
}

interface Reading {
  readonly node: NodeFiles;
  readonly major: ContainerdMajor;
  readonly problems: string[];
  readonly misplaced: string[];
  readonly imports: Set<string>;
  readonly missingImports: string[];
  /** The table of the plugin that has `registry`. */
  plugin: JsonObject;
}

/**
 * Reads a file, and notes its imports. Each file has its own version.
 * @returns the version; undefined if there is no such file
 */
function readFile(read: Reading, path: string): number | undefined {
  const { node, problems, imports, misplaced } = read;
  const found = textAt(node, path);
  if (found === undefined) return undefined;
  if ('problem' in found) {
    problems.push(found.problem);
    return undefined;
  }
  const parsed = parseTomlFile(path, found.text);
  if ('problem' in parsed) {
    problems.push(`${parsed.problem} containerd does not start with such a file.`);
    return undefined;
  }
  const { value } = parsed;
  const version = typeof value['version'] === 'number' ? value['version'] : 1;
  const plugin = pluginTable(version);
  if (plugin === undefined) {
    problems.push(
      `${path} has version = ${version}, and this check knows ${KNOWN_VERSIONS}. Write one of these, or ask a newer Lifeboat.`,
    );
    return version;
  }
  misplaced.push(...misplacedFolders(path, value, version));
  const table = at(value['plugins'], plugin);
  if (isObject(table)) read.plugin = read.major === 2 ? joined(read.plugin, table) : table;
  for (const pattern of textsIn(value['imports'])) imports.add(absolutePattern(path, pattern));
  return version;
}

function filesOf({ node, problems, missingImports }: Reading, pattern: string): readonly string[] {
  if (!isSearched(pattern)) {
    if (textAt(node, pattern) === undefined) missingImports.push(pattern);
    return [pattern];
  }
  const refused = whyUnreadable(node, placeOf(pattern).path);
  if (refused !== undefined) problems.push(refused);
  return importedFiles(node, pattern);
}

/** @returns sentences about each `config_path` in the table of another version, which containerd 1 ignores, and some releases of containerd 2 */
function misplacedFolders(path: string, value: JsonObject, version: number): readonly string[] {
  const right = pluginTable(version) ?? '';
  return [...new Set(Object.values(PLUGINS))]
    .filter((plugin) => plugin !== right && isText(at(value, 'plugins', plugin, 'registry', 'config_path')))
    .map(
      (plugin) =>
        `${path} sets config_path in ${tableName(plugin)}, which not every containerd reads in a file of version ${version}. Set it in ${tableName(right)}.`,
    );
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function tableName(plugin: string): string {
  return `[plugins.${plugin.includes('.') ? `"${plugin}"` : plugin}.registry]`;
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
