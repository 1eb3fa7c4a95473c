/** Gives up a prune whose state cannot be read: only once no sweep can be at work, and with nothing lost. */
import { beforeEach, expect, test } from 'vitest';
import { cancelPrune } from '../../../../mirror-job/engine/maintenance/cancel.ts';
import { SweepUnderWayError } from '../../../../mirror-job/engine/maintenance/sweep.ts';
import { StoreError } from '../../../../mirror-job/engine/store/store.ts';
import { faultsOf } from '../../support/whole-bucket.ts';
import { DAY, HOUR, PrunedMirror } from './pruned-mirror.ts';

const STATE = 'state/_prune.json';
const MINUTE = 60_000;

let mirror: PrunedMirror;

const cancel = () => cancelPrune(mirror.store, mirror.clock);

beforeEach(async () => {
  mirror = new PrunedMirror();
  await mirror.push('old');
  await mirror.push('stays');
  await mirror.sync();
  mirror.clock.advance(100 * DAY);
  mirror.options = { tags: ['stays'] };
  await mirror.condemn();
  mirror.clock.advance(49 * HOUR);
});

function damage(): Promise<unknown> {
  return mirror.store.put(STATE, Buffer.from('{'), { contentType: 'application/json' });
}

test('a sweep whose state becomes unreadable ends before it can be given up', async () => {
  const deleted: number[] = [];
  let damagedMs = 0;
  mirror.store.before = async (call) => {
    if (call !== 'delete') return;
    deleted.push(mirror.clock.now().getTime());
    if (damagedMs === 0) {
      damagedMs = mirror.clock.now().getTime();
      await damage();
    }
    mirror.clock.advance(20_000);
    await expect(cancel()).rejects.toBeInstanceOf(SweepUnderWayError);
  };
  await expect(mirror.sweep()).rejects.toBeInstanceOf(StoreError);
  mirror.store.before = () => {};
  expect(Math.max(...deleted) - damagedMs).toBeLessThan(10 * MINUTE);
  mirror.clock.advance(30 * MINUTE);
  await cancel();
  expect(mirror.store.json(STATE)).toMatchObject({ phase: 'idle' });
  expect(faultsOf(mirror.store)).toEqual([]);
});

test('runs go on beside a state that cannot be read, and a new plan takes all that the given up one had', async () => {
  await damage();
  expect((await mirror.sync()).counts.failed).toBe(0);
  await expect(cancel()).rejects.toThrow('Try again after');
  mirror.clock.advance(30 * MINUTE);
  await cancel();
  expect((await mirror.sync()).counts.failed).toBe(0);
  await mirror.pruneAll();
  expect([(await mirror.plan()).goes.objects, faultsOf(mirror.store)]).toEqual([0, []]);
  expect(mirror.store.keys('_tags/')).toHaveLength(1);
});

test('a state that another process has mended meanwhile stays', async () => {
  const before = mirror.store.objects.get(STATE)?.bytes ?? new Uint8Array();
  await damage();
  mirror.clock.advance(30 * MINUTE);
  mirror.store.before = async (call, key) => {
    if (call !== 'put' || key !== STATE) return;
    mirror.store.before = () => {};
    await mirror.store.put(STATE, before, { contentType: 'application/json' });
  };
  await expect(cancel()).rejects.toBeInstanceOf(StoreError);
  expect(mirror.store.json(STATE)).toMatchObject({ phase: 'condemned' });
});
