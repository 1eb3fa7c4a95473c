/** A conditional write to several stores changes none of them if the first store has another object by now. */
import { beforeEach, expect, test } from 'vitest';
import { ReplicaSet } from '../../../../mirror-job/engine/replication/replica-set.ts';
import { ReplicatedStore } from '../../../../mirror-job/engine/replication/replicated-store.ts';
import { environmentFor } from '../../support/harness.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const KEY = 'state/default/tag';
const bytesOf = (text: string) => new TextEncoder().encode(text);
const OPTIONS = { contentType: 'text/plain' };

let buckets: readonly [MemoryStore, MemoryStore];

/** The stores as one run has them. */
function writer(): ReplicatedStore {
  const replicas = buckets.map((bucket) => ({
    bucket,
    store: bucket,
    id: bucket.name,
    isNew: false,
    secret: undefined,
  }));
  return new ReplicatedStore(new ReplicaSet(replicas, environmentFor(new MemoryStore())));
}

function textIn({ objects }: MemoryStore): string {
  return new TextDecoder().decode(objects.get(KEY)?.bytes);
}

const putsIn = ({ calls }: MemoryStore): readonly string[] => calls.filter((call) => call === `put ${KEY}`);

beforeEach(async () => {
  buckets = [new MemoryStore('A'), new MemoryStore('B')];
  await writer().put(KEY, bytesOf('one'), { ...OPTIONS, condition: { ifNoneMatch: '*' } });
});

test('a write over an object that has changed reaches no store, so that no later store goes back', async () => {
  const [lead, later] = buckets;
  const before = (await writer().get(KEY))?.etag ?? '';
  await writer().put(KEY, bytesOf('two'), { ...OPTIONS, condition: { ifMatch: before } });
  const puts = putsIn(later).length;
  const slow = writer().put(KEY, bytesOf('of a slow run'), { ...OPTIONS, condition: { ifMatch: before } });
  expect(await slow).toBe('conflict');
  expect([textIn(lead), textIn(later)]).toEqual(['two', 'two']);
  expect(putsIn(later).length).toBe(puts);
});

test('a write does not replace what another run has put into a later store meanwhile', async () => {
  const [lead, later] = buckets;
  const before = (await writer().get(KEY))?.etag ?? '';
  let hasMoved = false;
  later.before = async (call, key) => {
    if (hasMoved || call !== 'get' || key !== KEY) return;
    hasMoved = true;
    // Between the look at the first store and the one at the second.
    await writer().put(KEY, bytesOf('two'), { ...OPTIONS, condition: { ifMatch: before } });
  };
  const slow = writer().put(KEY, bytesOf('of a slow run'), { ...OPTIONS, condition: { ifMatch: before } });
  expect(await slow).toBe('conflict');
  expect([textIn(lead), textIn(later)]).toEqual(['two', 'two']);
  expect(putsIn(later).length).toBe(2);
});

test('what a killed run has left in a later store alone is no obstacle', async () => {
  const [lead, later] = buckets;
  await later.put(KEY, bytesOf('of a killed run'), OPTIONS);
  const before = lead.objects.get(KEY)?.etag ?? '';
  const write = () => writer().put(KEY, bytesOf('two'), { ...OPTIONS, condition: { ifMatch: before } });
  // The first write finds it, and makes the later store equal to the first one again.
  expect(await write()).toBe('conflict');
  expect(textIn(later)).toBe('one');
  expect(await write()).toBe('written');
  expect([textIn(lead), textIn(later)]).toEqual(['two', 'two']);
});
