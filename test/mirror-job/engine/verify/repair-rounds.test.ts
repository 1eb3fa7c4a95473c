/** After a repair, the result has each problem that is left, also one that a quick check would not see by itself. */
import { expect, test } from 'vitest';
import { parseRepository } from '../../../../core/reference.ts';
import { StoreError } from '../../../../mirror-job/engine/store/store.ts';
import { foundProblem, settled, type Problem } from '../../../../mirror-job/engine/verify/problem.ts';
import { repairStore } from '../../../../mirror-job/engine/verify/repair.ts';
import { repairInRounds } from '../../../../mirror-job/engine/verify/repair-rounds.ts';
import { verifyStore, type StoreResult } from '../../../../mirror-job/engine/verify/verify-store.ts';
import { isMd5Etag } from '../../../../mirror-job/storage/s3/etag-check.ts';
import { environmentFor, imageOf } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { NAME, openStore, STATE, VerifyScene } from './verify-scene.ts';

function repair(scene: VerifyScene, found: StoreResult) {
  const environment = environmentFor(scene.store);
  const image = imageOf(new MemorySource('source.test/app', scene.upstream), 'mirror.test/app');
  return repairInRounds(found, {
    check: (suspects) => verifyStore(environment, scene.store, { name: NAME, isEtagOf: isMd5Etag, suspects }),
    repair: (problems) =>
      repairStore(environment, scene.store, problems, {
        name: NAME,
        images: new Map([[parseRepository('mirror.test/app'), [image]]]),
        others: [],
        selects: () => true,
        openStore,
      }),
  });
}

test('a blob whose repair failed stays damaged, although another repair succeeded and the note of it could not be written', async () => {
  const scene = await VerifyScene.fill(2);
  const [flipped = '', missing = ''] = scene.blobs();
  scene.flip(flipped);
  scene.store.objects.delete(missing);
  scene.upstream.blobs.delete(flipped.replace('blobs/', '').replace('/', ':'));
  scene.store.before = (call, key) => {
    if (call === 'put' && key === STATE) throw new StoreError('The note could not be written.');
  };
  const found = await scene.deep();
  expect(found.problems.map(({ kind }) => kind).toSorted()).toEqual(['blob-bytes', 'blob-missing']);
  const { result, repaired } = await repair(scene, found);
  expect(new Map(repaired.map((one) => [one.key, one.result]))).toEqual(
    new Map([
      [flipped, 'failed'],
      [missing, 'repaired'],
    ]),
  );
  expect(result.problems.map(({ kind, key }) => [kind, key])).toEqual([['blob-bytes', flipped]]);
  expect([result.problemCount, result.deep]).toEqual([1, found.deep]);
});

function problem(kind: Problem['kind'], key: string): Problem {
  return settled(foundProblem({ kind, key, message: `${key} is wrong.` }));
}

test('a problem whose repair failed is left after later rounds, although no check finds it again', async () => {
  const found = await (await VerifyScene.fill(1)).quick();
  const [lost, first, later] = [
    problem('tag-missing', 'lost'),
    problem('tag-missing', 'first'),
    problem('blob-missing', 'later'),
  ];
  const state = { ...found, problems: [lost, first], problemCount: 2 };
  const checks = [[later], []];
  const { result } = await repairInRounds(state, {
    check: async () => {
      const problems = checks.shift() ?? [];
      return { ...state, problems, problemCount: problems.length };
    },
    repair: async (problems) =>
      problems.map(({ kind, key, message }) => ({
        store: 'The store',
        kind,
        key,
        message,
        result: key === 'lost' ? 'failed' : 'repaired',
        detail: '',
      })),
  });
  expect([result.problems, result.problemCount]).toEqual([[lost], 1]);
});
