/** Lists the faults of the bucket that a Worker fills. */
import { s3ClientOf, type StoreAddress } from '../../support/bucket-reader.ts';
import { walkBucket } from '../../support/walk-bucket.ts';

/** @throws if anything in the bucket is wrong, or a list is out of date. A bucket is whole after every run, a failed one too */
export async function expectWholeBucket(store: StoreAddress & { readonly bucket: string }): Promise<void> {
  const client = s3ClientOf(store);
  const { problems, behind } = await walkBucket({ client, bucket: store.bucket });
  client.destroy();
  const faults = [...problems, ...behind];
  if (faults.length > 0) throw new Error(faults.join('\n'));
}
