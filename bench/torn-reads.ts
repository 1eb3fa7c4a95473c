/**
 * `npm run bench -- torn-reads` counts how often versitygw returns the body of one version with the ETag of another
 * while an object is replaced, and how many such reads the job's store lets pass.
 */
import { createHash } from 'node:crypto';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { StoreError } from '../mirror-job/engine/store/store.ts';
import { S3Store } from '../mirror-job/storage/s3/s3-store.ts';
import { createS3Connection } from '../mirror-job/runtime/node/s3-connection.ts';
import { s3ClientOf } from '../test/support/bucket-reader.ts';
import { startS3Server } from '../test/support/s3-server.ts';
import type { Row } from './table.ts';

/** One object is replaced and read without a pause for this long. */
const DURATION_MS = 15_000;
const READERS = 4;
const KEY = '_tags.json';
const OBJECT_BYTES = 64 * 1024;

interface Read {
  readonly bytes: Uint8Array;
  readonly etag: string | undefined;
}

export async function benchTornReads(say: (text: string) => void): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const hasSidecar of [true, false]) {
    const server = await startS3Server({ hasSidecar });
    const client = s3ClientOf(server);
    const store = new S3Store(
      {
        endpoint: server.endpoint,
        region: server.region,
        bucket: server.bucket,
        prefix: '',
        pathStyle: true,
        credentials: server,
      },
      createS3Connection(),
    );
    const plain = async (): Promise<Read> => {
      const { Body, ETag } = await client.send(new GetObjectCommand({ Bucket: server.bucket, Key: KEY }));
      return { bytes: (await Body?.transformToByteArray()) ?? new Uint8Array(), etag: ETag };
    };
    const checked = async (): Promise<Read | undefined> => {
      try {
        return await store.get(KEY);
      } catch (error) {
        // Five torn reads in a row are an error, and the job writes nothing back.
        if (error instanceof StoreError) return undefined;
        throw error;
      }
    };
    try {
      const where = hasSidecar ? 'with --sidecar' : 'without --sidecar';
      for (const [name, read, goal] of [
        ['a plain GET', plain, ''],
        ["the job's store", checked, '0'],
      ] as const) {
        say(`${where}: ${name}`);
        const { torn, reads, refused } = await readWhileReplaced(store, read);
        rows.push({
          what: `versitygw ${where}: torn reads of ${name}`,
          goal,
          measured: `${torn} of ${reads}`,
          met: goal === '' ? undefined : torn === 0,
          binding: true,
          note: refused > 0 ? `${refused} ended in an error` : '',
        });
      }
    } finally {
      client.destroy();
      await server.stop();
    }
  }
  return rows;
}

async function readWhileReplaced(store: S3Store, read: () => Promise<Read | undefined>) {
  const end = Date.now() + DURATION_MS;
  const counts = { torn: 0, reads: 0, refused: 0 };
  // The first object is never torn. The store learns from it that the server's ETags are MD5s.
  await store.put(KEY, bodyOf(0), { contentType: 'application/json' });
  await store.get(KEY);
  const write = async () => {
    for (let version = 1; Date.now() < end; version += 1) {
      await store.put(KEY, bodyOf(version), { contentType: 'application/json' });
    }
  };
  const readAll = async () => {
    while (Date.now() < end) {
      const object = await read();
      counts.reads += 1;
      if (object === undefined) counts.refused += 1;
      else if (object.etag?.replaceAll('"', '') !== md5Of(object.bytes)) counts.torn += 1;
    }
  };
  await Promise.all([write(), ...Array.from({ length: READERS }, readAll)]);
  return counts;
}

function bodyOf(version: number): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(String(version).padStart(OBJECT_BYTES, ' '));
}

function md5Of(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex');
}
