/** Registries that never answer what refers to an image, though they answer everything else. */
import { afterEach, expect, test } from 'vitest';
import { runMirror } from '../../mirror-job/engine/run.ts';
import { addImage, addLayer, tagAs } from '../support/builder.ts';
import { emptyRepository } from '../support/content.ts';
import { OCI_INDEX } from '../support/media-types.ts';
import { startRogueRegistry, type RogueRegistry } from '../support/rogue-registry.ts';
import { environmentFor, imageOf, outcomesOf, sourceAt } from './harness.ts';
import { MemoryStore } from './memory-store.ts';

const registries: RogueRegistry[] = [];
afterEach(async () => {
  await Promise.all(registries.splice(0).map((registry) => registry.stop()));
});

/** A registry with so many tags, each for an image of its own. */
async function begin(count: number, referrers: boolean) {
  const app = emptyRepository();
  for (let index = 0; index < count; index += 1) {
    tagAs(app, addImage(app, { layers: [await addLayer(app, `layer ${index}`)] }), `v${index}`);
  }
  const corpus = { repositories: new Map([['team/app', app]]) };
  const registry = await startRogueRegistry({ corpus, referrers });
  registries.push(registry);
  const sync = async () => {
    // A busy machine may keep the registry from answering for a while.
    const source = await sourceAt(registry.host, 'team/app', { timeout: 30_000 });
    const image = imageOf(source, 'mirror.test/app', { tags: 'all' });
    return Object.values(outcomesOf(await runMirror(environmentFor(new MemoryStore()), 'default', [image])));
  };
  return { registry, sync };
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

test('a referrers API that fails for every image is asked about three of them, and one sentence says how to go on without it', async () => {
  const { registry, sync } = await begin(12, true);
  registry.misbehave(({ kind }) => (kind === 'referrers' ? { kind: 'status', status: 500 } : undefined));
  const outcomes = await sync();
  expect(outcomes).toHaveLength(12);
  const name = `${registry.host}/team/app`;
  const own = outcomes.filter((outcome) => outcome.startsWith(`${name}: the registry answered 500 to GET`));
  expect(own).toHaveLength(3);
  for (const outcome of own) {
    expect(outcome).toMatch(
      /: "told to answer 500"\. If this goes on, have it mended there, or mirror the image without its referrers: set "referrers: false"\.$/,
    );
  }
  expect(new Set(outcomes.filter((outcome) => !own.includes(outcome)))).toEqual(
    new Set([
      `${name}: the registry failed 3 times in a row to say what refers to an image; it is not asked for that again in this run. If this goes on, have it mended there, or mirror the image without its referrers: set "referrers: false".`,
    ]),
  );
  const asked = registry.requests
    .filter(({ kind }) => kind === 'referrers')
    .map(({ reference }) => reference);
  expect(new Set(asked).size).toBe(3);
});

test('a referrers API that fails at first is asked again, and one answer is enough for the others', async () => {
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
