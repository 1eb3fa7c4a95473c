/** Finds the lines that somebody else's file lacks. */
import { parse as parseToml, stringify as stringifyToml } from 'smol-toml';
import { parse as parseYaml } from 'yaml';
import { isObject } from '../../core/json.ts';
import type { ClientFile } from '../clients/setup.ts';
import { pluginTable, readContainerdConfig } from './containerd-config.ts';
import { CONTAINERD_CONFIG } from './node-files.ts';
import { at } from './parsed-file.ts';

/**
 * @param text the file's present content. A file that cannot be parsed lacks everything
 * @returns the lines that have to be added; undefined if it lacks nothing
 */
export function missingLines(text: string, file: Pick<ClientFile, 'path' | 'content'>): string | undefined {
  if (`/${file.path}` === CONTAINERD_CONFIG) return missingInConfig(text, file.content);
  try {
    const parse = parserOf(file.path);
    return parse !== undefined && isWithin(parse(file.content), parse(text)) ? undefined : file.content;
  } catch {
    return file.content;
  }
}

/** The table of the file's own version counts, and its version stays. */
function missingInConfig(text: string, content: string): string | undefined {
  const node = {
    files: new Map([[CONTAINERD_CONFIG, text]]),
    folders: new Set<string>(),
    unreadable: new Map(),
  };
  const { version: ourVersion, ...rest } = parseToml(content);
  const ours = String(at(rest, 'plugins', pluginTable(Number(ourVersion)) ?? '', 'registry', 'config_path'));
  const { version, folders, problems } = readContainerdConfig(node, 2, CONTAINERD_CONFIG);
  if (version === undefined) return content;
  const plugin = pluginTable(version);
  if (plugin === undefined) {
    const next = `Set this in the table that has "registry" in a file of version ${version}, which is not known here:`;
    return `# ${next}\n${stringifyToml({ config_path: ours })}`;
  }
  if (problems.length > 0) return content;
  if (folders?.join(':') === ours) return undefined;
  return stringifyToml({ plugins: { [plugin]: { registry: { config_path: ours } } } });
}

function parserOf(path: string): ((text: string) => unknown) | undefined {
  if (/\.(?:toml|conf)$/.test(path)) return parseToml;
  if (path.endsWith('.json')) return (text) => JSON.parse(text);
  if (/\.ya?ml$/.test(path)) return parseYaml;
  return undefined;
}

/** Maps may have further keys. Lists have to be equal, because their order says who is asked first. */
function isWithin(ours: unknown, theirs: unknown): boolean {
  if (!isObject(ours)) return JSON.stringify(ours) === JSON.stringify(theirs);
  return isObject(theirs) && Object.entries(ours).every(([key, value]) => isWithin(value, theirs[key]));
}
