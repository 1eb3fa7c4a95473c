/** Lists a bucket page by page, and does nothing else: `node bare-listing.ts ENDPOINT REGION BUCKET KEY SECRET`. Prints the count. */
import { paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { s3ClientOf } from '../../test/support/bucket-reader.ts';

const [, , endpoint = '', region = '', bucket = '', accessKeyId = '', secretAccessKey = ''] = process.argv;
const client = s3ClientOf({ endpoint, region, accessKeyId, secretAccessKey });
let objects = 0;
for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket })) {
  objects += page.Contents?.length ?? 0;
}
process.stdout.write(`${objects}\n`);
