/** A run that is killed at any write leaves complete buckets, and the next one makes them the same. */
import { expect, test } from 'vitest';
import { type StoreCall } from '../../support/memory-store.ts';
import { Mirror, move, pairOf, problemsIn, ROOT, servedBy, SITUATIONS, tagIn } from './several-stores.ts';

/** The state that a killed process leaves: nothing after the kill was done, in either store. */
class Killed extends Error {
  override readonly name = 'Killed';
}

const WRITES: ReadonlySet<StoreCall> = new Set([
  'put',
  'beginUpload',
  'putPart',
  'completeUpload',
  'abortUpload',
]);

function killAtWrite(mirror: Mirror, at: number): { readonly writes: () => number } {
  let writes = 0;
  for (const store of mirror.stores) {
    store.before = (call) => {
      if (WRITES.has(call)) writes += 1;
      if (writes >= at) throw new Killed();
    };
  }
  return { writes: () => writes };
}

for (const [what, prepare] of SITUATIONS) {
  test(`${what} that is killed at any write leaves complete buckets, and the next run makes them the same`, async () => {
    const whole = await Mirror.create();
    await prepare(whole);
    const counter = killAtWrite(whole, Number.POSITIVE_INFINITY);
    await whole.run();
    const count = counter.writes();
    expect(count).toBeGreaterThan(20);
    for (let at = 1; at <= count; at += 1) {
      const mirror = await Mirror.create();
      await prepare(mirror);
      killAtWrite(mirror, at);
      await mirror.run().catch((error: unknown) => {
        if (!(error instanceof Killed)) throw error;
      });
      expect(mirror.stores.flatMap(problemsIn), `write ${at}`).toEqual([]);
      for (const store of mirror.stores) store.before = () => {};
      const next = await mirror.run();
      expect(next.counts.failed, `write ${at}`).toBe(0);
      // A movement in B alone stays in its history and never counts.
      const [a, b] = pairOf(mirror);
      expect(servedBy(b), `write ${at}`).toEqual(servedBy(a));
      expect([...problemsIn(a), ...problemsIn(b)], `write ${at}`).toEqual([]);
    }
  }, 120_000);
}

test('a tag that differs because a run was killed between the two stores is the same after the next run, even if upstream moved back', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  await mirror.run();
  const old = mirror.repository.tags.get('one') ?? '';
  await move(mirror.repository, 'one', 'for a moment');
  let isDead = false;
  a.before = (call, key) => {
    isDead ||= call === 'put' && key === `${ROOT}/_tags/one`;
    if (isDead) throw new Killed();
  };
  b.before = () => {
    if (isDead) throw new Killed();
  };
  await mirror.run().catch(() => {});
  expect(tagIn(b, 'one')).not.toBe(tagIn(a, 'one'));
  for (const store of mirror.stores) store.before = () => {};
  mirror.repository.tags.set('one', old);
  await mirror.run();
  expect([tagIn(a, 'one'), tagIn(b, 'one')]).toEqual([old.replace(':', '/'), old.replace(':', '/')]);
});
