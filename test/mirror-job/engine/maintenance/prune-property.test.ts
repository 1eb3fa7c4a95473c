/** Prunes mirrors with histories at random: whatever stays is whole, and a second prune finds nothing. */
import { expect, test } from 'vitest';
import { parseDigest } from '../../../../core/digest.ts';
import { parseRepository } from '../../../../core/reference.ts';
import { DEFAULT_RETENTION } from '../../../../mirror-job/engine/maintenance/retention.ts';
import { faultsOf } from '../../support/whole-bucket.ts';
import { addArtifact, tagAs } from '../../../support/builder.ts';
import { DAY, NAME, PrunedMirror } from './pruned-mirror.ts';

const TAGS = ['1', '2', '3', 'latest'];

function randomFrom(seed: number): (below: number) => number {
  let state = (seed + 1) * 7919;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

/** Adds a signature under the tag that cosign would give it. */
function sign(mirror: PrunedMirror, digest: string, seed: string): void {
  const signature = addArtifact(mirror.content, {
    artifactType: 'application/signature',
    annotations: { seed },
  });
  tagAs(mirror.content, signature, `${digest.replace(':', '-')}.sig`);
}

async function live(mirror: PrunedMirror, random: (below: number) => number): Promise<void> {
  for (let step = 0; step < 12; step += 1) {
    const tag = TAGS[random(TAGS.length)] ?? '1';
    const what = random(7);
    if (what < 3) {
      const digest = await mirror.push(tag, `${tag} ${random(6)}`);
      if (random(2) === 0) sign(mirror, digest, `${step}`);
    } else if (what === 3) mirror.content.tags.delete(tag);
    else if (what === 4) mirror.options = { moves: { policy: random(2) === 0 ? 'hold' : 'follow' } };
    else if (what === 5)
      mirror.options = { tags: TAGS.filter((one) => mirror.content.tags.has(one) && random(2) === 0) };
    await mirror.sync();
    mirror.clock.advance(random(40) * DAY);
  }
}

test.each(Array.from({ length: 40 }, (_, seed) => seed))('seed %i', async (seed) => {
  const random = randomFrom(seed);
  const mirror = new PrunedMirror();
  mirror.retention = { ...DEFAULT_RETENTION, history: 1 + random(3), keepMs: random(60) * DAY };
  await live(mirror, random);
  const served = [...mirror.content.tags.keys()].filter((tag) => mirror.options.tags?.includes(tag) ?? true);
  const before = served.filter((tag) => mirror.store.objects.has(`repositories/${NAME}/_tags/${tag}`));
  const used = mirror.content.tags.get(TAGS[random(TAGS.length)] ?? '');
  if (used !== undefined) {
    mirror.used = [{ repository: parseRepository(NAME), tag: undefined, digest: parseDigest(used) }];
  }
  const had = mirror.store.keys(used?.slice(7) ?? 'nothing');
  await mirror.pruneAll();
  expect(faultsOf(mirror.store)).toEqual([]);
  // Tags that upstream has and the configuration selects can be pulled as before. A signature goes with its image alone.
  const tags = before.filter((tag) => !tag.startsWith('sha256-'));
  expect(tags.filter((tag) => !mirror.store.objects.has(`repositories/${NAME}/_tags/${tag}`))).toEqual([]);
  expect(mirror.store.keys(used?.slice(7) ?? 'nothing').filter((key) => key.includes('_manifests'))).toEqual(
    had.filter((key) => key.includes('_manifests')),
  );
  // Once all is old, a second prune takes all that may go, and then nothing is left to do.
  mirror.clock.advance(61 * DAY);
  await mirror.pruneAll();
  expect((await mirror.plan()).goes.objects).toBe(0);
  const report = await mirror.sync();
  expect([report.findings, faultsOf(mirror.store)]).toEqual([[], []]);
});
