/** Statuses are signed with the secret of the store that they are about, or with stateKey. Some stores have neither. */
import { expect, test } from 'vitest';
import { decodeIdentity } from '../../../../core/identity.ts';
import { maxSizeOf } from '../../../../core/object-size.ts';
import { StatusSigner } from '../../../../mirror-job/engine/replication/status-signer.ts';
import { exitCodeOf } from '../../../../mirror-job/engine/report.ts';
import { keepAligned } from '../../../../mirror-job/engine/replication/replica-reconcile.ts';
import { ReplicaSet, type Replica } from '../../../../mirror-job/engine/replication/replica-set.ts';
import {
  decodeStatuses,
  encodeStatuses,
  type ReplicaStatus,
} from '../../../../mirror-job/engine/replication/replica-status.ts';
import { mergeStatuses } from '../../../../mirror-job/engine/replication/status-writer.ts';
import { StoreError } from '../../../../mirror-job/engine/store/store.ts';
import { environmentFor } from '../../support/harness.ts';
import type { MemoryStore } from '../../support/memory-store.ts';
import {
  expectServing,
  expectWhole,
  Mirror,
  move,
  STATUS_KEY,
  statusesIn,
  pairOf,
  tagIn,
  takeAway,
} from './several-stores.ts';

const IN_STEP = [{ state: 'in step' }, { state: 'in step' }];

/** A mirror whose tag "one" has moved while its primary was away. */
async function afterAnOutage(prepare: (mirror: Mirror) => void = () => {}): Promise<Mirror> {
  const mirror = await Mirror.create();
  prepare(mirror);
  const [a] = pairOf(mirror);
  await mirror.run();
  takeAway(a);
  await move(mirror.repository, 'one', 'while A is away');
  await mirror.run();
  a.before = () => {};
  return mirror;
}

function memberOf(bucket: MemoryStore): Replica {
  const { id } = decodeIdentity(bucket.objects.get('lifeboat.json')?.bytes ?? new Uint8Array());
  return { bucket, store: bucket, id, isNew: false, secret: `the secret of ${bucket.name}` };
}

test('a secret that changes while the stores are in step signs the notes anew', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  await mirror.run();
  const before = statusesIn(b);
  mirror.secretOf = (name) => `another secret of ${name}`;
  expect((await mirror.run()).stores).toMatchObject(IN_STEP);
  expect(statusesIn(b)[0]?.signature).not.toBe(before[0]?.signature);
  takeAway(a);
  await move(mirror.repository, 'one', 'while A is away');
  await mirror.run();
  a.before = () => {};
  expect((await mirror.run()).stores).toMatchObject(IN_STEP);
  expectWhole(mirror);
});

test('notes without a signature, as earlier versions wrote them, are signed by the next run', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  await mirror.run();
  for (const store of [a, b]) {
    const old = statusesIn(store).map(({ store: name, id, inStep, since, run }) => ({
      store: name,
      id,
      inStep,
      since,
      run,
    }));
    await store.put(STATUS_KEY, Buffer.from(JSON.stringify({ stores: old })), {
      contentType: 'application/json',
    });
  }
  const report = await mirror.run();
  expect([report.stores, report.findings]).toMatchObject([IN_STEP, []]);
  expect([...statusesIn(a), ...statusesIn(b)].every(({ signature }) => signature !== undefined)).toBe(true);
});

test('after a secret has changed during an outage somebody decides for the primary by deleting the notes of the other store', async () => {
  const mirror = await afterAnOutage();
  const [a, b] = pairOf(mirror);
  mirror.secretOf = (name) => `another secret of ${name}`;
  for (let run = 0; run < 2; run += 1) {
    const report = await mirror.run();
    expect(report.stores).toMatchObject([{ state: 'in step' }, { state: 'behind', undecided: true }]);
    expect(exitCodeOf(report)).toBe(1);
  }
  b.objects.delete(STATUS_KEY);
  expect((await mirror.run()).stores).toMatchObject(IN_STEP);
  // The movement of the outage stays in the history of B.
  expectServing(mirror);
  expect(tagIn(a, 'one')).toBe(mirror.repository.tags.get('one')?.replace(':', '/'));
});

test('after a secret has changed during an outage somebody decides for the other store by listing it first', async () => {
  const mirror = await afterAnOutage();
  const [a, b] = pairOf(mirror);
  const [old, moved] = [tagIn(a, 'one'), tagIn(b, 'one')];
  expect(moved).not.toBe(old);
  mirror.secretOf = (name) => `another secret of ${name}`;
  // This run tells people to list B first, and A gets the movement from upstream, later than B did.
  expect((await mirror.run()).stores).toMatchObject([
    { state: 'in step' },
    { state: 'behind', undecided: true },
  ]);
  const calls = b.calls.length;
  const report = await mirror.run([b, a]);
  expect(report.stores).toMatchObject([
    { name: 'B', state: 'in step' },
    { name: 'A', state: 'in step' },
  ]);
  expect(report.findings).toMatchObject([{ store: 'A', tags: [{ tag: 'one' }] }]);
  expect([tagIn(a, 'one'), tagIn(b, 'one')]).toEqual([moved, moved]);
  // No run has overwritten it meanwhile.
  expect(
    b.calls.slice(calls).filter((call) => call === 'put repositories/mirror.test/app/_tags/one'),
  ).toEqual([]);
  expect((await mirror.run()).stores).toMatchObject(IN_STEP);
  // The movement that did not count stays in the history of A.
  expectServing(mirror);
});

test('a primary whose key is not in the configuration is not overwritten after an outage, and the run says who decides', async () => {
  const mirror = await afterAnOutage((one) => {
    one.secretOf = () => undefined;
  });
  expect(mirror.environment?.logged).toContain(
    'warn: A: could not be reached. This run goes on without this store; when it is back, somebody has to decide which store is right, because its key is not in the configuration and there is no stateKey (docs/stores.md).',
  );
  const [a] = pairOf(mirror);
  const before = tagIn(a, 'two');
  const report = await mirror.run();
  expect(report.stores).toMatchObject([{ state: 'in step' }, { state: 'behind', undecided: true }]);
  expect(tagIn(a, 'two')).toBe(before);
});

test('a later store whose key is not in the configuration is caught up as any other', async () => {
  const mirror = await Mirror.create();
  mirror.secretOf = () => undefined;
  const [, b] = pairOf(mirror);
  await mirror.run();
  takeAway(b);
  await move(mirror.repository, 'one', 'without B');
  await mirror.run();
  b.before = () => {};
  expect((await mirror.run()).stores).toMatchObject(IN_STEP);
  expectWhole(mirror);
  b.calls.length = 0;
  await mirror.run();
  expect(b.calls.filter((call) => call.startsWith('entries'))).toEqual([]);
});

test('with stateKey a primary whose key is not in the configuration is caught up after an outage', async () => {
  const mirror = await afterAnOutage((one) => {
    one.secretOf = () => undefined;
    one.stateKey = 'a secret that only the job has';
  });
  expect((await mirror.run()).stores).toMatchObject(IN_STEP);
  expectWhole(mirror);
});

test('a primary that failed while it was filled for the first time is filled from the other store, with no key at all', async () => {
  const mirror = await Mirror.create();
  mirror.secretOf = () => undefined;
  const [a] = pairOf(mirror);
  a.before = (call, key) => {
    if (call === 'put' && key.includes('/_manifests/')) throw new StoreError('A is ill.');
  };
  expect((await mirror.run()).stores).toMatchObject([{ state: 'behind' }, { state: 'in step' }]);
  a.before = () => {};
  const report = await mirror.run();
  expect([report.stores, report.findings]).toMatchObject([IN_STEP, []]);
  expect(mirror.source.calls.filter((call) => call.startsWith('blob'))).toEqual([]);
  expectWhole(mirror);
});

test('a command by hand leaves out a store whose notes are gone, because a run has to compare it first', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  await mirror.run();
  b.objects.delete(STATUS_KEY);
  const replicas = new ReplicaSet([memberOf(a), memberOf(b)], environmentFor(a, { clock: mirror.clock }));
  await keepAligned(replicas);
  expect(replicas.report()).toMatchObject([
    { name: 'A', state: 'in step' },
    { name: 'B', state: 'behind', reason: 'B is not in step with the others.' },
  ]);
});

test('nothing is decided by hand while a primary is away whose return would undo it', async () => {
  const mirror = await afterAnOutage((one) => {
    one.secretOf = () => undefined;
  });
  const [a, b] = pairOf(mirror);
  takeAway(a);
  const away = { ...memberOf(a), id: undefined, secret: undefined };
  const replicas = new ReplicaSet(
    [away, { ...memberOf(b), secret: undefined }],
    environmentFor(b, { clock: mirror.clock }),
  );
  replicas.remove(replicas.lead, new StoreError('A: could not be reached.'));
  await expect(keepAligned(replicas)).rejects.toThrow(
    'A: could not be reached. Nothing can be decided in B meanwhile: when A is back, nothing would show that it is behind, because its key is not in the configuration. Wait until that store answers, or set stateKey and run "lifeboat sync" before the next time.',
  );
});

test.each([
  [
    'with stateKey it is caught up',
    'a secret that only the job has',
    [{ state: 'in step' }, { state: 'in step' }],
  ],
  ['without it somebody decides', undefined, [{ state: 'in step' }, { state: 'behind', undecided: true }]],
])('a primary that was not listed for a while: %s', async (_, stateKey, stores) => {
  const mirror = await Mirror.create();
  mirror.stateKey = stateKey;
  const [a, b] = pairOf(mirror);
  await mirror.run();
  await move(mirror.repository, 'one', 'without A');
  // Without A in the configuration, its secret is not in it either.
  mirror.secretOf = (name) => (name === 'A' ? undefined : `the secret of ${name}`);
  await mirror.run([b]);
  const old = tagIn(b, 'one');
  mirror.secretOf = (name) => `the secret of ${name}`;
  const report = await mirror.run();
  expect(report.stores).toMatchObject(stores);
  expect(tagIn(b, 'one')).toBe(old);
  if (stateKey !== undefined) expectWhole(mirror);
  expect(tagIn(a, 'one')).toBe(mirror.repository.tags.get('one')?.replace(':', '/'));
});

test('a clock that is behind the clock of an earlier run does not make a note of an outage too old', async () => {
  const mirror = await Mirror.create();
  const [a] = pairOf(mirror);
  mirror.clock.advance(10 * 3_600_000);
  await mirror.run();
  mirror.clock.advance(-8 * 3_600_000);
  takeAway(a);
  await move(mirror.repository, 'one', 'while A is away');
  await mirror.run();
  a.before = () => {};
  const report = await mirror.run();
  expect(report.stores).toMatchObject(IN_STEP);
  expect(report.findings).toMatchObject([{ store: 'A', tags: [{ tag: 'one' }] }]);
  expectWhole(mirror);
});

const NOTE: ReplicaStatus = {
  store: 'A',
  id: 'id-1',
  inStep: false,
  since: '2026-01-01T00:00:00.000Z',
  at: '2026-01-01T00:00:00.000Z',
  run: 'run-1',
  reason: 'A: could not be reached.',
};
const HOLDER = { name: 'B', id: 'id-2' };
const signer = new StatusSigner(() => 'secret');

test('a signature covers each value of a note, and where the note is kept', async () => {
  const signed = await signer.sign(NOTE, HOLDER);
  expect(await signer.isGenuine(signed, HOLDER)).toBe(true);
  const changes: readonly Partial<ReplicaStatus>[] = [
    { store: 'C' },
    { id: 'id-3' },
    { id: undefined },
    { inStep: true },
    { since: '2026-01-02T00:00:00.000Z' },
    { at: '2026-01-02T00:00:00.000Z' },
    { run: 'run-2' },
    { reason: undefined },
    { undecided: true },
    { signature: undefined },
    { signature: '' },
    { signature: signed.signature?.slice(0, -4) },
  ];
  const accepted: object[] = [];
  for (const change of changes)
    if (await signer.isGenuine({ ...signed, ...change }, HOLDER)) accepted.push(change);
  const holders = [
    { ...HOLDER, name: 'C' },
    { ...HOLDER, id: 'id-3' },
    { ...HOLDER, id: undefined },
  ];
  for (const holder of holders) if (await signer.isGenuine(signed, holder)) accepted.push(holder);
  expect(accepted).toEqual([]);
  expect(await new StatusSigner(() => 'another secret').isGenuine(signed, HOLDER)).toBe(false);
  expect(await new StatusSigner(() => undefined).isGenuine(signed, HOLDER)).toBe(false);
});

test('a note that is merely kept is not signed, and a forged time does not move the time of a new one', async () => {
  const forged = { ...NOTE, at: '2099-01-01T00:00:00.000Z', store: 'B' };
  const news = { ...NOTE, store: 'B', at: '2026-01-03T00:00:00.000Z' };
  const merged = await mergeStatuses([NOTE, forged], [news], { holder: HOLDER, signer });
  expect(merged).toEqual([NOTE, await signer.sign(news, HOLDER)]);
  const ahead = await signer.sign(forged, HOLDER);
  const later = await mergeStatuses([ahead], [news], { holder: HOLDER, signer });
  expect(later.map(({ at }) => at)).toEqual(['2099-01-01T00:00:00.000Z']);
});

test('a note about a store that is away takes the id and the time of an earlier one only if the job signed that', async () => {
  const old = { ...NOTE, reason: 'A: it is ill.' };
  const news = { ...NOTE, id: undefined, since: '2026-01-03T00:00:00.000Z', at: '2026-01-03T00:00:00.000Z' };
  const target = { holder: HOLDER, signer };
  const kept = { ...news, id: 'id-1', since: old.since };
  expect(await mergeStatuses([await signer.sign(old, HOLDER)], [news], target)).toEqual([
    await signer.sign(kept, HOLDER),
  ]);
  for (const forged of [old, { ...(await signer.sign(old, HOLDER)), id: 'another' }]) {
    expect(await mergeStatuses([forged], [news], target)).toEqual([await signer.sign(news, HOLDER)]);
  }
  // Without a key nothing can be signed, so the status proves nothing.
  const keyless = { holder: HOLDER, signer: new StatusSigner(() => undefined) };
  expect(await mergeStatuses([old], [news], keyless)).toEqual([{ ...kept, signature: undefined }]);
});

function readBack(statuses: readonly ReplicaStatus[]): ReplicaStatus[] {
  return decodeStatuses(Buffer.from(JSON.stringify({ stores: statuses })));
}

test('of several notes about one store the newest is read, and the last one of the same time', () => {
  const newest = { ...NOTE, at: '2026-01-02T00:00:00.000Z', run: 'run-2' };
  const other = { ...NOTE, store: 'C' };
  expect(readBack([NOTE, newest, other, NOTE])).toMatchObject([newest, other]);
  expect(readBack([NOTE, { ...NOTE, run: 'run-3' }])).toMatchObject([{ ...NOTE, run: 'run-3' }]);
});

test('the fullest notes of twenty stores fit into what is read of the object', async () => {
  const full = { ...NOTE, run: 'r'.repeat(100), signature: 's'.repeat(44), reason: 'x'.repeat(100_000) };
  const names = Array.from({ length: 20 }, (_, index) => `https://${index}.${'n'.repeat(300)}`);
  const news: ReplicaStatus[] = [];
  for (const store of names) news.push({ ...full, store });
  const merged = await mergeStatuses([], news, { holder: HOLDER, signer });
  expect(encodeStatuses(merged).length).toBeLessThan(maxSizeOf(STATUS_KEY));
  expect(merged[0]?.reason).toBe(`${'x'.repeat(1000)}…`);
  expect(await signer.isGenuine(merged[0] ?? NOTE, HOLDER)).toBe(true);
});

test.each(['not a time', '2026-01-01', '\u001B[31m'])('a note whose time is %j is not read', (time) => {
  expect(decodeStatuses(encodeStatuses([{ ...NOTE, since: time }]))).toEqual([]);
  expect(decodeStatuses(encodeStatuses([{ ...NOTE, at: time }]))).toEqual([]);
});
