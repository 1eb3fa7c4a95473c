/** Several stores as one keep the contract of a store, and each of them has what the first one has. */
import { afterEach, expect } from 'vitest';
import { ReplicaSet } from '../../../../mirror-job/engine/replication/replica-set.ts';
import { ReplicatedStore } from '../../../../mirror-job/engine/replication/replicated-store.ts';
import { digestOf } from '../../../support/content.ts';
import { environmentFor } from '../../support/harness.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { storeContract } from '../../support/store-contract.ts';

let buckets: readonly MemoryStore[] = [];
let replicas: ReplicaSet;

storeContract(() => {
  buckets = ['A', 'B', 'C'].map((name) => new MemoryStore(name));
  replicas = new ReplicaSet(
    buckets.map((bucket) => ({
      bucket,
      store: bucket,
      id: bucket.name,
      isNew: false,
      secret: undefined,
    })),
    environmentFor(new MemoryStore()),
  );
  return new ReplicatedStore(replicas);
});

/** By key: the type and the digest of what a bucket has. */
function contentOf({ objects }: MemoryStore): Record<string, string> {
  return Object.fromEntries(
    [...objects].map(([key, { bytes, contentType }]) => [key, `${contentType} ${digestOf(bytes)}`]),
  );
}

/** Expects that each later store has what the lead has. */
function expectEqualReplicas(): void {
  const [first, ...later] = buckets.filter((bucket) => replicas.live.some((one) => one.bucket === bucket));
  if (first === undefined) throw new Error('there is no live store');
  // A later store may have more: a refused write that the lead has no object for is left there.
  for (const bucket of later) expect(contentOf(bucket)).toMatchObject(contentOf(first));
  expect(later.map(({ uploads }) => uploads.size)).toEqual(later.map(() => first.uploads.size));
}

afterEach(expectEqualReplicas);
