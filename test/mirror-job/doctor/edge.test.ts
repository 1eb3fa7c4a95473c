/** Tests the doctor on real edges: a good one, and edges that are wrong in exactly one way. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Edge } from '../../support/edge.ts';
import { EDGE_KEY, Scene, problemsOf, verdictsOf } from './scene.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let scene: Scene;
let good: Edge;
let file = '';

beforeAll(async () => {
  scene = await Scene.start('public');
  good = await scene.edge();
  file = await scene.writeConfiguration('lifeboat');
});

afterAll(async () => {
  await scene?.stop();
});

test('a good edge has no problem, and every client pulls from it', async () => {
  const { code, stdout, stderr } = await scene.doctor([good.url, '-c', file], EDGE_KEY);
  console.log(stdout, stderr);
  const { printed } = await scene.examine([good.url, '-c', file], EDGE_KEY);
  expect([code, problemsOf(printed), verdictsOf(printed)]).toEqual([
    0,
    [],
    { containerd: 'pulls', 'containers-image': 'pulls', docker: 'pulls', buildkit: 'pulls' },
  ]);
});
