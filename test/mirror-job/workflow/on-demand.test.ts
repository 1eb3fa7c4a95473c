/** The job as a Worker mirrors what the edge lacked, in workerd: messages come by the queue, and `onDemand` decides. */
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { manifestKey, tagKey } from '../../../core/layout.ts';
import { parseDigest } from '../../../core/digest.ts';
import { parseRepository, parseTag } from '../../../core/reference.ts';
import {
  addImage,
  addIndex,
  addLayer,
  addStreamedLayer,
  AMD64,
  ARM64,
  tagAs,
} from '../../support/builder.ts';
import { emptyRepository, type Corpus } from '../../support/content.ts';
import { startRogueRegistry, type RogueRegistry } from '../../support/rogue-registry.ts';
import { sync } from '../../support/sync.ts';
import { JobInWorkerd } from './job-in-workerd.ts';

vi.setConfig({ testTimeout: 180_000 });

let job: JobInWorkerd;
let registry: RogueRegistry;
let corpus: Corpus;
let hour = 0;

interface Demanded {
  readonly images: readonly {
    readonly reference: string;
    readonly mirrored?: string;
    readonly instance?: string;
    readonly failure?: string;
  }[];
}

function repository(path: string) {
  const content = corpus.repositories.get(path) ?? emptyRepository();
  corpus.repositories.set(path, content);
  return content;
}

async function index(path: string, name: string) {
  const content = repository(path);
  const children = [];
  for (const platform of [AMD64, ARM64]) {
    const layer = await addLayer(content, `${name} ${platform.architecture}`, { size: 2000 });
    children.push(addImage(content, { platform, layers: [layer] }));
  }
  return { list: addIndex(content, children), children };
}

function reference(path: string, rest: string): string {
  return `${registry.host}/${path}${rest}`;
}

function keyOf(path: string, tag: string): string {
  return tagKey(parseRepository(reference(path, '')), parseTag(tag));
}

function configuration(more: Record<string, unknown> = {}): string {
  const store = { endpoint: '${S3_ENDPOINT}', bucket: 'unused' };
  return JSON.stringify({ store, ...mirror(), ...more });
}

/** @returns the configuration without its store */
function mirror() {
  return {
    upstreams: { [registry.host]: { insecure: true } },
    images: [{ source: `${registry.host}/listed`, tags: ['1'] }],
    onDemand: [
      { source: `${registry.host}/library/*` },
      { source: `${registry.host}/small/**`, tags: ['1.*'], maxSize: '10KB' },
    ],
  };
}

async function demanded(): Promise<Demanded['images']> {
  const list: Demanded | undefined = await job.read<Demanded>('state/default/demanded.json');
  return list?.images ?? [];
}

/** Waits until all of these references are known to the list and nothing is under way. */
async function settled(...references: readonly string[]): Promise<Demanded['images']> {
  return vi.waitFor(
    async () => {
      const images = await demanded();
      expect(images.map((image) => image.reference)).toEqual(expect.arrayContaining([...references]));
      expect(images.filter((image) => image.instance !== undefined)).toEqual([]);
      return images;
    },
    // A layer of 257 MiB takes half a minute, and more on a busy machine.
    { timeout: 150_000, interval: 200 },
  );
}

async function miss(...references: readonly string[]): Promise<void> {
  await job.send(references.map((text) => ({ reference: text })));
}

async function run(): Promise<unknown> {
  hour += 1;
  const due = new Date(Date.UTC(2026, 10, 29, 0, 17) + hour * 3_600_000);
  await job.fire(due);
  await job.outputOf(due);
  return job.read('state/default/last-run.json');
}

beforeAll(async () => {
  corpus = { repositories: new Map() };
  const listed = repository('listed');
  tagAs(listed, addImage(listed, { layers: [await addLayer(listed, 'listed', { size: 500 })] }), '1', '2');
  tagAs(repository('library/app'), (await index('library/app', 'app')).list, '1', '2');
  registry = await startRogueRegistry({ corpus });
  job = await JobInWorkerd.start();
  await job.configure(configuration());
  // A run makes the bucket one of Lifeboat's.
  await run();
}, 120_000);

afterAll(async () => {
  await job?.close();
  await registry?.stop();
});

beforeEach(() => {
  registry.misbehave(undefined);
  registry.requests.length = 0;
});

test('a tag that a client asked for is mirrored, and each run keeps it fresh', async () => {
  const wanted = reference('library/app', ':1');
  await miss(wanted);
  expect(await settled(wanted)).toMatchObject([{ reference: wanted, mirrored: expect.any(String) }]);
  expect(await job.sizeOf(keyOf('library/app', '1'))).toBeGreaterThan(0);
  expect(await job.sizeOf(keyOf('library/app', '2'))).toBeUndefined();

  tagAs(repository('library/app'), (await index('library/app', 'app, next')).list, '1');
  expect(await run()).toMatchObject({ counts: { moved: 1, unchanged: 1, created: 0, failed: 0 } });
  expect(await run()).toMatchObject({ counts: { unchanged: 2 } });
});

test('the job on a machine keeps it fresh too', async () => {
  tagAs(repository('library/app'), (await index('library/app', 'app, for Node')).list, '1');
  const { report } = await sync(job.store, mirror());
  expect(report.counts).toMatchObject({ moved: 1, unchanged: 1, created: 0, failed: 0 });
});

test('a client that the edge could not serve is served the next time', async () => {
  const { list, children } = await index('library/pulled', 'pulled');
  tagAs(repository('library/pulled'), list, 'v1');
  const path = `/v2/${registry.host.replace(':', '_')}/library/pulled/manifests`;
  expect(await job.pull(`${path}/v1`, { method: 'HEAD' })).toMatchObject({ status: 404 });
  expect(await job.pull(`${path}/${list.digest}`)).toMatchObject({ status: 404 });
  await settled(reference('library/pulled', ':v1'));
  // The edge does not remember for long that there was nothing.
  await vi.waitFor(
    async () => {
      expect(await job.pull(`${path}/v1`, { method: 'HEAD' })).toMatchObject({ status: 200 });
    },
    { timeout: 30_000, interval: 500 },
  );
  for (const { digest } of [list, ...children]) {
    expect(await job.pull(`${path}/${digest}`)).toMatchObject({ status: 200 });
  }
});

test('a message that comes again asks nothing of the upstream', async () => {
  await miss(reference('library/app', ':1'), reference('library/app', ':1'));
  await miss(reference('library/app', ':1'));
  await drained();
  expect(registry.requests).toEqual([]);
});

test('the digests that a client asks for after a tag come with the tag, in whatever order the messages arrive', async () => {
  const { list, children } = await index('library/late', 'late');
  tagAs(repository('library/late'), list, '1');
  const tag = reference('library/late', ':1');
  const digests = [...children, list].map(({ digest }) => reference('library/late', `@${digest}`));
  await miss(...digests, tag);
  const images = await settled(tag);
  expect(images.map((image) => image.reference).filter((one) => one.includes('late'))).toEqual([tag]);
  const manifests = registry.requests.filter(({ method, kind }) => method === 'GET' && kind === 'manifest');
  expect(manifests).toHaveLength(3);
});

test('digests that come in another batch wait for the tag that is under way', async () => {
  const { list, children } = await index('library/later', 'later');
  tagAs(repository('library/later'), list, '1');
  registry.misbehave(({ kind }) => (kind === 'blob' ? { kind: 'delay', milliseconds: 3000 } : undefined));
  const tag = reference('library/later', ':1');
  await miss(tag);
  await vi.waitFor(async () => {
    expect(await known()).toContain(tag);
  }, 20_000);
  await miss(...[list, ...children].map(({ digest }) => reference('library/later', `@${digest}`)));
  await settled(tag);
  await drained();
  expect((await known()).filter((one) => one.includes('later'))).toEqual([tag]);
  const manifests = registry.requests.filter(({ method, kind }) => method === 'GET' && kind === 'manifest');
  expect(manifests).toHaveLength(3);
});

test('an image that clients name by digest alone is mirrored, and kept', async () => {
  const { list } = await index('library/pinned', 'pinned');
  const wanted = reference('library/pinned', `@${list.digest}`);
  await miss(wanted);
  expect(await settled(wanted)).toContainEqual(
    expect.objectContaining({ reference: wanted, mirrored: expect.any(String) }),
  );
  const name = parseRepository(reference('library/pinned', ''));
  expect(await job.sizeOf(manifestKey(name, parseDigest(list.digest)))).toBeGreaterThan(0);
});

test('nothing outside of the patterns is fetched, remembered or asked for, by the thousand', async () => {
  const before = await known();
  const made = Array.from({ length: 1000 }, (_, number) => [
    reference(`other/made-up-${number}`, ':1'),
    reference('small/app', `:2.${number}`),
    `elsewhere.test/library/app:${number}`,
  ]).flat();
  await miss(...made, reference('small/app', `@sha256:${'0'.repeat(64)}`));
  await drained();
  expect(registry.requests).toEqual([]);
  expect(await known()).toEqual(before);
});

test('messages that are not the edge’s are dropped', async () => {
  await job.send([
    'text',
    1,
    null,
    {},
    { reference: 1 },
    { reference: 'A B' },
    { reference: reference('library/app', '') },
  ]);
  await drained();
  expect(registry.requests).toEqual([]);
});

test('a tag that upstream lacks fails with a sentence, and is left alone for a while', async () => {
  const wanted = reference('library/app', ':none');
  await miss(wanted);
  expect(await settled(wanted)).toContainEqual(
    expect.objectContaining({ reference: wanted, failure: expect.stringContaining('has no tag "none"') }),
  );
  registry.requests.length = 0;
  await miss(wanted);
  await drained();
  expect(registry.requests).toEqual([]);
  expect(await run()).toMatchObject({ counts: { failed: 0 } });
});

test('what an instance has mirrored that ended without a word is kept fresh by the next run', async () => {
  const { list } = await index('library/orphan', 'orphan');
  tagAs(repository('library/orphan'), list, '1');
  const wanted = reference('library/orphan', ':1');
  await miss(wanted);
  const images = await settled(wanted);
  const orphan = { reference: wanted, asked: new Date().toISOString(), instance: 'demand-that-died' };
  const orphaned = images.map((image) => (image.reference === wanted ? orphan : image));
  await job.put('state/default/demanded.json', JSON.stringify({ version: 1, images: orphaned }));
  tagAs(repository('library/orphan'), (await index('library/orphan', 'orphan, next')).list, '1');
  expect(await run()).toMatchObject({ counts: { moved: 1 } });
  expect(await demanded()).toContainEqual(
    expect.objectContaining({ reference: wanted, mirrored: expect.any(String) }),
  );
});

test('an image that is larger than maxSize is refused before its layers are fetched', async () => {
  const app = repository('small/deep/app');
  const layers = [
    await addLayer(app, 'small enough', { size: 9000 }),
    await addLayer(app, 'too much', { size: 2000 }),
  ];
  tagAs(app, addImage(app, { layers }), '1.0');
  const wanted = reference('small/deep/app', ':1.0');
  await miss(wanted);
  expect(await settled(wanted)).toContainEqual(
    expect.objectContaining({
      reference: wanted,
      failure: expect.stringMatching(/more than the 10000 of maxSize/),
    }),
  );
  expect(registry.requests.filter(({ kind }) => kind === 'blob')).toEqual([]);
  expect(await job.sizeOf(keyOf('small/deep/app', '1.0'))).toBeUndefined();
});

test('a large layer is copied by an instance of its own', async () => {
  const app = repository('library/large');
  tagAs(app, addImage(app, { layers: [await addStreamedLayer(app, 'large', 257 * 1024 * 1024)] }), '1');
  const wanted = reference('library/large', ':1');
  await miss(wanted);
  expect(await settled(wanted)).toContainEqual(
    expect.objectContaining({ reference: wanted, mirrored: expect.any(String) }),
  );
  expect(await job.sizeOf(keyOf('library/large', '1'))).toBeGreaterThan(0);
});

test('an entry of images gives its settings to a tag that it selects', async () => {
  const app = repository('library/both');
  const { list } = await index('library/both', 'both');
  tagAs(app, list, '1.0');
  await job.configure(
    configuration({
      images: [
        { source: `${registry.host}/listed`, tags: ['1'] },
        { source: `${registry.host}/library/both`, tags: ['1.*'], platforms: ['linux/amd64'] },
      ],
    }),
  );
  const wanted = reference('library/both', ':1.0');
  await miss(wanted);
  await settled(wanted);
  // The index and one of its two children, each with its config and its layer.
  expect(registry.requests.filter(({ method, kind }) => method === 'GET' && kind === 'blob')).toHaveLength(2);
  await job.configure(configuration());
});

const MARKER = 'marker-';

/** Waits until the messages that were sent before have been taken. Its own requests are not the test's. */
async function drained(): Promise<void> {
  const tag = `${MARKER}${String(registry.requests.length)}-${Date.now()}`;
  const last = reference('library/app', `:${tag}`);
  await miss(last);
  await settled(last);
  const others = registry.requests.filter((request) => request.reference !== tag);
  registry.requests.splice(0, registry.requests.length, ...others);
}

/** @returns the references that the list knows */
async function known(): Promise<string[]> {
  const images = await demanded();
  return images.map((image) => image.reference).filter((one) => !one.includes(MARKER));
}
