/** Tests that many parts of one run can change one object at the same time, in a second, real S3 server. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mirrorReferringTags } from '../support/referring-tags.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';

let server: S3Server;

beforeAll(async () => {
  server = await startS3Server();
});

afterAll(async () => {
  await server?.stop();
});

test('all 40 tags and 40 digests that refer to one image are in its list of referrers', async () => {
  const runs = await mirrorReferringTags(server, { count: 40, runs: 4 });
  expect(runs).toEqual(Array.from({ length: 4 }, () => ({ code: 0, failures: [], listed: 80 })));
});
