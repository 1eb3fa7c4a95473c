/** Runs the buckets of a recording: wrangler's local R2 behind a proxy that records the requests. */
import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { BucketReader, s3ClientOf } from '../bucket-reader.ts';
import { digestOf } from '../content.ts';
import {
  startCountingProxy,
  type CountingProxy,
  type ProxiedRequest,
  type ProxyOptions,
} from '../counting-proxy.ts';
import { startLocalStore, type Store } from '../local-store.ts';
import { readJson } from '../manifest-json.ts';
import type { Placeholders } from './placeholders.ts';
import type { Recorder } from './recording.ts';
import { countedLines, SAVED } from './requests.ts';

const HISTORY = /(?<=\/_history\/[^/]+\/)[^/?]+\.json/g;
/**
 * Matches milliseconds since 1970. The sightings of a digest begin with such a number, and each later one is larger by
 * one.
 */
const MILLISECONDS = /\b1[789]\d{11}\b/g;
/** Matches the objects whose whole text is in the recording. */
const TEXTS =
  /(?:^|\/)(?:lifeboat\.json$|state\/)|\/_(?:index\.json|tags\.json|tags\/|history\/|referrers\/)/;
const HEADERS = ['if-match', 'if-none-match', 'range', 'content-type'] as const;

/** One bucket, as the job and the edge reach it. */
export interface RecordedBucket extends Omit<Store, 'stop' | 'buckets'> {
  readonly name: string;
  /** A client that does not use the proxy. */
  readonly client: S3Client;
  readonly reader: BucketReader;
  readonly proxy: CountingProxy;
  /** The bucket's settings in `lifeboat.yaml`. */
  readonly configuration: Readonly<Record<string, unknown>>;
  /** Adds the requests since the last call, and every key that is new or changed since then with its content. */
  record(step: string): Promise<void>;
  /** Adds only the requests. */
  recordRequests(step: string): void;
}

export interface Buckets {
  /** Opens an empty bucket behind a proxy of its own. Both have this name in the recording. */
  open(recorder: Recorder, name: string, options?: Omit<ProxyOptions, 'target'>): Promise<RecordedBucket>;
  stop(): Promise<void>;
}

export async function startBuckets(placeholders: Placeholders, count: number): Promise<Buckets> {
  const store = await startLocalStore({ buckets: count });
  const client = s3ClientOf(store);
  const proxies: CountingProxy[] = [];
  // All names have the same length, because a table is as wide as its content.
  const free = store.buckets.filter((name) => name.length === 'bucket-10'.length);
  const target = new URL(store.endpoint);
  placeholders.addHost(target.host, 'local-r2');
  return {
    open: async (recorder, name, options = {}) => {
      const bucket = free.shift();
      if (bucket === undefined) throw new Error('There are too few buckets.');
      const proxy = await startCountingProxy({ target: target.origin, ...options });
      proxies.push(proxy);
      placeholders.addHost(new URL(proxy.url).host, name);
      placeholders.add(bucket, `<bucket of ${name}>`);
      const reader = new BucketReader({ client, bucket });
      return recordedBucket(recorder, {
        name,
        client,
        reader,
        proxy,
        endpoint: `${proxy.url}${target.pathname}`,
        bucket,
        region: store.region,
        accessKeyId: store.accessKeyId,
        secretAccessKey: store.secretAccessKey,
      });
    },
    stop: async () => {
      for (const proxy of proxies) await proxy.stop();
      client.destroy();
      await store.stop();
    },
  };
}

type Base = Omit<RecordedBucket, 'configuration' | 'record' | 'recordRequests'>;

function recordedBucket(recorder: Recorder, base: Base): RecordedBucket {
  const linesByETag = new Map<string, string>();
  let before: readonly string[] = [];
  const { name, proxy, endpoint, bucket, region, accessKeyId, secretAccessKey } = base;
  const recordRequests = (step: string): void => {
    const requests = proxy.requests.splice(0);
    const completed = requests.filter(({ status }) => status !== 0);
    recorder.add(step, `requests to ${name}`, countedLines(completed.map(lineOf)));
    recorder.add(step, `order of writes to ${name}`, orderOf(requests));
  };
  return {
    ...base,
    configuration: { endpoint, bucket, region, accessKeyId, secretAccessKey },
    recordRequests,
    record: async (step) => {
      recordRequests(step);
      const lines = await contentsOf(base, recorder, linesByETag);
      const earlier = new Set(before);
      const changed = lines.filter((line) => !earlier.has(line));
      recorder.add(step, `changed keys of ${name}`, [`${lines.length} keys`, ...changed].join('\n'));
      before = lines;
    },
  };
}

function lineOf({ method, path, query, headers, status }: ProxiedRequest): string {
  if (SAVED.test(path)) return `${method} ${decodeURIComponent(path)}`;
  const search = query.size === 0 ? '' : `?${decodeURIComponent(query.toString())}`;
  const sent = HEADERS.flatMap((name) => {
    const value = headers[name];
    return value === undefined ? [] : [`${name}: ${name === 'if-match' ? '<etag>' : value}`];
  });
  return [method, decodeURIComponent(path + search).replaceAll(HISTORY, '<record>'), ...sent, status].join(
    ' ',
  );
}

/**
 * Returns the kinds of keys, in the order in which the last key of each kind was written. Tags are written in parallel,
 * so their order says nothing if there are several.
 */
function orderOf(requests: readonly ProxiedRequest[]): string {
  const paths = requests.filter(({ write }) => write > 0).map(({ path }) => decodeURIComponent(path));
  if (new Set(paths.filter((path) => path.includes('/_tags/'))).size > 1) return 'several tags';
  const kinds = paths.map(kindOf);
  const ends = [...new Set(kinds)].map((kind) => [kind, kinds.lastIndexOf(kind)] as const);
  return ends
    .toSorted(([, x], [, y]) => x - y)
    .map(([kind]) => kind)
    .join(' < ');
}

function kindOf(path: string): string {
  return /\/(_tags\.json|_index\.json|_[a-z]+|blobs|state|lifeboat\.json)(?:\/|$)/.exec(path)?.[1] ?? 'other';
}

/**
 * Returns a line for each key: the identity of its bytes, or the text itself if the job writes it about its runs.
 * @param linesByETag the lines of earlier calls, because most objects are not read again
 */
async function contentsOf(
  { client, reader, bucket }: Base,
  recorder: Recorder,
  linesByETag: Map<string, string>,
): Promise<string[]> {
  const lines: string[] = [];
  const records = new Map<string, number>();
  for (const { key, etag } of await listed(client, bucket)) {
    const folder = key.replace(HISTORY, '');
    const number = (records.get(folder) ?? 0) + 1;
    records.set(folder, number);
    const name = key.replace(HISTORY, `<record ${number}>`);
    const line = linesByETag.get(`${key} ${etag}`) ?? (await lineOfObject(reader, key, recorder));
    linesByETag.set(`${key} ${etag}`, line);
    lines.push(`${name} ${line}`);
  }
  return lines;
}

/** Lists the objects in the order of their keys. */
async function listed(client: S3Client, bucket: string): Promise<{ key: string; etag: string }[]> {
  const found: { key: string; etag: string }[] = [];
  let token: string | undefined;
  do {
    const page = await client.send(new ListObjectsV2Command({ Bucket: bucket, ContinuationToken: token }));
    for (const { Key: key = '', ETag: etag = '' } of page.Contents ?? []) found.push({ key, etag });
    token = page.NextContinuationToken;
  } while (token !== undefined);
  return found;
}

async function lineOfObject(reader: BucketReader, key: string, recorder: Recorder): Promise<string> {
  const object = await reader.read(key);
  if (object === undefined) return 'is gone';
  const { bytes, contentType } = object;
  if (key.endsWith('lifeboat.json')) nameBucket(recorder, bytes);
  return `(${contentType}) ${TEXTS.test(key) ? textOf(bytes, recorder) : `${bytes.length} ${digestOf(bytes)}`}`;
}

function nameBucket(recorder: Recorder, bytes: Uint8Array): void {
  const { id } = readJson(bytes);
  if (typeof id === 'string') recorder.placeholders.add(id, '<bucket id>');
}

function textOf(bytes: Buffer, recorder: Recorder): string {
  return recorder.placeholders.apply(bytes.toString('utf8').replaceAll(MILLISECONDS, '<ms>'));
}
