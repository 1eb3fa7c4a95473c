/**
 * Turns a bucket into a value, so that two buckets can be compared although different runs filled them at different
 * times.
 */
import { BucketReader, type BucketOptions } from './bucket-reader.ts';
import { digestOf } from './content.ts';
import { isObject } from './manifest-json.ts';

const TIME = /^\d{4}-?\d\d-?\d\dT\d\d:?\d\d:?\d\d(?:\.\d+)?Z$/;
const MUTABLE = /^lifeboat\.json$|\/_(?:tags|index)\.json$|\/_(?:tags|history)\//;
const HISTORY = /^(?<folder>.+\/_history\/.+\/)[^/]+$/;

/**
 * Returns the content by key. For bytes the content is their type and hash. For the job's own JSON it is the text, with
 * `<time>`, `<run>` and `<id>` in place of times, run ids and the bucket's id. History records are numbered. `state/`
 * is left out, because it describes runs and not content.
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

/** @returns one sentence per difference */
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
  // An entry that was rebuilt from its tag has other sightings, so they are not compared.
  const lasting = Object.entries(value).filter(([name]) => !name.endsWith('.sightings'));
  const entries = lasting.map(([name, entry]) => {
    if (name === 'run' || name.endsWith('.run')) return [name, '<run>'] as const;
    if (name === 'id' && identity) return [name, '<id>'] as const;
    return [name, timeless(entry, identity)] as const;
  });
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
