/** Many parts of one run change one object at once, in wrangler's local R2. */
import { beforeAll, expect, test } from 'vitest';
import { mirrorReferringTags } from '../../../support/referring-tags.ts';
import { emptyBuckets, type Buckets } from '../../../support/shared.ts';

let store: Buckets;

beforeAll(async () => {
  store = await emptyBuckets();
}, 60_000);

test('all 40 tags and 40 digests that refer to one image are in its list of referrers', async () => {
  const runs = await mirrorReferringTags(store, { count: 40, runs: 2 });
  expect(runs).toEqual(Array.from({ length: 2 }, () => ({ code: 0, failures: [], listed: 80 })));
}, 120_000);
