/** Parses configuration files of a node. A file that cannot be parsed gives a sentence with its position. */
import { parse, TomlError } from 'smol-toml';
import { parseDocument } from 'yaml';
import { isObject, type JsonObject } from '../../core/json.ts';

export type ParsedFile = { readonly value: JsonObject } | { readonly problem: string };

export function parseTomlFile(path: string, text: string): ParsedFile {
  try {
    const value: unknown = parse(text);
    return isObject(value) ? { value } : { problem: `${path} holds no table.` };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [reason = ''] = error.message.split('\n');
    return { problem: `${path}:${error.line}:${error.column} is not valid TOML (${reason}). Fix it.` };
  }
}

export function parseJsonFile(path: string, text: string): ParsedFile {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? { value } : { problem: `${path} holds no object.` };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { problem: `${path} is not valid JSON (${reason}). Fix it.` };
  }
}

export function parseYamlFile(path: string, text: string): ParsedFile {
  const document = parseDocument(text, { logLevel: 'silent' });
  const [error] = document.errors;
  if (error !== undefined) {
    const line = error.linePos?.[0].line ?? 1;
    const [reason = ''] = error.message.split('\n');
    return { problem: `${path}:${line} cannot be parsed (${reason.replace(/ at line.*$/, '')}). Fix it.` };
  }
  let value: unknown;
  try {
    value = document.toJS();
  } catch (failure) {
    // An alias without an anchor, or aliases within aliases, which would fill the memory.
    const reason = failure instanceof Error ? failure.message : String(failure);
    return {
      problem: `${path} has aliases that cannot be followed (${reason}). Write out what they stand for.`,
    };
  }
  return isObject(value) ? { value } : { problem: `${path} holds no map of keys.` };
}

/** @returns the value below some keys; undefined if there is none */
export function at(value: unknown, ...keys: readonly string[]): unknown {
  let found = value;
  for (const key of keys) found = isObject(found) ? found[key] : undefined;
  return found;
}

export function textsIn(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}
