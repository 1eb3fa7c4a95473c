/** Whether a file that somebody else wrote has all that has to be in it. */
import { parse as parseToml } from 'smol-toml';
import { parse as parseYaml } from 'yaml';
import { isObject } from '../../core/json.ts';
import type { ClientFile } from './setup.ts';

/** @param text the file's present content. A file that cannot be parsed holds nothing */
export function holds(text: string, { path, content }: Pick<ClientFile, 'path' | 'content'>): boolean {
  try {
    const parse = parserOf(path);
    return parse !== undefined && isWithin(parse(content), parse(text));
  } catch {
    return false;
  }
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
