/** The shape of `store`, and of an entry of `stores`. */
import * as z from 'zod/mini';
import { AUDIENCES } from '../../../core/identity.ts';
import { keys, needed, optional, text } from './values.ts';

export const store = keys({
  endpoint: optional(
    z.url({ protocol: /^https?$/, error: 'it must be an address such as https://s3.example.com.' }),
    'The S3 API’s address. Left out: AWS.',
  ),
  bucket: needed(
    text,
    'The bucket must exist. An empty bucket becomes Lifeboat’s; a bucket that holds other things is refused.',
  ),
  region: optional(text, 'Needed for AWS. Default: auto.'),
  prefix: optional(z.string(), 'A folder of the bucket that is Lifeboat’s alone.'),
  pathStyle: optional(
    z.boolean(),
    'https://endpoint/bucket/key instead of https://bucket.endpoint/key. Default: true with an endpoint.',
  ),
  accessKeyId: optional(
    text,
    'A key that may read, list and write. Left out: the AWS SDK’s own credential chain.',
  ),
  secretAccessKey: optional(
    text,
    'The secret of accessKeyId: write a variable, as in ${S3_SECRET_ACCESS_KEY}.',
  ),
  audience: optional(
    z.enum(AUDIENCES),
    'Who may read everything in the bucket. The first run fixes it. Default: public.',
  ),
  singleWriter: optional(
    z.boolean(),
    'Your promise that no two runs overlap, for a store without conditional writes. Default: false.',
  ),
});
