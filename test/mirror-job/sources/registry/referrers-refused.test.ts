/** Registries that refuse every request for referrers, and answer all others. */
import { afterEach, expect, test } from 'vitest';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { addImage, addLayer, tagAs } from '../../../support/builder.ts';
import { emptyRepository } from '../../../support/content.ts';
import { OCI_INDEX } from '../../../support/media-types.ts';
import { startRogueRegistry, type RogueRegistry } from '../../../support/rogue-registry.ts';
import { environmentFor, imageOf, outcomesOf, sourceAt } from '../../support/harness.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const registries: RogueRegistry[] = [];
afterEach(async () => {
  await Promise.all(registries.splice(0).map((registry) => registry.stop()));
});

/** A registry with many tags, each for an image of its own. */
async function begin(count: number, referrers: boolean) {
  const app = emptyRepository();
  for (let index = 0; index < count; index += 1) {
    tagAs(app, addImage(app, { layers: [await addLayer(app, `layer ${index}`)] }), `v${index}`);
  }
  const corpus = { repositories: new Map([['team/app', app]]) };
  const registry = await startRogueRegistry({ corpus, referrers });
  registries.push(registry);
  const sync = async (store = new MemoryStore()) => {
    // A busy machine may keep the registry from answering for a while.
    const source = await sourceAt(registry.host, 'team/app', { timeoutMs: 30_000 });
    const image = imageOf(source, 'mirror.test/app', { tags: 'all' });
    return Object.values(outcomesOf(await runMirror(environmentFor(store), 'default', [image])));
  };
  return { app, registry, sync };
}

test.each([400, 401, 403, 404, 405, 406, 410, 415, 422, 451])(
  'a repository that answers %s to each derived name, by HEAD and by GET, has no signatures and no referrers',
  async (status) => {
    const { registry, sync } = await begin(2, false);
    registry.misbehave(({ kind, reference }) =>
      kind === 'manifest' && reference.startsWith('sha256-') ? { kind: 'status', status } : undefined,
    );
    expect(await sync()).toEqual(['created', 'created']);
  },
);

test('a referrers API that fails for every image gets two requests per image at first, then one, and each error says how to go on', async () => {
  const { registry, sync } = await begin(100, true);
  registry.misbehave(({ kind }) => (kind === 'referrers' ? { kind: 'status', status: 500 } : undefined));
  const outcomes = await sync();
  expect(outcomes).toHaveLength(100);
  const name = `${registry.host}/team/app`;
  for (const outcome of outcomes) {
    expect(outcome.startsWith(`${name}: the registry answered 500 to GET referrers/`)).toBe(true);
    expect(outcome).toMatch(
      /: "told to answer 500"\. If this goes on, have it mended there, or mirror the image without its referrers: set "referrers: false"\.$/,
    );
  }
  const asked = registry.requests.filter(({ kind }) => kind === 'referrers').length;
  // Two requests per image are the rule. The images that are on their way with the first three get two as well.
  expect(asked).toBeGreaterThan(102);
  expect(asked).toBeLessThan(150);
});

test('images whose referrers always fail do not keep a tag from moving', async () => {
  const { app, registry, sync } = await begin(12, true);
  const failing = new Set([...app.tags.values()].slice(0, 4));
  registry.misbehave(({ kind, reference }) =>
    kind === 'referrers' && failing.has(reference) ? { kind: 'status', status: 500 } : undefined,
  );
  const store = new MemoryStore();
  for (const run of [1, 2, 3, 4]) {
    tagAs(app, addImage(app, { layers: [await addLayer(app, `nightly ${run}`)] }), 'nightly');
    const outcomes = await sync(store);
    expect(outcomes.filter((outcome) => outcome.includes('answered 500'))).toHaveLength(4);
    expect(outcomes.filter((outcome) => outcome === (run === 1 ? 'created' : 'moved'))).toHaveLength(
      run === 1 ? 9 : 1,
    );
  }
});

test('a referrers API that fails at first gets another request, and one answer is enough for the others', async () => {
  const { registry, sync } = await begin(8, true);
  const failing = new Set<string>();
  registry.misbehave(({ kind, reference }) => {
    if (kind !== 'referrers') return undefined;
    if (failing.size < 2) failing.add(reference);
    return failing.has(reference) ? { kind: 'status', status: 500 } : undefined;
  });
  const outcomes = await sync();
  expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(6);
});

test.each([
  [
    'an entry without a type',
    'application/json',
    '{"manifests":[{}]}',
    'entry 0 of the referrers is not a descriptor: it has no mediaType.',
  ],
  ['no list', OCI_INDEX, '{"manifests":5}', 'the list of referrers is not an index.'],
  ['no JSON', OCI_INDEX, '<html>', 'what came as a list of referrers is not JSON.'],
])(
  'a list of referrers that has %s fails its image, and the sentence says how to go on without it',
  async (_, type, body, sentence) => {
    const { registry, sync } = await begin(1, true);
    const headers = { 'content-type': type };
    registry.misbehave(({ kind }) =>
      kind === 'referrers' ? { kind: 'status', status: 200, headers, body } : undefined,
    );
    expect(await sync()).toEqual([
      `${registry.host}/team/app: ${sentence} If this goes on, have it mended there, or mirror the image without its referrers: set "referrers: false".`,
    ]);
  },
);
