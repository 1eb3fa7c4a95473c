/** Objects that are larger than they claim, or than their kind allows. An isolate has 128 MiB. */
import { beforeAll, describe, expect, it } from 'vitest';
import { s3Bucket } from '../support/bucket.ts';
import { putIdentity, putTag } from '../support/content.ts';
import { TestEdge } from '../support/test-edge.ts';

const bucket = s3Bucket();
const TAG = '/v2/library/app/manifests/1';
const TAG_KEY = 'repositories/docker.io/library/app/_tags/1';

beforeAll(async () => {
  await putIdentity(bucket);
  await putTag(bucket, 'docker.io/library/app', '1', 'a');
});

describe('a body that is longer than its Content-Length, such as one that the runtime has unpacked', () => {
  it.each([
    ['a tag', TAG_KEY, `Store 1 sent more bytes than ${TAG_KEY} has.`],
    ['the identity', 'lifeboat.json', 'Store 1 sent more bytes than lifeboat.json has.'],
  ])('is not read to its end: %s', async (_name, faulty, failure) => {
    let chunks = 0;
    const edge = new TestEdge([bucket]);
    edge.fault = (key) => {
      if (key !== faulty) return undefined;
      const body = new ReadableStream<Uint8Array>({
        pull: (controller) => {
          chunks += 1;
          if (chunks <= 64) controller.enqueue(new Uint8Array(1024));
          else controller.close();
        },
      });
      return new Response(body, { headers: { 'content-length': '2000' } });
    };
    const response = await edge.get(TAG);
    expect(response.status).toBe(503);
    expect(edge.events[0]?.trace.failures).toContain(failure);
    // Two chunks fit, and a few are read ahead.
    expect(chunks).toBeLessThan(8);
  });
});

describe('an object that claims to be larger than its kind allows', () => {
  it.each([
    ['lifeboat.json', 65_537],
    [TAG_KEY, 5_657_945],
    ['repositories/docker.io/library/app/_tags.json', 8 * 1024 * 1024 + 1],
  ])('is not read: %s of %i bytes', async (faulty, size) => {
    let isCancelled = false;
    const edge = new TestEdge([bucket]);
    edge.fault = (key) => {
      if (key !== faulty) return undefined;
      const body = new ReadableStream({
        cancel: () => {
          isCancelled = true;
        },
      });
      return new Response(body, { headers: { 'content-length': String(size) } });
    };
    const response = await edge.get(faulty.endsWith('.json') ? '/v2/library/app/tags/list' : TAG);
    expect(response.status).toBe(503);
    expect(edge.events[0]?.trace.failures).toContain(
      `Store 1 has ${size} bytes at ${faulty}, more than any object of its kind.`,
    );
    expect(isCancelled).toBe(true);
  });
});
