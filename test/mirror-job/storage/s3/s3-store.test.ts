/** S3Store keeps the contract of a store over wrangler's local R2. test/e2e/store.s3.test.ts shows it with a second server. */
import { afterAll, beforeAll } from 'vitest';
import { S3Store } from '../../../../mirror-job/storage/s3/s3-store.ts';
import { createS3Connection } from '../../../../mirror-job/runtime/node/s3-connection.ts';
import { startLocalStore, type Store } from '../../../support/local-store.ts';
import { prunableContract } from '../../support/store-contract.ts';

let server: Store;
let opened = 0;

beforeAll(async () => {
  server = await startLocalStore();
}, 60_000);

afterAll(() => server?.stop());

prunableContract(
  () => {
    const { endpoint, bucket, region, accessKeyId, secretAccessKey } = server;
    opened += 1;
    return new S3Store(
      {
        endpoint,
        bucket,
        region,
        prefix: `test ${opened}/`,
        pathStyle: true,
        credentials: { accessKeyId, secretAccessKey },
      },
      createS3Connection(),
    );
  },
  { listsUploads: false, replacements: 15 },
);
