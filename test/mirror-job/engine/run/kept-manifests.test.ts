/**
 * The bounds of manifests that stay in memory until an index or a referrer is stored: indexes, which wait for their children, and
 * manifests with a subject, whose annotations go into a list. Each bound is tested exactly, and with one more.
 */
import { expect, test } from 'vitest';
import { parseDigest } from '../../../../core/digest.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import {
  addArtifact,
  addImage,
  addIndex,
  addLayer,
  tagAs,
  type Descriptor,
} from '../../../support/builder.ts';
import { emptyRepository, type Repository } from '../../../support/content.ts';
import { OCI_MANIFEST, SPDX } from '../../../support/media-types.ts';
import { environmentFor, imageOf, outcomesOf } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
/** No repository has it, so a manifest with this subject is no referrer of anything. */
const ELSEWHERE = { mediaType: OCI_MANIFEST, digest: `sha256:${'0'.repeat(64)}`, size: 500 };

type Add = (app: Repository, annotations: Readonly<Record<string, string>>) => Descriptor;

/** A child, because an index without children does not count. */
const addNestedIndex: Add = (app, annotations) =>
  addIndex(app, [addArtifact(app, { artifactType: SPDX })], { annotations });
const addWithSubject: Add = (app, annotations) =>
  addArtifact(app, { artifactType: SPDX, subject: ELSEWHERE, annotations });

const addPlain: Add = (app, annotations) => addArtifact(app, { artifactType: SPDX, annotations });

/** A manifest of exactly this size. Its descriptor repeats no annotations, which would make an index large. */
function addOfSize(app: Repository, add: Add, size: number, name = ''): Descriptor {
  const empty = add(emptyRepository(), { name, fill: '' });
  const { mediaType, digest, size: real } = add(app, { name, fill: 'x'.repeat(size - empty.size) });
  expect(real).toBe(size);
  return { mediaType, digest, size };
}

async function addPlainImage(app: Repository): Promise<Descriptor> {
  return addImage(app, { layers: [await addLayer(app, 'layer')] });
}

async function mirror(app: Repository) {
  const store = new MemoryStore();
  const source = new MemorySource('source.test/app', app);
  const listed = await source.referrers(parseDigest(app.tags.get('one') ?? ''));
  // The lists are made once, because the source parses all its manifests for each answer.
  source.referrers = async (subject) => (subject === app.tags.get('one') ? listed : { descriptors: [] });
  const report = await runMirror(environmentFor(store), 'default', [
    imageOf(source, 'mirror.test/app', { tags: ['one'] }),
  ]);
  return {
    outcome: outcomesOf(report)['mirror.test/app:one'],
    findings: report.findings.map(({ message }) => /sha256:\w+: (.*?)\. The image/.exec(message)?.[1]),
    manifests: store.keys('/_manifests/').length,
  };
}

function refusal(digest: string, size: number, limit: number): string {
  return `source.test/app: the indexes and the manifests with a subject that the image lists, up to ${digest}, have ${size} bytes in all, more than the ${limit} that Lifeboat reads. No image is built like that.`;
}

const KINDS: [string, Add][] = [
  ['an index', addNestedIndex],
  ['a manifest with a subject', addWithSubject],
];

test.each(KINDS)('%s below an image has at most 1 MiB', async (_name, add) => {
  for (const size of [MIB, MIB + 1]) {
    const app = emptyRepository();
    const below = addOfSize(app, add, size);
    tagAs(app, addIndex(app, [await addPlainImage(app), below]), 'one');
    const { outcome } = await mirror(app);
    expect(outcome).toBe(size === MIB ? 'created' : refusal(below.digest, size, MIB));
  }
});

test('indexes and manifests with a subject below an image have 1 MiB together, at any depth', async () => {
  for (const more of [0, 1]) {
    const app = emptyRepository();
    const inner = addOfSize(app, addWithSubject, MIB - 2000 + more);
    const nest: Add = (to, annotations) => addIndex(to, [inner], { annotations });
    const outer = addOfSize(app, nest, 2000);
    tagAs(app, addIndex(app, [outer]), 'one');
    const { outcome } = await mirror(app);
    expect(outcome).toBe(more === 0 ? 'created' : refusal(inner.digest, MIB + 1, MIB));
  }
});

test('neither the index of an image itself nor manifests without a subject count', async () => {
  const app = emptyRepository();
  const below = addOfSize(app, addPlain, MIB + 1);
  const whole: Add = (to, annotations) => addIndex(to, [below], { annotations });
  tagAs(app, addOfSize(app, whole, MIB + 1), 'one');
  expect(await mirror(app)).toEqual({ outcome: 'created', findings: [], manifests: 2 });
});

test.each(KINDS)('%s below a referrer has at most 256 KiB', async (_name, add) => {
  for (const size of [256 * KIB, 256 * KIB + 1]) {
    const app = emptyRepository();
    const image = await addPlainImage(app);
    tagAs(app, image, 'one');
    const below = addOfSize(app, add, size);
    addIndex(app, [below], { artifactType: SPDX, subject: image });
    const { outcome, findings } = await mirror(app);
    expect(outcome).toBe(size === 256 * KIB ? 'created' : refusal(below.digest, size, 256 * KIB));
    expect(findings).toEqual([]);
  }
});

test('manifests with a subject below all referrers of an image have 1 MiB, and more is a finding', async () => {
  for (const more of [0, 1]) {
    const app = emptyRepository();
    const image = await addPlainImage(app);
    tagAs(app, image, 'one');
    const sizes = [255, 255, 255, 255, 4].map((kib, index) => kib * KIB + (index === 4 ? more : 0));
    for (const [index, size] of sizes.entries()) {
      const below = addOfSize(app, addWithSubject, size, `${index}`);
      addIndex(app, [below], { artifactType: SPDX, subject: image });
    }
    expect(await mirror(app)).toEqual({
      outcome: 'created',
      findings: more === 0 ? [] : ['referrers whose parts are referrers of more than 1048576 bytes'],
      manifests: 11,
    });
  }
});

test('all referrers of an image have 1000 parts, and more is a finding', async () => {
  for (const count of [1000, 1001]) {
    const app = emptyRepository();
    const image = await addPlainImage(app);
    tagAs(app, image, 'one');
    const parts = Array.from({ length: count }, (_, index) =>
      addArtifact(app, { artifactType: `application/${index}` }),
    );
    for (const half of [parts.slice(0, 500), parts.slice(500)]) {
      addIndex(app, half, { artifactType: SPDX, subject: image });
    }
    expect(await mirror(app)).toEqual({
      outcome: 'created',
      findings: count === 1000 ? [] : ['referrers of more than 1000 parts'],
      manifests: 1 + 2 + count,
    });
  }
});
