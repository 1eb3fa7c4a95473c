/** The store over the S3 API keeps the contract in workerd too, where `fetch` sends its requests and no SDK is there. */
import { describe, expect, inject, test } from 'vitest';
import { fetchS3Connection } from '../../../../mirror-job/runtime/workers/s3-connection.ts';
import { S3Store } from '../../../../mirror-job/storage/s3/s3-store.ts';
import { prunableContract } from '../../support/store-contract.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The S3 server that test/support/worker-buckets.ts started. */
    s3: {
      readonly endpoint: string;
      readonly buckets: readonly string[];
      readonly region: string;
      readonly accessKeyId: string;
      readonly secretAccessKey: string;
    };
  }
}

let opened = 0;

/** Each prefix is a bucket of its own, because the tests of a file share the real one. */
function open(changes: { readonly bucket?: string; readonly secret?: string } = {}) {
  const { endpoint, buckets, region, accessKeyId, secretAccessKey } = inject('s3');
  opened += 1;
  return new S3Store(
    {
      endpoint: endpoint,
      bucket: changes.bucket ?? buckets[0] ?? '',
      region,
      prefix: `job-${opened}/`,
      pathStyle: true,
      credentials: { accessKeyId, secretAccessKey: changes.secret ?? secretAccessKey },
    },
    fetchS3Connection,
  );
}

describe('the store over the S3 API in workerd', () => {
  prunableContract(() => open(), { listsUploads: false, replacements: 20 });
});

test.for([
  ['a bucket that is not there', { bucket: 'none' }, 'there is no such bucket. Create it'],
  ['a wrong secret', { secret: 'wrong' }, 'the keys are not accepted'],
] as const)('%s is the sentence that Node gives', async ([, changes, sentence]) => {
  const store = open(changes);
  await expect(store.get('key')).rejects.toThrow(sentence);
  await expect(store.list('', 1)).rejects.toThrow(sentence);
});
