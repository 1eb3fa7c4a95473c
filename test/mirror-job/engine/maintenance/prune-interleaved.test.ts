/** Runs and sweeps at the same time, and kills either of them: no tag may ever lack what it needs. */
import { expect, test } from 'vitest';
import { FencedStore } from '../../../../mirror-job/engine/store/fenced-store.ts';
import { StoreLayer } from '../../../../mirror-job/engine/store/store-layer.ts';
import { StoppedError, StoreError } from '../../../../mirror-job/engine/store/store.ts';
import { randomUUID } from 'node:crypto';
import { faultsOf } from '../../support/whole-bucket.ts';
import { DAY, HOUR, PrunedMirror, type WritersStore } from './pruned-mirror.ts';

const CHANGES: ReadonlySet<string> = new Set([
  'put',
  'delete',
  'beginUpload',
  'putPart',
  'completeUpload',
  'abortUpload',
]);

/** A mirror whose tag `old` is condemned, and whose upstream has its image again under the tag `new`. */
async function condemnedMirror(): Promise<PrunedMirror> {
  const mirror = new PrunedMirror();
  await mirror.push('stays', 'stays');
  for (const tag of ['old', 'old-2', 'old-3', 'old-4']) await mirror.push(tag, tag);
  await mirror.sync();
  mirror.clock.advance(100 * DAY);
  mirror.options = { tags: ['stays'] };
  await mirror.condemn();
  mirror.clock.advance(49 * HOUR);
  return mirror;
}

function wantAgain(mirror: PrunedMirror): void {
  mirror.content.tags.set('new', mirror.content.tags.get('old') ?? '');
  mirror.options = { tags: ['stays', 'new'] };
}

test('wherever a sweep is killed, what is left is whole, a run goes on, and a later sweep ends it', async () => {
  const undisturbed = await condemnedMirror();
  undisturbed.store.calls.length = 0;
  await undisturbed.finish();
  const changes = undisturbed.store.calls.filter((call) => CHANGES.has(call.split(' ', 1).join())).length;
  expect(changes).toBeGreaterThan(20);
  for (let last = 0; last < changes; last += 1) {
    const mirror = await condemnedMirror();
    let left = last;
    let isDead = false;
    mirror.store.before = (call, key) => {
      if (CHANGES.has(call)) left -= 1;
      isDead ||= left < 0;
      if (isDead) throw new StoreError(`killed before ${call} ${key}`);
    };
    await expect(mirror.finish()).rejects.toThrow(/killed before|aborted/);
    mirror.store.before = () => {};
    expect([last, faultsOf(mirror.store)]).toEqual([last, []]);
    const report = await mirror.sync();
    expect([report.counts.failed, report.findings]).toEqual([0, []]);
    await mirror.finish();
    expect([last, mirror.keys()]).toEqual([last, undisturbed.keys()]);
  }
});

/** The layer without the fence. */
class UnfencedStore extends StoreLayer {
  async leave(): Promise<void> {
    await Promise.resolve();
  }
}

/** Numbers that depend on the seed alone. */
function randomFrom(seed: number): () => number {
  let state = seed + 1;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

interface Interleaved {
  readonly mirror: PrunedMirror;
  /** Whether a run ended with all of its tags. */
  readonly isWhole: boolean;
}

/**
 * Runs a sweep and a run side by side. Each call of either waits for a while that the seed decides, and either may die.
 * @param wrap makes the store of the run
 */
async function interleave(seed: number, wrap: (mirror: PrunedMirror) => WritersStore): Promise<Interleaved> {
  const random = randomFrom(seed);
  const mirror = await condemnedMirror();
  if (random() < 0.5) {
    await mirror.sweep();
    mirror.clock.advance(26 * HOUR);
  }
  wantAgain(mirror);
  // The run knows of the new tag, and the operator's prune does not yet: it may have an older file.
  const prunes = new PrunedMirror();
  prunes.options = { tags: ['stays'] };
  const { policyOf } = prunes;
  Object.defineProperty(mirror, 'policyOf', { get: () => policyOf });
  mirror.store.before = () => turns(Math.floor(random() * 4));
  const dies = random() < 0.3 ? Math.floor(random() * 60) : Infinity;
  let calls = 0;
  const below = wrap(mirror);
  const mortal = new Proxy(below, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== 'function' || property === 'enter') return value;
      return (...args: unknown[]) => {
        calls += 1;
        if (calls > dies && property !== 'leave') return Promise.reject(new StoreError('The run is dead.'));
        return Reflect.apply(value, target, args);
      };
    },
  });
  const [, report] = await Promise.all([
    turns(Math.floor(random() * 60)).then(() => mirror.sweep()),
    turns(Math.floor(random() * 60)).then(() => mirror.sync(mortal)),
  ]);
  mirror.store.before = () => {};
  return { mirror, isWhole: report.counts.failed === 0 };
}

test.each(Array.from({ length: 60 }, (_, seed) => seed))(
  'a run that needs condemned objects while a sweep goes on: seed %i',
  async (seed) => {
    const { mirror, isWhole } = await interleave(seed, (one) => one.writer());
    expect(faultsOf(mirror.store)).toEqual([]);
    expect(isWhole && mirror.store.keys('_tags/new').length === 0).toBe(false);
    const report = await mirror.sync();
    expect(report.counts.failed).toBe(0);
    await mirror.finish();
    expect(faultsOf(mirror.store)).toEqual([]);
    expect(mirror.store.keys('_tags/new')).toHaveLength(1);
  },
);

test('without the fence, such a run publishes a tag that lacks what it needs', async () => {
  let [faults, wholes] = [0, 0];
  for (let seed = 0; seed < 60 && faults === 0; seed += 1) {
    const { mirror, isWhole } = await interleave(seed, (one) => new UnfencedStore(one.store));
    wholes += Number(isWhole);
    faults += faultsOf(mirror.store).length;
  }
  expect(faults).toBeGreaterThan(0);
  expect(wholes).toBeGreaterThan(0);
});

test('a run that begins during a sweep is waited for, and a killed one holds the sweep up for six hours', async () => {
  const mirror = await condemnedMirror();
  const writer = mirror.writer();
  await writer.enter();
  expect(await mirror.sweep()).toMatchObject({ kind: 'yielded', objects: 0, writers: [{}] });
  expect(mirror.store.json('state/_prune.json')).toMatchObject({ phase: 'condemned' });
  mirror.clock.advance(6 * HOUR);
  await expect(writer.get('key')).rejects.toThrow('this run did nothing for more than 6 hours');
  expect((await mirror.sweep()).kind).toBe('names deleted');
});

test('a run that begins in the moment before a sweep does is seen', async () => {
  const mirror = await condemnedMirror();
  const writer = mirror.writer();
  mirror.store.before = async (call, key) => {
    if (call !== 'put' || key !== 'state/_prune.json') return;
    mirror.store.before = () => {};
    await writer.enter();
  };
  expect(await mirror.sweep()).toMatchObject({ kind: 'yielded', objects: 0 });
});

test('a sweep gives way to a run that begins meanwhile, and a later one deletes the rest', async () => {
  const mirror = await condemnedMirror();
  const { signal, store } = mirror;
  // It waits as long as the sweep takes, and its waiting does not move the clock on.
  const clock = { now: () => mirror.clock.now(), sleep: () => turns(1) };
  const writer = new FencedStore(store, { writer: 'late', clock, signal });
  let entering: Promise<void> | undefined;
  mirror.store.before = async (call) => {
    if (call !== 'delete' || entering !== undefined) return;
    entering = writer.enter();
    await turns(5);
    mirror.clock.advance(30_000);
  };
  const result = await mirror.sweep();
  expect(result).toMatchObject({ kind: 'yielded', writers: [{}] });
  await entering;
  expect('objects' in result ? result.objects : 0).toBeGreaterThan(0);
  await writer.leave();
  await mirror.finish();
  expect([mirror.store.keys('_tags/'), faultsOf(mirror.store)]).toMatchObject([{ length: 1 }, []]);
});

test('a writer that waits says so once, and an abort ends the wait', async () => {
  const mirror = await condemnedMirror();
  const stop = new AbortController();
  const told: string[] = [];
  let looks = 0;
  const clock = {
    now: () => mirror.clock.now(),
    sleep: async (_: number, signal: AbortSignal) => {
      looks += 1;
      if (looks === 4) stop.abort(new Error('stopped'));
      signal.throwIfAborted();
    },
  };
  const options = { writer: 'late', clock, signal: stop.signal, onWait: (text: string) => told.push(text) };
  const writer = new FencedStore(mirror.store, options);
  let entering: Promise<unknown> = Promise.resolve();
  mirror.store.before = async (call) => {
    if (call !== 'delete') return;
    mirror.store.before = () => {};
    const begun = mirror.clock.now().toISOString();
    entering = writer.enter().catch((error: unknown) => error);
    expect(await entering).toBeInstanceOf(StoppedError);
    expect(told).toEqual([expect.stringContaining(`has been deleting objects since ${begun}.`)]);
  };
  await mirror.sweep();
  expect([looks, writer.isWaiting]).toEqual([4, false]);
});

test('a run takes over from a sweep that was killed, and the sweep deletes nothing more', async () => {
  const mirror = await condemnedMirror();
  const { promise: isStopped, resolve: stop } = Promise.withResolvers<void>();
  const { promise: mayGoOn, resolve: goOn } = Promise.withResolvers<void>();
  let deletions = 0;
  mirror.store.before = async (call, key) => {
    if (call !== 'delete' || !key.includes('_tags/old')) return;
    deletions += 1;
    mirror.store.before = () => {};
    stop();
    await mayGoOn;
    // The request of a process that was stopped for so long is refused, as S3 refuses an old signature.
    throw new StoreError('RequestTimeTooSkewed');
  };
  const sweeping = mirror.sweep().catch((error: unknown) => error);
  await isStopped;
  wantAgain(mirror);
  const report = await mirror.sync();
  expect(report.counts.failed).toBe(0);
  goOn();
  expect(await sweeping).toMatchObject({ name: 'PruneContendedError' });
  expect([deletions, faultsOf(mirror.store)]).toEqual([1, []]);
  expect(mirror.store.keys('_tags/new')).toHaveLength(1);
});

test('an idle bucket costs a run one read, and no note', async () => {
  const mirror = new PrunedMirror();
  await mirror.push('stays');
  await mirror.sync();
  expect(mirror.store.calls.filter((call) => call.includes('state/_'))).toEqual(['get state/_prune.json']);
  expect(
    new FencedStore(mirror.store, { writer: randomUUID(), clock: mirror.clock, signal: mirror.signal }).name,
  ).toBe(mirror.store.name);
});
