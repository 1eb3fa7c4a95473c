/**
 * Runs wrangler's local R2 with its S3 API: buckets for tests that need Node alone.
 *
 * `npm run test:s3` uses a second, real S3 server, because this one accepts a wrong `x-amz-checksum-sha256`, ignores
 * If-None-Match on CompleteMultipartUpload and If-Match on DELETE, and answers 501 to ListMultipartUploads and
 * ListParts. It refuses a wrong `x-amz-content-sha256`, and honours conditions on PUT.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestHarness } from 'wrangler';

/** The buckets of an S3 server. */
export interface Buckets {
  readonly endpoint: string;
  readonly bucket: string;
  /** All buckets, of which the first is `bucket`. */
  readonly buckets: readonly string[];
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface Store extends Buckets {
  stop(): Promise<void>;
}

// Miniflare asks a host of Cloudflare's for `request.cf`, and prints a stack trace if there is no network.
process.env['CLOUDFLARE_CF_FETCH_ENABLED'] = 'false';
// Tests do not write into the home directory of their user.
process.env['WRANGLER_WRITE_LOGS'] = 'false';

const CREDENTIALS = { accessKeyId: 'test-access-key', secretAccessKey: 'test-secret-key' };

/** Starts with empty buckets, whose content is gone after `stop`. */
export async function startLocalStore(options: { readonly buckets?: number } = {}): Promise<Store> {
  const root = await mkdtemp(join(tmpdir(), 'lifeboat-store-'));
  await writeFile(join(root, 'worker.js'), 'export default { fetch: () => new Response("a store") };');
  const buckets = Array.from({ length: options.buckets ?? 1 }, (_, index) => `bucket-${index + 1}`);
  const harness = createTestHarness({
    root,
    workers: [
      {
        config: {
          name: 'store',
          main: 'worker.js',
          compatibility_date: '2026-10-01',
          r2_buckets: buckets.map((bucket, index) => ({
            binding: `BUCKET_${index + 1}`,
            bucket_name: bucket,
            local_dev: { experimental_s3_credentials: CREDENTIALS },
          })),
        },
      },
    ],
  });
  const stop = async () => {
    await harness.close();
    await rm(root, { recursive: true, force: true });
  };
  try {
    const { url } = await harness.listen();
    return {
      endpoint: new URL('/cdn-cgi/local/r2/s3', url).href,
      bucket: buckets[0] ?? '',
      buckets,
      region: 'auto',
      ...CREDENTIALS,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
