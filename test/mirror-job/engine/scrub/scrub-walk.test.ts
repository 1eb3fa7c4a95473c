/** One image does not hold up the check of the others, however many paths lead through it. */
import { expect, test } from 'vitest';
import { addImage, addIndex, addLayer, AMD64, tagAs } from '../../../support/builder.ts';
import { Scene, STATE } from './scrub-scene.ts';

const WIDTH = 10;
const LEVELS = 4;

test('the scrub leaves indexes that share their children after 100 runs, with a warning', async () => {
  const scene = new Scene();
  const layer = await addLayer(scene.upstream, 'shared');
  let level = Array.from({ length: WIDTH }, (_, index) =>
    addImage(scene.upstream, { layers: [layer], platform: AMD64, annotations: { index: `${index}` } }),
  );
  for (let depth = 1; depth < LEVELS; depth += 1) {
    const below = level;
    // Each of them lists the whole level below, in another order.
    level = below.map((_, index) =>
      addIndex(scene.upstream, [...below.slice(index), ...below.slice(0, index)]),
    );
  }
  const root = addIndex(scene.upstream, level);
  tagAs(scene.upstream, root, 'shared');
  for (let index = 0; index < 20; index += 1) await scene.image(`image-${index}`, `image-${index}`);
  await scene.run();
  const next = scene.digests().find((digest) => digest > root.digest);
  const goOn = (record: object) =>
    scene.store.put(STATE, Buffer.from(JSON.stringify(record)), { contentType: 'application/json' });
  await goOn({ after: ['mirror.test/app', before(root.digest)], lost: [] });
  for (const runs of [1, 2]) {
    await scene.run();
    expect(scene.store.json(STATE)).toMatchObject({ runs });
    expect(scene.after()[1]).toBe(root.digest);
  }
  await goOn({ after: scene.after(), runs: 95, lost: [] });

  let runs = 95;
  const logged: string[] = [];
  do {
    await scene.run();
    logged.push(...scene.environment.logged);
    runs += 1;
  } while (scene.after().length > 2 && scene.after()[1] === root.digest && runs < 105);
  expect([runs, scene.after()]).toEqual([100, ['mirror.test/app', root.digest]]);
  expect(logged).toEqual([
    `warn: The check of stored objects has taken 100 runs for what mirror.test/app@${root.digest} needs, and goes on with the next image. The rest of this one is not checked in this round, because it leads to too many objects.`,
  ]);
  await scene.run();
  expect(scene.calls('get repositories/mirror.test/app/_manifests/')[0]).toBe(
    next === undefined ? undefined : `get repositories/mirror.test/app/_manifests/${next.replace(':', '/')}`,
  );
});

/** A text that sorts right before a digest. */
function before(digest: string): string {
  return digest.slice(0, -1);
}
