/** versitygw: a second, real S3 server, which checks what wrangler's local R2 lets pass. */
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { s3ClientOf } from './bucket-reader.ts';
import type { Store } from './local-store.ts';
import { freePort, startProgram, waitForHttp, type Program } from './process.ts';
import { requireProgram } from './programs.ts';

export interface S3Server extends Store {
  /** For a test that kills it. */
  readonly program: Program;
  /** After it was killed: at the same address, with what it held. */
  restart(): Promise<void>;
}

const CREDENTIALS = { accessKeyId: 'test-access-key', secretAccessKey: 'test-secret-key' };

/**
 * Starts with empty buckets, and keeps nothing after `stop`.
 * @throws when the program is missing or does not come up
 */
export async function startS3Server(options: { readonly buckets?: number } = {}): Promise<S3Server> {
  const path = await requireProgram('versitygw');
  const root = await mkdtemp(join(tmpdir(), 'lifeboat-versitygw-'));
  // Attributes as files: not every file system of a temporary folder has its own.
  const folders = { data: join(root, 'data'), metadata: join(root, 'metadata') };
  for (const folder of Object.values(folders)) await mkdir(folder);
  const port = await freePort();
  const region = 'us-east-1';
  const args = ['--port', `127.0.0.1:${port}`, '--region', region, '--quiet', '--keep-alive'];
  const begin = () =>
    startProgram(path, [...args, 'posix', '--sidecar', folders.metadata, folders.data], {
      env: { ROOT_ACCESS_KEY: CREDENTIALS.accessKeyId, ROOT_SECRET_KEY: CREDENTIALS.secretAccessKey },
    });
  let program = await begin();
  const stop = async () => {
    await program.stop();
    await rm(root, { recursive: true, force: true });
  };
  const endpoint = `http://127.0.0.1:${port}`;
  const buckets = Array.from({ length: options.buckets ?? 1 }, (_, index) => `bucket-${index + 1}`);
  const store = { endpoint, bucket: buckets[0] ?? '', buckets, region, ...CREDENTIALS };
  try {
    await waitForHttp(endpoint, { program });
    const client = s3ClientOf(store);
    for (const bucket of buckets) await client.send(new CreateBucketCommand({ Bucket: bucket }));
    client.destroy();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    ...store,
    get program() {
      return program;
    },
    restart: async () => {
      await program.exited;
      program = await begin();
      await waitForHttp(endpoint, { program });
    },
    stop,
  };
}
