/** Which images are mirrored because clusters use them, and what is found about their lists. */
import { beforeEach, expect, test } from 'vitest';
import { encodeInUse, type ImageUse, type InUseImage } from '../../../core/in-use-list.ts';
import { inUseKey } from '../../../core/layout.ts';
import { parseDigest } from '../../../core/digest.ts';
import { parseConfiguration } from '../../../mirror-job/configuration/parse.ts';
import { readDrillLists } from '../../../mirror-job/drill/drill-lists.ts';
import { addUnlisted } from '../../../mirror-job/in-use/unlisted-images.ts';
import { MemoryStore } from '../support/memory-store.ts';

const NOW = new Date('2026-06-01T12:00:00.000Z');
const DIGEST = parseDigest(`sha256:${'a'.repeat(64)}`);
const OTHER = parseDigest(`sha256:${'b'.repeat(64)}`);
const SPEC: ImageUse = { kind: 'Pod', name: 'a', how: 'spec' };

let store: MemoryStore;

beforeEach(() => {
  store = new MemoryStore('The bucket');
});

function configured(images: string) {
  return parseConfiguration('f.yaml', `store: { bucket: b, region: r }\nimages:\n${images}\n`, {});
}

const RULE = '  - inUse: { clusters: ["prod*"], upstreams: [docker.io, quay.io] }';

function ruleWith(more: string): string {
  return `  - inUse: { clusters: [prod], upstreams: [docker.io, quay.io], ${more} }`;
}

function image(reference: string, more: Partial<InUseImage> = {}): InUseImage {
  const time = NOW.toISOString();
  return { reference, uses: [SPEC], useCount: 1, firstSeen: time, lastSeen: time, ...more };
}

async function publish(
  cluster: string,
  images: readonly InUseImage[],
  observed = NOW,
  unread?: readonly string[],
): Promise<void> {
  const bytes = encodeInUse({
    cluster,
    observed: observed.toISOString(),
    ...(unread !== undefined && { unread }),
    images,
  });
  await store.put(inUseKey(cluster), bytes, { contentType: 'application/json' });
}

/** @returns what is mirrored, as `repository tags digests` */
async function mirrored(images: string): Promise<string[]> {
  const { configuration } = await addUnlisted(store, configured(images), NOW);
  return configuration.images.map(
    ({ repository, tags, digests }) =>
      `${repository} ${tags.explicit.join(',')} ${digests.map((one) => one.slice(7, 9)).join(',')}`,
  );
}

test('tags in use are mirrored, and the digests that run are pinned, by repository', async () => {
  await publish('prod-1', [
    image('docker.io/library/a:1', { digest: DIGEST }),
    image('docker.io/library/a:2'),
    image(`quay.io/b/c@${OTHER}`, { digest: OTHER }),
  ]);
  await publish('prod-2', [image('docker.io/library/a:1', { digest: OTHER })]);
  expect(await mirrored(RULE)).toEqual(['docker.io/library/a 1,2 aa,bb', 'quay.io/b/c  bb']);
});

test('nothing of other hosts, clusters and patterns is mirrored, whatever a list says', async () => {
  const all = ['docker.io/library/a:1', 'docker.io/evil/a:1', 'evil.test/a:1', 'quay.io/b/c:1'];
  await publish(
    'prod',
    all.map((one) => image(one)),
  );
  await publish('test', [image('docker.io/library/test:1')]);
  expect(await mirrored(ruleWith("include: ['docker.io/**']"))).toEqual([
    'docker.io/library/a 1 ',
    'docker.io/evil/a 1 ',
  ]);
  expect(await mirrored(ruleWith("exclude: ['docker.io/evil/*', 'quay.io/**']"))).toEqual([
    'docker.io/library/a 1 ',
  ]);
});

test('what an entry lists has its settings, and what it surely mirrors is not there twice', async () => {
  await publish('prod', [
    image('docker.io/library/a:1'),
    image('docker.io/library/a:3'),
    image('docker.io/library/b:1'),
  ]);
  const listed =
    '  - { source: docker.io/library/a, tags: ["1"], platforms: [linux/amd64] }\n  - { source: x.test/b, name: docker.io/library/b, tags: ["9"] }\n';
  expect(await mirrored(listed + RULE)).toEqual([
    'docker.io/library/a 1 ',
    'docker.io/library/b 9 ',
    'docker.io/library/a 3 ',
  ]);
});

test('beside a digest the tag is only a name, and is not mirrored', async () => {
  await publish('prod', [image(`docker.io/library/a:1@${DIGEST}`, { digest: DIGEST })]);
  expect(await mirrored(RULE)).toEqual(['docker.io/library/a  aa']);
});

test('a list from the future is a finding', async () => {
  await publish('prod', [image('docker.io/library/a:1')], new Date(NOW.getTime() + 2 * 3_600_000));
  const { findings } = await addUnlisted(store, configured(RULE), NOW);
  expect(findings).toMatchObject([
    { cluster: 'prod', message: expect.stringContaining('which is still to come') },
  ]);
});

test('an image that only a text names is left out', async () => {
  const text: ImageUse = { ...SPEC, how: 'text' };
  await publish('prod', [
    image('docker.io/library/a:1', { uses: [text] }),
    image('docker.io/library/b:1', { uses: [text, SPEC] }),
  ]);
  expect(await mirrored(RULE)).toEqual(['docker.io/library/b 1 ']);
});

test('what was unused for longer than keep is left out, counted from when the list was made', async () => {
  const lastSeen = new Date(NOW.getTime() - 31 * 24 * 3_600_000);
  const old = image('docker.io/library/a:1', {
    firstSeen: lastSeen.toISOString(),
    lastSeen: lastSeen.toISOString(),
  });
  await publish('prod', [old, image('docker.io/library/b:1')]);
  expect(await mirrored(RULE)).toEqual(['docker.io/library/b 1 ']);
  await publish('prod', [old], lastSeen);
  expect(await mirrored(RULE)).toEqual(['docker.io/library/a 1 ']);
});

test('a list that is old is a finding, and takes nothing away', async () => {
  const observed = new Date(NOW.getTime() - 30 * 3_600_000);
  const times = { firstSeen: observed.toISOString(), lastSeen: observed.toISOString() };
  await publish('prod', [image('docker.io/library/a:1', times)], observed);
  const { configuration, findings } = await addUnlisted(store, configured(RULE), NOW);
  expect(configuration.images).toHaveLength(1);
  expect(findings).toEqual([
    {
      kind: 'in-use-list',
      cluster: 'prod',
      message: expect.stringMatching(
        /^The list of what prod runs is 30 hours old\. .* lifeboat images --cluster prod --publish$/,
      ),
    },
  ]);
});

test('a list that is incomplete is a finding that says what was not read, and what it has is mirrored', async () => {
  const unread = ['/api/v1/nodes', 'a.yaml:3', 'b', 'c', 'd'];
  await publish('prod', [image('docker.io/library/a:1')], NOW, unread);
  const { configuration, findings } = await addUnlisted(store, configured(RULE), NOW);
  expect(configuration.images).toHaveLength(1);
  expect(findings).toEqual([
    {
      kind: 'in-use-list',
      cluster: 'prod',
      message: expect.stringMatching(
        /^The list of what prod runs is incomplete, because whoever wrote it last could not read \/api\/v1\/nodes, a\.yaml:3, b and 2 more\. /,
      ),
    },
  ]);
});

test('a list that is damaged is a finding, and the others are used', async () => {
  await publish('prod-2', [image('docker.io/library/a:1')]);
  await store.put(inUseKey('prod-1'), new TextEncoder().encode('{"version":1}'), {
    contentType: 'application/json',
  });
  const { configuration, findings } = await addUnlisted(store, configured(RULE), NOW);
  expect(configuration.images).toHaveLength(1);
  expect(findings).toEqual([
    {
      kind: 'in-use-list',
      cluster: 'prod-1',
      message: expect.stringContaining(
        'state/_clusters/prod-1.json cannot be used: it names no cluster. What prod-1 runs is not looked at',
      ),
    },
  ]);
});

test('lists beyond a thousand are not read, and that is a finding', async () => {
  for (let index = 0; index < 1002; index += 1) await publish(`prod-${index}`, []);
  const { findings } = await addUnlisted(store, configured(RULE), NOW);
  expect(findings).toEqual([
    { kind: 'in-use-list', message: expect.stringContaining('lists of more than 1000 clusters') },
  ]);
});

test('lists that are too large together are read but for the largest, which are a finding', async () => {
  const sizes = { a: 40, b: 30, c: 50, d: 0 };
  for (const [cluster, mib] of Object.entries(sizes)) {
    await publish(`prod-${cluster}`, [image(`docker.io/library/${cluster}:1`)]);
    const stored = await store.get(inUseKey(`prod-${cluster}`));
    const padded = Buffer.concat([stored?.bytes ?? new Uint8Array(), Buffer.alloc(mib * 1024 * 1024, ' ')]);
    await store.put(inUseKey(`prod-${cluster}`), new Uint8Array(padded), { contentType: 'application/json' });
  }
  const { configuration, findings } = await addUnlisted(store, configured(RULE), NOW);
  expect(configuration.images.map(({ repository }) => repository)).toEqual([
    'docker.io/library/b',
    'docker.io/library/d',
  ]);
  expect(findings).toEqual([
    {
      kind: 'in-use-list',
      message: expect.stringMatching(
        /have more than 64 MiB, so the largest are not read: those of prod-a, prod-c\. .*its tags go stale/,
      ),
    },
  ]);
  const drilled = await readDrillLists(store, []);
  expect(drilled.lists.map(({ cluster }) => cluster)).toEqual(['prod-b', 'prod-d']);
  expect(drilled.damagedLists).toEqual([
    'The lists together have more than 64 MiB, and the drill leaves the largest out: those of prod-a, prod-c. Name some of the clusters with --cluster.',
  ]);
  expect((await readDrillLists(store, ['prod-c'])).damagedLists).toEqual([]);
});

test('clusters that no list is of are a finding', async () => {
  await publish('test', [image('docker.io/library/a:1')]);
  const { findings } = await addUnlisted(store, configured(RULE), NOW);
  expect(findings).toEqual([
    {
      kind: 'in-use-list',
      message: expect.stringMatching(/^No cluster has a list in the bucket whose name matches "prod\*"/),
    },
  ]);
});

test('a configuration without inUse and onDemand reads nothing', async () => {
  await addUnlisted(store, configured('  - a:1'), NOW);
  expect(store.calls).toEqual([]);
});
