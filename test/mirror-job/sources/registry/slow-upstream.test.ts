/** A slow upstream does not make other upstreams' images wait: not for a slot, a buffer or a blob that both have. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { SkippedError } from '../../../../mirror-job/engine/support/skipped-error.ts';
import { RegistrySource } from '../../../../mirror-job/sources/registry/registry-source.ts';
import { addImage, addIndex, addLayer, shareLayer, tagAs, type Layer } from '../../../support/builder.ts';
import { emptyRepository, type Repository } from '../../../support/content.ts';
import type { Misbehaviour } from '../../../support/misbehaviour.ts';
import type { RegistryRequest } from '../../../support/registry-request.ts';
import { startRogueRegistry, type RogueRegistry } from '../../../support/rogue-registry.ts';
import { environmentFor, imageOf, outcomesOf, registryAt } from '../../support/harness.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const started: RogueRegistry[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((registry) => registry.stop()));
});

/** Ten bytes per second, so that the smallest response takes far longer than a good image. */
const DRIP: Misbehaviour = { kind: 'drip', every: 100 };
const PATIENCE = 5000;
const STOPPED = 'The test has seen enough.';

function addTagged(repository: Repository, layers: readonly Layer[]): void {
  tagAs(repository, addImage(repository, { layers: [...layers] }), 'one');
}

/** Mirrors all images of the bad upstream and, after them, the good one. It stops when the good one is mirrored. */
async function mirrorUntilGood(
  bad: ReadonlyMap<string, Repository>,
  good: Repository,
  isSlow: (request: RegistryRequest) => boolean,
  { isSameUpstream = false } = {},
) {
  const stop = new AbortController();
  const open = async (
    repositories: ReadonlyMap<string, Repository>,
    misbehave: (request: RegistryRequest) => Misbehaviour | undefined,
  ) => {
    const registry = await startRogueRegistry({
      corpus: { repositories: new Map(repositories) },
      misbehave,
    });
    started.push(registry);
    const client = await registryAt(registry.host, { timeoutMs: 30_000, signal: stop.signal });
    return [...repositories.keys()].map((name) =>
      imageOf(new RegistrySource(client, name), `mirror.test/${name}`),
    );
  };
  const misbehave = (request: RegistryRequest) => (isSlow(request) ? DRIP : undefined);
  const images = isSameUpstream
    ? await open(new Map([...bad, ['good', good]]), misbehave)
    : [...(await open(bad, misbehave)), ...(await open(new Map([['good', good]]), () => undefined))];
  const limits = { partBytes: 1024, flushEveryMs: 0 };
  const environment = environmentFor(new MemoryStore(), { signal: stop.signal, limits });
  const run = runMirror(environment, 'default', images);
  for (let waited = 0; environment.tally.counts.finished === 0 && waited < PATIENCE; waited += 20)
    await pause(20);
  stop.abort(new SkippedError(STOPPED));
  const { 'mirror.test/good:one': ofGood, ...others } = outcomesOf(await run);
  return { ofGood, ofOthers: [...new Set(Object.values(others))] };
}

test.each<[string, (request: RegistryRequest) => boolean]>([
  ['blobs', ({ kind }) => kind === 'blob'],
  ['manifests', ({ kind, method }) => kind === 'manifest' && method === 'GET'],
  ['lists of tags', ({ kind }) => kind === 'tags'],
  ['lists of referrers', ({ kind }) => kind === 'referrers'],
])('an image is mirrored while 40 images of another upstream drip their %s', async (_name, isSlow) => {
  const bad = new Map<string, Repository>();
  for (let index = 0; index < 40; index += 1) {
    const repository = emptyRepository();
    addTagged(repository, [
      await addLayer(repository, `bad ${index}`),
      await addLayer(repository, `bad ${index} too`),
    ]);
    bad.set(`bad-${index}`, repository);
  }
  const good = emptyRepository();
  addTagged(good, [await addLayer(good, 'good'), await addLayer(good, 'good too')]);
  expect(await mirrorUntilGood(bad, good, isSlow)).toEqual({
    ofGood: 'created',
    ofOthers: [`skipped: ${STOPPED}`],
  });
});

test('an index is mirrored while another one of the same upstream, whose nine manifests have 4 MiB each, drips its layers', async () => {
  const bad = emptyRepository();
  const slow = new Set<string>();
  const annotations = { padding: 'x'.repeat(4_190_000) };
  const children = [];
  for (let index = 0; index < 9; index += 1) {
    const layer = await addLayer(bad, `bad ${index}`);
    slow.add(layer.digest);
    const platform = { os: 'linux', architecture: `a${index}` };
    children.push(addImage(bad, { layers: [layer], platform, annotations }));
  }
  tagAs(bad, addIndex(bad, children), 'one');
  const good = emptyRepository();
  tagAs(good, addIndex(good, [addImage(good, { layers: [await addLayer(good, 'good')] })]), 'one');
  const isSlow = ({ kind, reference }: RegistryRequest): boolean => kind === 'blob' && slow.has(reference);
  expect(await mirrorUntilGood(new Map([['bad', bad]]), good, isSlow, { isSameUpstream: true })).toEqual({
    ofGood: 'created',
    ofOthers: [`skipped: ${STOPPED}`],
  });
});

test('an image does not wait for a layer that another upstream drips', async () => {
  const bad = emptyRepository();
  const shared = await addLayer(bad, 'shared');
  addTagged(bad, [shared]);
  const good = emptyRepository();
  addTagged(good, [shareLayer(bad, good, shared), await addLayer(good, 'good')]);
  const isSlow = ({ kind, reference }: RegistryRequest): boolean =>
    kind === 'blob' && reference === shared.digest;
  expect(await mirrorUntilGood(new Map([['bad', bad]]), good, isSlow)).toEqual({
    ofGood: 'created',
    ofOthers: [`skipped: ${STOPPED}`],
  });
});
