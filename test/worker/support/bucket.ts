/** Makes buckets that tests fill: R2 by its binding, and S3 by a signed PUT. Each test has a prefix of its own. */
import { S3RequestPresigner } from '@aws-sdk/s3-request-presigner';
import { Sha256 } from '@smithy/core/checksum';
import { env } from 'cloudflare:workers';
import { expect, inject } from 'vitest';

declare module 'vitest' {
  /** The S3 server that test/support/worker-buckets.ts started. */
  interface ProvidedContext {
    s3: {
      readonly endpoint: string;
      readonly buckets: readonly string[];
      readonly region: string;
      readonly accessKeyId: string;
      readonly secretAccessKey: string;
    };
  }
}

export interface TestBucket {
  /** The variables that make the bucket a store of the edge, such as `S3_…` for the first store. */
  readonly variables: Readonly<Record<string, unknown>>;
  /** The prefix of the bucket's objects. */
  readonly prefix: string;
  put(key: string, body: string | Uint8Array<ArrayBuffer>, contentType?: string): Promise<void>;
  delete(key: string): Promise<void>;
}

export function r2Bucket(): TestBucket {
  const prefix = `${crypto.randomUUID()}/`;
  return {
    variables: { BUCKET: env.BUCKET, S3_PREFIX: prefix },
    prefix,
    async put(key, body, contentType = 'application/octet-stream') {
      await env.BUCKET.put(`${prefix}${key}`, body, { httpMetadata: { contentType } });
    },
    delete: (key) => env.BUCKET.delete(`${prefix}${key}`),
  };
}

/** @param number the store's number, counted from 1 */
export function s3Bucket(number: 1 | 2 | 3 = 1): TestBucket {
  const { endpoint, region, accessKeyId, secretAccessKey, buckets } = inject('s3');
  const bucket = buckets[(number - 1) % 2] ?? '';
  const prefix = `${crypto.randomUUID()}/`;
  const presigner = new S3RequestPresigner({
    region,
    credentials: { accessKeyId, secretAccessKey },
    sha256: Sha256,
  });
  const send = async (method: 'PUT' | 'DELETE', key: string, init: RequestInit) => {
    const url = new URL(`${endpoint}/${bucket}/${prefix}${key}`);
    const { query = {} } = await presigner.presign({
      method,
      protocol: url.protocol,
      hostname: url.hostname,
      port: Number(url.port),
      path: url.pathname,
      query: {},
      headers: { host: url.host },
    });
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
    const response = await fetch(url, { ...init, method });
    expect([200, 204]).toContain(response.status);
    await response.arrayBuffer();
  };
  const start = number === 1 ? 'S3_' : `S3_${number}_`;
  return {
    variables: {
      [`${start}ENDPOINT`]: endpoint,
      [`${start}BUCKET`]: bucket,
      [`${start}REGION`]: region,
      [`${start}PREFIX`]: prefix,
      [`${start}ACCESS_KEY_ID`]: accessKeyId,
      [`${start}SECRET_ACCESS_KEY`]: secretAccessKey,
    },
    prefix,
    put: (key, body, contentType = 'application/octet-stream') =>
      send('PUT', key, { body, headers: { 'content-type': contentType } }),
    delete: (key) => send('DELETE', key, {}),
  };
}
