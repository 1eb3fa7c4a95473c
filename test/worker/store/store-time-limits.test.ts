/** How long requests wait for one store: when several check it at the same time, and when the edge has no room. */
import { beforeEach, describe, expect, it } from 'vitest';
import { encodeIdentity } from '../../../core/identity.ts';
import { LAYOUT_VERSION } from '../../../core/layout.ts';
import { LIMITS } from '../../../worker/isolate/limits.ts';
import { StoreHealth, type PauseTimer } from '../../../worker/store/store-health.ts';
import type { Store, StoredObject } from '../../../worker/store/store.ts';
import { Time } from '../support/time.ts';

const IDENTITY = 'lifeboat.json';
const NEVER = new Promise<StoredObject>(() => {});
const identity = encodeIdentity({ version: LAYOUT_VERSION, id: 'an-id-of-a-bucket', audience: 'public' });
const objectOf = (bytes: Uint8Array<ArrayBuffer>): StoredObject => ({
  contentType: undefined,
  modified: undefined,
  size: bytes.length,
  body: new Blob([bytes]).stream(),
});

let time: Time;
let health: StoreHealth;
/** The store's answer for a key. */
let answer: (key: string) => Promise<StoredObject>;
let reads: string[];
beforeEach(() => {
  time = new Time();
  reads = [];
  answer = async (key) => objectOf(key === IDENTITY ? identity : new Uint8Array(1));
  const store: Store = {
    number: 1,
    location: undefined,
    urlFor: () => undefined,
    get(key) {
      reads.push(`${key} at ${time.now}`);
      return answer(key);
    },
  };
  health = new StoreHealth(store, {
    ...time.options,
    audience: 'public',
    freshMs: 5000,
    catalogKeys: [],
    storeMs: LIMITS.storeMs,
    joinMs: LIMITS.joinMs,
    identities: { get: async () => undefined, put: async () => {} },
    onReplaced: () => {},
  });
});

/** The end of a request that has so many milliseconds left, with its time. */
function ask(milliseconds: number, reserve = 0, afterwards?: (pauseTimer: PauseTimer) => Promise<unknown>) {
  const read = async (asked: Store, signal: AbortSignal, pauseTimer: PauseTimer) => {
    await asked.get('key', { signal });
    await afterwards?.(pauseTimer);
  };
  return health.read(time.scope(milliseconds), reserve, read).then(
    () => `read at ${time.now}`,
    () => `failed at ${time.now}`,
  );
}

async function passUntil(end: number): Promise<void> {
  while (time.now < end) await time.pass(100);
}

const wait = (milliseconds: number) =>
  new Promise<void>((resolve) => {
    time.options.startTimer(milliseconds, resolve);
  });

describe('a request that has little time left', () => {
  it.each([100, 999, 1000, 1500, 2900])(
    'has %i ms and says nothing of the store, and others wait on',
    async (left) => {
      const late = Promise.withResolvers<StoredObject>();
      answer = async (key) => (key === IDENTITY ? late.promise : objectOf(new Uint8Array(1)));
      const hurried = ask(left);
      const patient = ask(8000);
      await passUntil(2900);
      expect([await hurried, health.isDown]).toEqual([`failed at ${Math.ceil(left / 100) * 100}`, false]);
      late.resolve(objectOf(identity));
      expect([await patient, health.isDown]).toEqual(['read at 2900', false]);
      expect(reads).toEqual([`${IDENTITY} at 0`, 'key at 2900']);
    },
  );

  it('reads nothing if it has no time at all', async () => {
    expect([await ask(0), health.isDown, reads]).toEqual(['failed at 0', false, []]);
  });

  it('begins a check that takes a hanging store out after its 3 seconds', async () => {
    answer = () => NEVER;
    const hurried = ask(100);
    const patient = ask(8000);
    await passUntil(3000);
    expect([await hurried, await patient, health.isDown]).toEqual(['failed at 100', 'failed at 3000', true]);
  });
});

describe('a request that finds out whether a store hangs', () => {
  it.each([100, 1500, 2900, 3000])(
    'waits for it 4 seconds and not longer, with a ping after %i ms',
    async (pinged) => {
      expect(await ask(8000)).toBe('read at 0');
      time.now = 10_000;
      answer = () => NEVER;
      const request = ask(8000);
      await passUntil(10_000 + pinged);
      const ping = health.isLive(time.scope());
      await passUntil(14_000);
      expect([await request, health.isDown]).toEqual(['failed at 14000', true]);
      await passUntil(17_000);
      expect([await ping, health.isDown]).toEqual([false, true]);
    },
  );

  it('shares one read of lifeboat.json with the other requests', async () => {
    expect(await ask(8000)).toBe('read at 0');
    answer = () => NEVER;
    reads = [];
    const requests = [ask(8000), ask(8000), ask(8000)];
    await passUntil(4000);
    expect(await Promise.all(requests)).toEqual(Array.from({ length: 3 }, () => 'failed at 4000'));
    expect(reads).toEqual([...Array.from({ length: 3 }, () => 'key at 0'), `${IDENTITY} at 3000`]);
  });
});

describe('a wait for room, before a body that stalls', () => {
  it.each([
    ['leaves the next store its 3 seconds', 3000, 3000, 5000],
    ['takes of them what the wait itself takes, and one second for the body', 5500, 3000, 6500],
    ['ends with the request', 7500, 3000, 8000],
    ['takes all that is left if there is no next store', 3000, 0, 8000],
  ])('%s', async (_title, waited, reserve, end) => {
    const request = ask(8000, reserve, async (pauseTimer) => {
      await pauseTimer(() => wait(waited));
      await NEVER;
    });
    await time.pass(0);
    await passUntil(8500);
    expect([await request, health.isDown]).toEqual([`failed at ${end}`, false]);
  });
});
