/** A registry that makes up referrers without end: the image is mirrored with a bounded number of them, and that is a finding. */
import { afterEach, expect, test } from 'vitest';
import { parseDescriptor } from '../../../../core/descriptor.ts';
import { parseDigest } from '../../../../core/digest.ts';
import type { Limits } from '../../../../mirror-job/engine/runtime.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { addArtifact, addImage, addIndex, addLayer, tagAs } from '../../../support/builder.ts';
import { emptyRepository, type Repository } from '../../../support/content.ts';
import { OCI_INDEX, OCI_MANIFEST, SPDX } from '../../../support/media-types.ts';
import type { Misbehaviour } from '../../../support/misbehaviour.ts';
import type { RegistryRequest } from '../../../support/registry-request.ts';
import { startRogueRegistry, type RogueRegistry } from '../../../support/rogue-registry.ts';
import { environmentFor, imageOf, outcomesOf, sourceAt } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

let registry: RogueRegistry | undefined;
afterEach(() => registry?.stop());

const MAX = 1000;
const LONG_PAGE = 'a list with a page of more than 4194304 bytes, of which nothing is read';

function listOf(manifests: readonly unknown[]): Misbehaviour {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
  return { kind: 'manifest', bytes, mediaType: OCI_INDEX };
}

/** @param misbehave may add made-up referrers to the repository */
async function mirror(
  misbehave: (request: RegistryRequest, app: Repository) => Misbehaviour | undefined,
  { tags = ['one'], limits = {} }: { tags?: readonly string[]; limits?: Partial<Limits> } = {},
) {
  const app = emptyRepository();
  const image = addImage(app, { layers: [await addLayer(app, 'layer')] });
  tagAs(app, image, ...tags);
  registry = await startRogueRegistry({
    corpus: { repositories: new Map([['team/app', app]]) },
    misbehave: (request) => misbehave(request, app),
  });
  const source = await sourceAt(registry.host, 'team/app', { timeoutMs: 30_000 });
  const store = new MemoryStore();
  const environment = environmentFor(store, { limits });
  const report = await runMirror(environment, 'default', [imageOf(source, 'mirror.test/app', { tags })]);
  const finding = (excess: string) => ({
    kind: 'too-many-referrers',
    repository: 'mirror.test/app',
    message: `${source.name} lists too many referrers (signatures, SBOMs and the like) of ${image.digest}: ${excess}. The image is mirrored with those within the bound, and without the others. Ask the publisher what they are; with "referrers: false" the image is mirrored without any.`,
  });
  return { image, store, report, finding, requests: registry.requests };
}

/** Makes up referrers of each manifest whose list is requested. */
function makeUp(app: Repository, reference: string, count: number, more: object = {}): Misbehaviour {
  const bytes = app.manifests.get(reference)?.bytes ?? Buffer.alloc(0);
  const subject = { mediaType: OCI_MANIFEST, digest: reference, size: bytes.length };
  return listOf(
    Array.from({ length: count }, (_, index) =>
      addArtifact(app, { artifactType: `application/${index}`, subject, ...more }),
    ),
  );
}

test('30 referrers of each manifest, for ever: a thousand are mirrored, and no more is asked', async () => {
  const { store, report, finding, requests } = await mirror(({ kind, reference }, app) =>
    kind === 'referrers' ? makeUp(app, reference, 30) : undefined,
  );
  expect(outcomesOf(report)).toEqual({ 'mirror.test/app:one': 'created' });
  expect(report.findings).toEqual([finding('more than 1000')]);
  expect(store.keys('/_manifests/')).toHaveLength(1 + MAX);
  // The lists of the image, of its 30 referrers, and of some of their 900 referrers: sixteen requests are in flight at once.
  expect(requests.filter(({ kind }) => kind === 'referrers')).toHaveLength(1 + 30 + 16);
});

test('one referrer of each manifest, for ever: eight are mirrored, and the finding is one for all tags of the image', async () => {
  const { store, report, finding } = await mirror(
    ({ kind, reference }, app) => (kind === 'referrers' ? makeUp(app, reference, 1) : undefined),
    { tags: ['one', 'two'] },
  );
  expect(outcomesOf(report)).toEqual({ 'mirror.test/app:one': 'created', 'mirror.test/app:two': 'created' });
  expect(report.findings).toEqual([finding('referrers of referrers, more than 8 deep')]);
  expect(store.keys('/_manifests/')).toHaveLength(1 + 8);
});

test('a thousand referrers of a child do not take the place of the signature of its index', async () => {
  const app = emptyRepository();
  const child = addImage(app, { layers: [await addLayer(app, 'layer')] });
  const index = addIndex(app, [child]);
  tagAs(app, index, 'one');
  const ofChild = Array.from({ length: MAX }, (_, nth) =>
    addArtifact(app, { artifactType: `application/${nth}`, subject: child }),
  );
  const signature = addArtifact(app, { artifactType: 'application/signature', subject: index });
  const source = new MemorySource('source.test/app', app);
  source.referrers = async (subject) => {
    const all = subject === child.digest ? ofChild : subject === index.digest ? [signature] : [];
    return { descriptors: all.map((one) => parseDescriptor(one, 'a referrer')) };
  };
  const store = new MemoryStore();
  const { findings } = await runMirror(environmentFor(store), 'default', [
    imageOf(source, 'mirror.test/app', { tags: ['one'] }),
  ]);
  expect(findings.map(({ kind }) => kind)).toEqual(['too-many-referrers']);
  expect(store.keys('/_manifests/')).toHaveLength(2 + MAX);
  expect(store.keys('/_manifests/')).toContainEqual(
    expect.stringContaining(signature.digest.slice('sha256:'.length)),
  );
});

test('referrers of more than 8 MiB in all are cut off there, in the order of the list', async () => {
  const annotations = { padding: 'x'.repeat(3 * 1024 * 1024) };
  const { store, report, finding, image } = await mirror(({ kind, reference }, app) =>
    kind === 'referrers' && reference === image0(app)
      ? slim(makeUp(app, reference, 5, { annotations }))
      : undefined,
  );
  expect(outcomesOf(report)).toEqual({ 'mirror.test/app:one': 'created' });
  expect(report.findings).toEqual([finding('manifests of more than 8388608 bytes in all')]);
  expect(store.keys('/_manifests/')).toHaveLength(1 + 2);
  expect(store.keys(`/_referrers/sha256/${image.digest.slice(7)}`)).toHaveLength(1);
});

test('137,000 referrers in one page are a finding, and none of them is mirrored', async () => {
  const entry = { mediaType: OCI_MANIFEST, size: 1 };
  const manifests = Array.from({ length: 137_000 }, (_, index) => ({
    ...entry,
    digest: `sha256:${index.toString(16).padStart(64, '0')}`,
  }));
  const { report, finding, store } = await mirror(({ kind }) =>
    kind === 'referrers' ? listOf(manifests) : undefined,
  );
  expect(outcomesOf(report)).toEqual({ 'mirror.test/app:one': 'created' });
  expect(report.findings).toEqual([finding(LONG_PAGE)]);
  expect(store.keys('/_manifests/')).toHaveLength(1);
});

test('pages of referrers without end are left at the thousandth', async () => {
  const { report, finding, requests } = await mirror(({ kind, reference, query }) => {
    if (kind !== 'referrers') return undefined;
    const page = Number(query.get('page') ?? 0);
    const next = `</v2/team/app/referrers/${reference}?page=${page + 1}>; rel="next"`;
    return {
      kind: 'status',
      status: 200,
      headers: { 'content-type': OCI_INDEX, link: next },
      body: JSON.stringify({
        manifests: Array.from({ length: 100 }, (_, index) => layerOf(100 * page + index)),
      }),
    };
  });
  expect(outcomesOf(report)).toEqual({ 'mirror.test/app:one': 'created' });
  expect(report.findings).toEqual([finding('more than 1000')]);
  // Ten pages, and the page that shows that there are more.
  expect(requests.filter(({ kind }) => kind === 'referrers')).toHaveLength(11);
});

test.each([
  [
    'more than 16 MiB in all',
    { manifests: [], padding: 'x'.repeat(4_000_000) },
    'a list of more than 16777216 bytes',
    6,
  ],
  ['a page of more than 4 MiB', { manifests: [], padding: 'x'.repeat(4_200_000) }, LONG_PAGE, 2],
  [
    'a page of more than 250,000 values',
    { manifests: [], padding: Array.from({ length: 250_001 }, () => 0) },
    'a list with a page of more than 250000 values, of which nothing is read',
    2,
  ],
])(
  'pages of referrers with %s are left there: what came before is mirrored, and two tags of the image ask once',
  async (_, padding, excess, pages) => {
    const { store, report, finding, image, requests } = await mirror(
      ({ kind, reference, query }, app) => {
        if (kind !== 'referrers') return undefined;
        const page = Number(query.get('page') ?? 0);
        const link = `</v2/team/app/referrers/${reference}?page=${page + 1}>; rel="next"`;
        const body = JSON.stringify(page === 0 ? { manifests: [signatureOf(app, reference)] } : padding);
        return { kind: 'status', status: 200, headers: { 'content-type': OCI_INDEX, link }, body };
      },
      { tags: ['one', 'two'], limits: { tags: 1 } },
    );
    expect(outcomesOf(report)).toEqual({
      'mirror.test/app:one': 'created',
      'mirror.test/app:two': 'created',
    });
    expect(report.findings).toEqual([finding(excess)]);
    expect(store.keys('/_manifests/')).toHaveLength(1 + 1);
    expect(store.keys('/_referrers/')).toEqual([
      expect.stringContaining(`/_referrers/sha256/${image.digest.slice('sha256:'.length)}`),
    ]);
    expect(requests.filter(({ kind }) => kind === 'referrers')).toHaveLength(pages);
  },
);

test('a list under a tag that is too long does not take away what the API lists', async () => {
  const app = emptyRepository();
  const image = addImage(app, { layers: [await addLayer(app, 'layer')] });
  const tag = `sha256-${image.digest.slice('sha256:'.length)}`;
  const signature = parseDescriptor(signatureOf(app, image.digest), 'a referrer');
  registry = await startRogueRegistry({
    corpus: { repositories: new Map([['team/app', app]]) },
    misbehave: ({ kind, reference }) => {
      if (kind === 'tags') return { kind: 'tags', tags: [tag] };
      if (kind === 'referrers') return listOf([signature]);
      const bytes = Buffer.from(JSON.stringify({ manifests: [], padding: 'x'.repeat(4_200_000) }));
      return reference === tag ? { kind: 'manifest', bytes, mediaType: OCI_INDEX } : undefined;
    },
  });
  const source = await sourceAt(registry.host, 'team/app', { timeoutMs: 30_000 });
  await source.tags();
  const { mediaType, digest, size } = signature;
  expect(await source.referrers(parseDigest(image.digest), MAX)).toEqual({
    descriptors: [{ mediaType, digest, size }],
    excess: LONG_PAGE,
  });
});

test.each<[number, string[]]>([
  [MAX, []],
  [MAX + 1, ['more than 1000']],
])('%i referrers of one image: findings %j', async (count, excess) => {
  const app = emptyRepository();
  const image = addImage(app, { layers: [await addLayer(app, 'layer')] });
  tagAs(app, image, 'one');
  const listed = Array.from({ length: count }, (_, index) =>
    addArtifact(app, { artifactType: `application/${index}`, subject: image }),
  );
  const source = new MemorySource('source.test/app', app);
  source.referrers = async (subject) => ({
    descriptors: subject === image.digest ? listed.map((one) => parseDescriptor(one, 'a referrer')) : [],
  });
  const store = new MemoryStore();
  const { findings, counts } = await runMirror(environmentFor(store), 'default', [
    imageOf(source, 'mirror.test/app', { tags: ['one'] }),
  ]);
  expect([counts.created, store.keys('/_manifests/').length]).toEqual([1, 1 + MAX]);
  expect(findings.map(({ message }) => /sha256:\w+: (.*?)\. The image/.exec(message)?.[1])).toEqual(excess);
});

test('more than a thousand tags that are named after one image are a finding, and the first thousand are mirrored', async () => {
  const app = emptyRepository();
  const image = addImage(app, { layers: [await addLayer(app, 'layer')] });
  tagAs(app, image, 'one');
  const hex = image.digest.slice('sha256:'.length);
  for (let index = 0; index <= MAX; index += 1) tagAs(app, image, `sha256-${hex}.x${index}`);
  const store = new MemoryStore();
  const { findings, counts } = await runMirror(environmentFor(store), 'default', [
    imageOf(new MemorySource('source.test/app', app), 'mirror.test/app'),
  ]);
  expect([counts.created, store.keys('/_tags/').length]).toEqual([1, 1 + MAX]);
  expect(findings.map(({ message }) => message)).toEqual([
    expect.stringContaining(`${image.digest}: more than 1000 tags that are named after it. The image`),
  ]);
});

function signatureOf(app: Repository, reference: string): unknown {
  const size = app.manifests.get(reference)?.bytes.length ?? 0;
  const subject = { mediaType: OCI_MANIFEST, digest: reference, size };
  return addArtifact(app, { artifactType: 'application/vnd.example.signature', subject });
}

/** An entry whose media type is no manifest type. */
function layerOf(index: number) {
  const digest = `sha256:${index.toString(16).padStart(64, '0')}`;
  return { mediaType: 'application/octet-stream', artifactType: SPDX, digest, size: 1 };
}

/** The image, which is older than all made-up referrers. */
function image0(app: Repository): string {
  return [...app.manifests.keys()][0] ?? '';
}

/** The entry without annotations, as some registries list it. */
function slim(list: Misbehaviour): Misbehaviour {
  if (list.kind !== 'manifest') return list;
  const { manifests }: { manifests: { mediaType: string; digest: string; size: number }[] } = JSON.parse(
    Buffer.from(list.bytes).toString(),
  );
  return listOf(manifests.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })));
}

test('referrers of a type that is no manifest are left out', async () => {
  const { report } = await mirror(({ kind }) =>
    kind === 'referrers' ? listOf(Array.from({ length: MAX }, (_, index) => layerOf(index))) : undefined,
  );
  expect([outcomesOf(report), report.findings]).toEqual([{ 'mirror.test/app:one': 'created' }, []]);
});
