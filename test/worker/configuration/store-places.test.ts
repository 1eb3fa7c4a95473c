/** The job and the edge read one bucket, so a place that lifeboat.yaml takes must be one that the edge's variables take. */
import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import {
  bucketProblem,
  endpointProblem,
  prefixProblem,
} from '../../../mirror-job/configuration/store-address.ts';
import { readConfiguration } from '../../../worker/configuration/configuration.ts';

const KEYS = { S3_ACCESS_KEY_ID: 'key', S3_SECRET_ACCESS_KEY: 'secret' };

test.each([
  ['https://s3.example.com', 'lifeboat-mirror', ''],
  ['https://s3.example.com:9000/', 'b0', '/'],
  ['http://10.0.0.7/base', 'Old_Bucket', 'mirrors/team-a'],
  ['https://s3.example.com', 'a.b-c', '/mirrors//'],
  ['https://s3.example.com', 'b0', 'a/..f/.g/B_c-d'],
])('the bucket %s %s with the prefix "%s" is taken by both', (endpoint, bucket, prefix) => {
  const problems = [endpointProblem(endpoint), bucketProblem(bucket), prefixProblem(prefix)];
  expect(problems).toEqual([undefined, undefined, undefined]);
  const variables = { ...KEYS, S3_ENDPOINT: endpoint, S3_BUCKET: bucket, S3_PREFIX: prefix };
  expect(readConfiguration(variables).stores).toMatchObject([{ bucket }]);
});

test('a tenant of Ceph may stand before the bucket in lifeboat.yaml', () => {
  expect(bucketProblem('tenant:bucket')).toBeUndefined();
});

test.each(['..', '../a', 'a/../b', 'a/.', 'a//b', 'a b', 'a\nb', '%2e%2e', 'ü'])(
  'the prefix %j is refused by both',
  (prefix) => {
    expect(prefixProblem(prefix)).toContain('is not a folder of a bucket');
    expect(() => readConfiguration({ BUCKET: env.BUCKET, S3_PREFIX: prefix })).toThrow(
      'it is not a path of letters',
    );
  },
);
