/** Writes the files of clients in TOML and JSON, and marks them as ours. */
import { stringify as stringifyToml, type TomlTable } from 'smol-toml';

/** The first line of each file that may have comments. A file without it is somebody else's, and is never overwritten. */
export const MARKER =
  '# Written by "lifeboat clients". It overwrites this file only as long as nobody has changed it.';

/** The marks of earlier versions, whose files are ours too. */
export const OLD_MARKERS: readonly string[] = ['# Written by "lifeboat clients", which may overwrite it.'];

export function tomlText(table: TomlTable): string {
  return `${MARKER}\n${stringifyToml(table)}`;
}

export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
