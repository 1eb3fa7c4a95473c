/** Reads registries.conf and its drop-ins as podman, skopeo and CRI-O do: one table for each prefix, or nothing at all. */
import { isObject, type JsonObject } from '../../core/json.ts';
import { filesIn, type NodeFiles } from './node-files.ts';
import { parseTomlFile } from './parsed-file.ts';

const MAIN = '/etc/containers/registries.conf';
export const DROP_INS = '/etc/containers/registries.conf.d';
/** If drop-ins of several folders have one name, the first folder's counts. Older clients read the first folder alone. */
const ALL_DROP_INS = [
  DROP_INS,
  '/usr/etc/containers/registries.conf.d',
  '/usr/local/share/containers/registries.conf.d',
  '/usr/share/containers/registries.conf.d',
] as const;

export type ClientAge = 'older' | 'newer';

export interface Registry {
  readonly file: string;
  readonly table: JsonObject;
  readonly mirrors: readonly JsonObject[];
}

export interface RegistriesConf {
  /** By their prefixes, without a slash at the end. */
  readonly registries: ReadonlyMap<string, Registry>;
  /** Sentences. With any of them the clients pull nothing from any registry. */
  readonly problems: readonly string[];
}

/** A later file replaces an entry with the same prefix. */
export function readRegistriesConf(node: NodeFiles, age: ClientAge): RegistriesConf {
  const registries = new Map<string, Registry>();
  const problems: string[] = [];
  for (const path of [MAIN, ...dropIns(node, age === 'older' ? [DROP_INS] : ALL_DROP_INS)]) {
    const text = node.files.get(path);
    if (text === undefined) continue;
    const parsed = parseTomlFile(path, text);
    const found = 'problem' in parsed ? [parsed.problem] : refusals(path, parsed.value);
    problems.push(...found.map((problem) => `${problem} podman and CRI-O pull nothing with such a file.`));
    if ('problem' in parsed) continue;
    for (const table of tablesIn(parsed.value['registry'])) {
      const name = nameIn(table);
      if (name !== '') registries.set(name, { file: path, table, mirrors: tablesIn(table['mirror']) });
    }
  }
  return { registries, problems };
}

/** Text without a slash at its end, as the clients read it; empty for anything else. */
export function locationIn(value: unknown): string {
  return typeof value === 'string' ? value.replace(/\/+$/, '') : '';
}

function nameIn({ prefix, location }: JsonObject): string {
  return locationIn(prefix) === '' ? locationIn(location) : locationIn(prefix);
}

function tablesIn(value: unknown): readonly JsonObject[] {
  return (Array.isArray(value) ? value : []).filter((one) => isObject(one));
}

function dropIns(node: NodeFiles, folders: readonly string[]): readonly string[] {
  const byName = new Map<string, string>();
  for (const folder of folders) {
    for (const path of filesIn(node, folder, '.conf')) {
      const name = path.slice(folder.length + 1);
      if (!byName.has(name)) byName.set(name, path);
    }
  }
  return [...byName.entries()].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, path]) => path);
}

/** Mistakes for which the clients refuse a file as a whole, also if the entry is for another registry. */
function refusals(path: string, file: JsonObject): readonly string[] {
  const tables = tablesIn(file['registry']);
  const isOld = isObject(file['registries']);
  return [
    ...(isOld && path !== MAIN
      ? [`${path} has [registries.…], which counts in ${MAIN} alone. Remove it.`]
      : []),
    ...(isOld && path === MAIN && tables.length > 0
      ? [`${path} has [registries.…] beside [[registry]]. Remove the older one, [registries.…].`]
      : []),
    ...tables.flatMap((table) => whyRefused(table).map((why) => `${path}: ${why}`)),
  ];
}

function whyRefused(table: JsonObject): readonly string[] {
  const name = nameIn(table);
  const mirrors = tablesIn(table['mirror']);
  const locations = [table['prefix'], table['location'], ...mirrors.map(({ location }) => location)];
  const scheme = locations.map(locationIn).find((text) => /^https?:\/\//.test(text));
  const pulls = mirrors.flatMap((mirror) => mirror['pull-from-mirror'] ?? []);
  const unknown = pulls.find((value) => value !== 'all' && value !== 'digest-only' && value !== 'tag-only');
  return [
    ...(name === '' ? ['an entry has neither a prefix nor a location. Give it one.'] : []),
    ...(name !== '' && locationIn(table['location']) === '' && !name.startsWith('*.')
      ? [`the entry for ${name} has no location. Add location = "${name}".`]
      : []),
    ...(scheme === undefined
      ? []
      : [`${scheme} is named with https:// or http://. Write ${scheme.replace(/^https?:\/\//, '')}.`]),
    ...(mirrors.some(({ location }) => locationIn(location) === '')
      ? [`a mirror of ${name} has no location. Give it one.`]
      : []),
    ...('pull-from-mirror' in table
      ? [`pull-from-mirror stands in the entry for ${name}. Move it below [[registry.mirror]].`]
      : []),
    ...(unknown === undefined
      ? []
      : [
          `pull-from-mirror = ${JSON.stringify(unknown)} is unknown. Write "all", "digest-only" or "tag-only".`,
        ]),
    ...(table['mirror-by-digest-only'] === true && pulls.length > 0
      ? [`the entry for ${name} has mirror-by-digest-only beside pull-from-mirror. Keep one of them.`]
      : []),
  ];
}
