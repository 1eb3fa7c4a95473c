/** Reads and hashes all blobs of a bucket, four at once, and does nothing else. The arguments are those of bare-listing.ts. Prints the bytes. */
import { GetObjectCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import pLimit from 'p-limit';
import { s3ClientOf } from '../../test/support/bucket-reader.ts';

const AT_ONCE = 4;
const [, , endpoint = '', region = '', bucket = '', accessKeyId = '', secretAccessKey = ''] = process.argv;
const client = s3ClientOf({ endpoint, region, accessKeyId, secretAccessKey });
const limit = pLimit(AT_ONCE);
let bytes = 0;

async function hashObject(key: string): Promise<void> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  if (!(Body instanceof Readable)) throw new Error(`${key} has no body.`);
  const hash = createHash('sha256');
  for await (const chunk of Body as AsyncIterable<Uint8Array>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  if (!key.endsWith(hash.digest('hex'))) throw new Error(`${key} has other bytes.`);
}

for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: 'blobs/' })) {
  await Promise.all((page.Contents ?? []).map(({ Key = '' }) => limit(() => hashObject(Key))));
}
process.stdout.write(`${bytes}\n`);
