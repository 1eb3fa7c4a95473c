/** Several upstreams have one blob: a copy waits for another copy that is in flight, but not for long. */
import { expect, test } from 'vitest';
import { parseDescriptor } from '../../../../core/descriptor.ts';
import { parseRepository } from '../../../../core/reference.ts';
import { BlobCopier } from '../../../../mirror-job/engine/copy/blob-copy.ts';
import { FairShare } from '../../../../mirror-job/engine/support/fair-share.ts';
import { SourceError } from '../../../../mirror-job/engine/source.ts';
import { addLayer, shareLayer } from '../../../support/builder.ts';
import { emptyRepository } from '../../../support/content.ts';
import { environmentFor, TestClock } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const PATIENCE = 60_000;
const ORIGIN = emptyRepository();
const layer = await addLayer(ORIGIN, 'shared');
const blob = parseDescriptor({ mediaType: 'x/y', digest: layer.digest, size: layer.size }, 'layer');

/** A clock whose sleeps end only when the test says so. */
class HeldClock extends TestClock {
  #end: (() => void)[] = [];

  override async sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
    this.sleeps.push(milliseconds);
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('It is not needed any more.')));
      this.#end.push(resolve);
    });
  }

  endAll(): void {
    for (const end of this.#end.splice(0)) end();
  }
}

class Scene {
  readonly clock = new HeldClock();
  readonly environment = environmentFor(new MemoryStore(), { clock: this.clock });
  readonly copier = new BlobCopier(this.environment, new FairShare(16));
  #repositories = 0;

  /** An upstream that has the blob. @param gate its body begins after this */
  upstream(name: string, gate: Promise<void> = Promise.resolve()) {
    const repository = emptyRepository();
    shareLayer(ORIGIN, repository, layer);
    const source = new MemorySource(`${name}/app`, repository);
    const open = source.open.bind(source);
    source.open = async function* opened(digest, offset) {
      await gate;
      yield* open(digest, offset) ?? [];
    };
    const upstream = { name, report: () => ({}), inTurn: <Value>(task: () => Promise<Value>) => task() };
    return Object.assign(source, { upstream });
  }

  /** Copies the blob into a repository of its own. @returns an object that says at any time whether the copy is done */
  need(source: ReturnType<Scene['upstream']>) {
    this.#repositories += 1;
    const repository = parseRepository(`mirror.test/${this.#repositories}`);
    const done = this.copier.ensure(repository, blob, source, this.environment.tally);
    const state = { done, isDone: false };
    done.then(
      () => (state.isDone = true),
      () => undefined,
    );
    return state;
  }

  async settle(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('a copy does not wait for another upstream if the blob is in the bucket', async () => {
  const scene = new Scene();
  const stuck = scene.need(scene.upstream('stuck', new Promise(() => {})));
  await scene.settle();
  const first = scene.need(scene.upstream('one'));
  await scene.settle();
  expect([first.isDone, scene.clock.sleeps]).toEqual([false, [PATIENCE]]);
  scene.clock.endAll();
  await first.done;
  for (const name of ['two', 'three']) await scene.need(scene.upstream(name)).done;
  expect([stuck.isDone, scene.clock.sleeps, scene.environment.tally.counts.blobsCopied]).toEqual([
    false,
    [PATIENCE],
    1,
  ]);
});

test('a copy that waits goes on as soon as one of several copies is finished', async () => {
  const scene = new Scene();
  const gate = Promise.withResolvers<void>();
  scene.need(scene.upstream('stuck', new Promise(() => {})));
  await scene.settle();
  const second = scene.need(scene.upstream('second', gate.promise));
  await scene.settle();
  scene.clock.endAll();
  await scene.settle();
  const third = scene.need(scene.upstream('third'));
  await scene.settle();
  // The next copy waits for the second one, which may be fast, and no more for the first one.
  expect([third.isDone, scene.clock.sleeps]).toEqual([false, [PATIENCE, PATIENCE]]);
  gate.resolve();
  await Promise.all([second.done, third.done]);
  expect(scene.environment.tally.counts.blobsCopied).toBe(1);
});

test('no copy waits again for an upstream that was waited for in vain', async () => {
  const scene = new Scene();
  scene.need(scene.upstream('stuck', new Promise(() => {})));
  await scene.settle();
  const absent = Object.assign(scene.upstream('broken'), {
    blob: () => Promise.reject(new SourceError('It is broken.')),
  });
  const broken = scene.need(absent);
  await scene.settle();
  scene.clock.endAll();
  await expect(broken.done).rejects.toThrow('It is broken.');
  await scene.need(scene.upstream('good')).done;
  expect(scene.clock.sleeps).toEqual([PATIENCE]);
});

test('a copy stops waiting as soon as the other copy fails', async () => {
  const scene = new Scene();
  const gate = Promise.withResolvers<void>();
  const failing = scene.need(scene.upstream('failing', gate.promise));
  await scene.settle();
  const waiting = scene.need(scene.upstream('good'));
  await scene.settle();
  expect(waiting.isDone).toBe(false);
  gate.reject(new SourceError('It broke.'));
  await expect(failing.done).rejects.toThrow('It broke.');
  await waiting.done;
  expect(scene.clock.sleeps).toEqual([PATIENCE]);
});
