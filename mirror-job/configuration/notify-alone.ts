/** Reads the addresses of `notify` from a configuration that cannot be used otherwise, so that they can be told. */
import { parseDocument } from 'yaml';
import { isObject } from '../../core/json.ts';
import type { Configuration } from './configuration.ts';
import { ConfigurationError } from './configuration-error.ts';
import { parseConfiguration } from './parse.ts';
import type { Environment } from './variable.ts';

/** The keys that a configuration needs beside the addresses. Nothing of them is used. */
const REST = {
  store: { endpoint: 'https://unused.invalid', bucket: 'unused' },
  images: ['docker.io/library/unused:1'],
};

/**
 * An entry that cannot be used is left out, and the others count: a variable of one of them may be what is missing.
 * @returns a configuration with the name and the addresses alone; undefined if there is no address that can be used
 */
export function readNotifyAlone(text: string, environment: Environment): Configuration | undefined {
  const { name, notify } = rootOf(text);
  const entries = Array.isArray(notify) ? notify : [];
  const usable = entries.flatMap(
    (entry: unknown) => tryParse({ ...REST, notify: [entry] }, environment) ?? [],
  );
  const [first] = usable;
  if (first === undefined) return undefined;
  const named = tryParse({ ...REST, name }, environment);
  return { ...first, name: named?.name ?? first.name, notify: usable.flatMap((one) => one.notify) };
}

/** The fields that can be read, also of a text that has mistakes elsewhere. */
function rootOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const root: unknown = parseDocument(text).toJS();
    return isObject(root) ? root : {};
  } catch {
    return {};
  }
}

/** Variables are filled in here, and not before: their values are not parsed as YAML. */
function tryParse(fields: object, environment: Environment): Configuration | undefined {
  try {
    return parseConfiguration('lifeboat.yaml', JSON.stringify(fields), environment);
  } catch (error) {
    if (error instanceof ConfigurationError) return undefined;
    throw error;
  }
}
