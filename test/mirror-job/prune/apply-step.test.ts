/** Goes on with a plan while others publish what must stay. */
import { expect, test } from 'vitest';
import { encodeInUse } from '../../../core/in-use-list.ts';
import { inUseKey, PRUNE_KEY } from '../../../core/layout.ts';
import { parseConfiguration } from '../../../mirror-job/configuration/parse.ts';
import type { ReadPlan } from '../../../mirror-job/engine/maintenance/prune-plan.ts';
import { applyStep } from '../../../mirror-job/prune/apply-step.ts';
import { DAY, HOUR, keysOf, NAME, PrunedMirror } from '../engine/maintenance/pruned-mirror.ts';

const CONFIGURATION = parseConfiguration(
  'f.yaml',
  `store: { bucket: b, region: r }\nretention: { maxDeletePercent: 100 }\nimages: ["${NAME}:stays"]\n`,
  {},
);

function step(mirror: PrunedMirror, plan?: ReadPlan) {
  const { store, clock, signal } = mirror;
  const bucket = { store, id: 'id' };
  return applyStep(bucket, { configuration: CONFIGURATION, plan, cancel: false, clock, signal });
}

test('an in-use list that is published just before a sweep begins keeps what it names', async () => {
  const mirror = new PrunedMirror();
  await mirror.push('stays');
  await mirror.push('old');
  await mirror.sync();
  mirror.clock.advance(100 * DAY);
  mirror.options = { tags: ['stays'] };
  const keys = new Map([['id', keysOf(await mirror.plan())]]);
  const made = mirror.clock.now().toISOString();
  expect(
    await step(mirror, { id: 'plan', configuration: 'default', made, keys, unlisted: [] }),
  ).toMatchObject({
    step: 'condemned',
  });
  mirror.clock.advance(49 * HOUR);
  mirror.store.before = async (call, key) => {
    if (call !== 'put' || key !== PRUNE_KEY) return;
    mirror.store.before = () => {};
    const at = mirror.clock.now().toISOString();
    const image = {
      reference: `${NAME}:old`,
      uses: [{ kind: 'Pod', name: 'p', how: 'running' } as const],
      useCount: 1,
      firstSeen: at,
      lastSeen: at,
    };
    const list = encodeInUse({ cluster: 'one', observed: at, images: [image] });
    await mirror.store.put(inUseKey('one'), list, { contentType: 'application/json' });
  };
  const tag = `repositories/${NAME}/_tags/old`;
  expect(await step(mirror)).toMatchObject({
    kind: 'names deleted',
    objects: 0,
    rescued: expect.arrayContaining([tag]),
  });
  expect(mirror.store.objects.has(tag)).toBe(true);
});
