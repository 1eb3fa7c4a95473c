/**
 * Measures the rate at which the store itself takes a large object. A tool that is slower than that is slow for its own
 * reasons.
 */
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
  type CompletedPart,
} from '@aws-sdk/client-s3';
import { s3ClientOf } from '../../test/support/bucket-reader.ts';
import { startBucketDestination } from './destination.ts';

const PART_BYTES = 16 * 1024 * 1024;
const CONCURRENCY = 4;

/**
 * Uploads an object as large as the layer, because many bytes go slower than a few on a machine whose file cache grows
 * slowly.
 * @param size in bytes, rounded up to whole parts
 * @param latency of the link, in milliseconds
 * @returns bytes per second; the time includes the completion of the upload
 */
export async function measureStore(size: number, latency: number): Promise<number> {
  const count = Math.ceil(size / PART_BYTES);
  const destination = await startBucketDestination();
  const { link, store } = destination;
  if (store === undefined) throw new Error('The destination is no bucket.');
  link.move({ latency });
  const client = s3ClientOf(store);
  try {
    const object = { Bucket: store.bucket, Key: 'large' };
    const begin = performance.now();
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(object));
    const parts: CompletedPart[] = [];
    const numbers = Array.from({ length: count }, (_, index) => index + 1);
    const work = async () => {
      for (let number = numbers.shift(); number !== undefined; number = numbers.shift()) {
        const part = { ...object, UploadId, PartNumber: number };
        const { ETag } = await client.send(
          new UploadPartCommand({ ...part, Body: Buffer.alloc(PART_BYTES, number) }),
        );
        parts.push({ ETag, PartNumber: number });
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
    const Parts = parts.toSorted((a, b) => (a.PartNumber ?? 0) - (b.PartNumber ?? 0));
    await client.send(
      new CompleteMultipartUploadCommand({ ...object, UploadId, MultipartUpload: { Parts } }),
    );
    return (PART_BYTES * count) / ((performance.now() - begin) / 1000);
  } finally {
    client.destroy();
    await destination.stop();
  }
}
