/** A bucket as a value, so that two of them can be compared whatever the time and the run that made them. */
import { BucketReader, type BucketOptions } from './bucket-reader.ts';
import { digestOf } from './content.ts';
import { isObject } from './manifest-json.ts';

const TIME = /^\d{4}-?\d\d-?\d\dT\d\d:?\d\d:?\d\d(?:\.\d+)?Z$/;
const MUTABLE = /^lifeboat\.json$|\/_(?:tags|index)\.json$|\/_(?:tags|history)\//;
const HISTORY = /^(?<folder>.+\/_history\/.+\/)[^/]+$/;

/**
 * Key → what is stored there: of bytes their type and hash, of the job's own JSON its text with times, run ids
 * and the bucket's id replaced by their names. History records are numbered instead of named. `state/` is left
 * out: it tells of runs, not of content.
 */
export async function snapshot(options: BucketOptions): Promise<Map<string, string>> {
  const reader = new BucketReader(options);
  const snapshots = new Map<string, string>();
  const records = new Map<string, number>();
  for (const key of [...(await reader.sizes()).keys()].toSorted()) {
    if (key.startsWith('state/')) continue;
    const folder = HISTORY.exec(key)?.groups?.['folder'];
    const number = (records.get(folder ?? '') ?? 0) + 1;
    if (folder !== undefined) records.set(folder, number);
    snapshots.set(folder === undefined ? key : `${folder}${number}`, await contentOf(reader, key));
  }
  return snapshots;
}

/** Every difference, in sentences; none when both hold the same. */
export function compareSnapshots(
  first: ReadonlyMap<string, string>,
  second: ReadonlyMap<string, string>,
): string[] {
  return [...new Set([...first.keys(), ...second.keys()])].toSorted().flatMap((key) => {
    const [left, right] = [first.get(key), second.get(key)];
    if (left === right) return [];
    if (left === undefined) return [`${key}: only in the second`];
    if (right === undefined) return [`${key}: only in the first`];
    return [`${key}: ${left} ≠ ${right}`];
  });
}

async function contentOf(reader: BucketReader, key: string): Promise<string> {
  if (key.startsWith('blobs/')) return (await reader.digest(key, 'sha256')) ?? 'gone';
  const object = await reader.read(key);
  if (object === undefined) return 'gone';
  if (!MUTABLE.test(key)) return `${object.contentType} ${digestOf(object.bytes)}`;
  const json: unknown = JSON.parse(object.bytes.toString('utf8'));
  return JSON.stringify(timeless(json, key === 'lifeboat.json'));
}

function timeless(value: unknown, identity: boolean): unknown {
  if (typeof value === 'string') return TIME.test(value) ? '<time>' : value;
  if (Array.isArray(value)) return value.map((entry) => timeless(entry, identity));
  if (!isObject(value)) return value;
  // Sightings begin at the milliseconds of a time. An entry that is rebuilt from its tag has none: its times stand for them.
  const lasting = Object.entries(value).filter(([name]) => !name.endsWith('.sightings'));
  const entries = lasting.map(([name, entry]) => {
    if (name === 'run' || name.endsWith('.run')) return [name, '<run>'] as const;
    if (name === 'id' && identity) return [name, '<id>'] as const;
    return [name, timeless(entry, identity)] as const;
  });
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
