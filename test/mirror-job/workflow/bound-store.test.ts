/** The store that the Worker is bound to: which one it is, and what each missing variable is answered with. */
import { expect, test } from 'vitest';
import type { R2Binding } from '../../../mirror-job/storage/r2/r2-binding.ts';
import { boundStore } from '../../../mirror-job/workflow/bound-store.ts';

const S3 = {
  S3_ENDPOINT: 'https://s3.eu-central-1.amazonaws.com',
  S3_BUCKET: 'mirror',
  S3_ACCESS_KEY_ID: 'a',
  S3_SECRET_ACCESS_KEY: 'b',
};

test('a binding comes before the variables, and without one all of them are needed', () => {
  // No call of the binding is made.
  const bound: R2Binding = Object.create(null);
  expect(boundStore({ ...S3, BUCKET: bound, S3_PREFIX: 'a' }).name).toBe(
    'The R2 bucket that is bound as BUCKET (prefix "a/")',
  );
  expect(boundStore(S3).name).toBe('The bucket "mirror" at https://s3.eu-central-1.amazonaws.com');
});

test.for(Object.keys(S3))('without a binding a missing %s is named, with the next step', (name) => {
  expect(() => boundStore({ ...S3, [name]: '' })).toThrow(
    `the Worker: ${name}: it is not set. Bind a bucket of R2 as BUCKET, or set this variable of the Worker.`,
  );
});

test.for([
  ['S3_ENDPOINT', 'not an address', 'it is not an address, such as https://'],
  ['S3_ENDPOINT', 'ftp://a.test', 'it is not an address'],
  ['S3_PATH_STYLE', 'yes', 'it has to be true or false.'],
] as const)('%s = %s is refused', ([name, value, sentence]) => {
  expect(() => boundStore({ ...S3, [name]: value })).toThrow(`the Worker: ${name}: ${sentence}`);
});
