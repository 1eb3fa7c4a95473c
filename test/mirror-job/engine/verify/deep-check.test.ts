/** `verify --deep` hashes every blob, the one that was hashed longest ago first, and a run goes on where the last one ended. */
import { expect, test } from 'vitest';
import { environmentFor } from '../../support/harness.ts';
import { STATE, VerifyScene } from './verify-scene.ts';

test('runs with a budget go on where the last one ended, hash each blob once a pass, and then begin anew', async () => {
  const scene = await VerifyScene.fill(6);
  const blobs = scene.blobs();
  const seen: string[] = [];
  let runs = 0;
  for (; runs < 30 && seen.length < blobs.length; runs += 1) {
    const result = await scene.deep(1000);
    const hashed = scene.hashed();
    expect(hashed.length).toBeGreaterThan(0);
    seen.push(...hashed);
    expect(result.problems).toEqual([]);
  }
  expect(seen).toEqual(blobs);
  expect(runs).toBeGreaterThan(2);
  const again = await scene.deep(1);
  expect(again.deep?.finished === undefined && seen.length < blobs.length).toBe(false);
  // The last run of a pass may have stopped at the last blob without knowing that it was the last.
  const [next] = scene.hashed();
  expect([undefined, blobs[0]]).toContain(next);
});

test('a process that dies in the middle has kept how far it came, and the next one goes on there', async () => {
  const scene = await VerifyScene.fill(12);
  const blobs = scene.blobs();
  const environment = environmentFor(scene.store);
  let streams = 0;
  const never = new Promise<void>(() => {});
  const died = Promise.withResolvers<void>();
  scene.store.before = (call) => {
    if (call !== 'stream') return undefined;
    streams += 1;
    // So that progress is written before each blob.
    environment.clock.advance(20_000);
    if (streams <= 9) return undefined;
    died.resolve();
    return never;
  };
  // A killed process never comes back from its last call.
  void scene.deep(undefined, environment);
  await died.promise;
  const before = scene.hashed();
  const next = scene.atThisMoment();
  const result = await next.deep();
  const after = next.hashed();
  expect([result.problems, result.deep?.finished]).toEqual([[], expect.any(String)]);
  expect(new Set([...before, ...after])).toEqual(new Set(blobs));
  // At most those that were being hashed at once are hashed twice.
  expect(before.length + after.length - blobs.length).toBeLessThanOrEqual(8);
  expect(after.length).toBeLessThan(blobs.length);
});

test('the mark does not pass a blob that is still being hashed when the process dies', async () => {
  const scene = await VerifyScene.fill(12);
  const [slow = ''] = scene.blobs();
  const environment = environmentFor(scene.store);
  const never = new Promise<void>(() => {});
  const othersDone = Promise.withResolvers<void>();
  let streams = 0;
  scene.store.before = (call, key) => {
    if (call !== 'stream') return undefined;
    environment.clock.advance(20_000);
    streams += 1;
    if (streams === scene.blobs().length) othersDone.resolve();
    return key === slow ? never : undefined;
  };
  void scene.deep(undefined, environment);
  await othersDone.promise;
  const next = scene.atThisMoment();
  expect(next.store.json(STATE)).toMatchObject({ after: '' });
  await next.deep();
  expect(next.hashed()).toContain(slow);
});

test('a run that is told to stop keeps how far it came', async () => {
  const scene = await VerifyScene.fill(12);
  const stop = new AbortController();
  let streams = 0;
  scene.store.before = (call) => {
    if (call !== 'stream') return;
    streams += 1;
    if (streams === 8) stop.abort(new Error('stopped'));
  };
  const environment = environmentFor(scene.store, { signal: stop.signal });
  await expect(scene.deep(undefined, environment)).rejects.toThrow('stopped');
  expect(scene.store.json(STATE)).toMatchObject({ after: expect.stringMatching(/^blobs\/sha256\//) });
  scene.hashed();
  scene.store.before = () => {};
  await scene.deep();
  expect(scene.hashed().length).toBeLessThan(scene.blobs().length);
});

test('a damaged blob stays a problem of later runs, also of quick ones, until its bytes are right', async () => {
  const scene = await VerifyScene.fill(3);
  const [, , damaged = ''] = scene.blobs();
  const right = scene.store.objects.get(damaged);
  scene.flip(damaged);
  expect((await scene.quick()).problems).toEqual([]);
  const found = await scene.deep();
  expect(found.problems).toMatchObject([{ kind: 'blob-bytes', key: damaged, images: [expect.any(String)] }]);
  scene.hashed();
  expect((await scene.quick()).problems).toMatchObject([{ kind: 'blob-bytes', key: damaged }]);
  expect(scene.hashed()).toEqual([damaged]);
  if (right !== undefined) scene.store.objects.set(damaged, right);
  expect((await scene.quick()).problems).toEqual([]);
});

test('a damaged blob that no image needs is a problem too, because the next image that does would get it', async () => {
  const scene = await VerifyScene.fill(1);
  const digest = 'ab'.repeat(32);
  await scene.store.put(`blobs/sha256/${digest}`, Buffer.from('other'), { contentType: 'a/b' });
  const result = await scene.deep();
  expect(result.problems).toMatchObject([{ kind: 'blob-bytes', key: `blobs/sha256/${digest}`, images: [] }]);
});
