/** cosign's older tags, `sha256-<hex>.sig` and its like: mirrored beside the image that they name. */
import { expect, test } from 'vitest';
import { parseDigest } from '../../../../core/digest.ts';
import { parseRepository, parseTag } from '../../../../core/reference.ts';
import { findTag } from '../../../../mirror-job/engine/tags/publish.ts';
import { RepositoryState } from '../../../../mirror-job/engine/tags/repository-state.ts';
import { revertTag } from '../../../../mirror-job/engine/tags/revert.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { signatureTagsOf } from '../../../../mirror-job/engine/tags/signature-tags.ts';
import { SourceError } from '../../../../mirror-job/engine/source.ts';
import {
  addArtifact,
  addImage,
  addIndex,
  addJson,
  fallbackTag,
  tagAs,
  type Descriptor,
} from '../../../support/builder.ts';
import { emptyRepository, type Repository } from '../../../support/content.ts';
import { addMultiPlatform } from '../../../support/corpus.ts';
import { COSIGN_SIGNATURE, OCI_MANIFEST, SPDX } from '../../../support/media-types.ts';
import {
  DAY,
  EVERY_TAG,
  TestClock,
  environmentFor,
  imageOf,
  outcomesOf,
  type ImageOptions,
} from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const ROOT = 'repositories/mirror.test/app/';
/** Selects `one` from the list. */
const SIGNATURES = {
  ...EVERY_TAG,
  include: [
    { text: 'one', matches: (tag: string) => tag === 'one' },
    { text: 'sha256-*', matches: (tag: string) => tag.startsWith('sha256-') },
  ],
};
const ONE = { ...EVERY_TAG, include: [{ text: 'one', matches: (tag: string) => tag === 'one' }] };

async function begin() {
  const content = emptyRepository();
  const image = await addMultiPlatform(content, 'one');
  tagAs(content, image, 'one');
  const [amd64 = '', arm64 = ''] = [...content.manifests.keys()];
  const source = new MemorySource('source.test/app', content);
  const store = new MemoryStore();
  const clock = new TestClock();
  const sync = async (options: ImageOptions = { tags: ['one'] }) => {
    source.calls.length = 0;
    store.calls.length = 0;
    const environment = environmentFor(store, { clock });
    const report = await runMirror(environment, 'default', [imageOf(source, 'mirror.test/app', options)]);
    return outcomesOf(report);
  };
  return { content, image, amd64, arm64, source, store, clock, sync };
}

function tagFor(digest: string, suffix: string): string {
  return `${digest.replace(':', '-')}.${suffix}`;
}

/** Signs a digest in the old way; a second signature is another manifest under the same tag. */
function sign(
  content: Repository,
  digest: string,
  suffix: string,
  ...payloads: readonly string[]
): Descriptor {
  const layers = payloads.map((payload) => {
    const { mediaType, digest: layer, size } = addJson(content, COSIGN_SIGNATURE, { digest, payload });
    return { mediaType, digest: layer, size, diffId: layer };
  });
  const signature = addImage(content, { layers });
  tagAs(content, signature, tagFor(digest, suffix));
  return signature;
}

/** The tag itself, and how often it moved by its history. */
function standing(store: MemoryStore, tag: string): [digest: unknown, movements: number] {
  const object = store.json(`${ROOT}_tags/${tag}`);
  const digest = typeof object === 'object' && object !== null && 'digest' in object ? object.digest : '';
  return [digest, store.keys(`${ROOT}_history/${tag}/`).length];
}

test('a sha256 digest has three signature tags, and a sha512 digest has none, because its digits are too many for a tag', () => {
  const hex = 'a'.repeat(64);
  expect(signatureTagsOf(parseDigest(`sha256:${hex}`))).toEqual([
    `sha256-${hex}.sig`,
    `sha256-${hex}.att`,
    `sha256-${hex}.sbom`,
  ]);
  expect(signatureTagsOf(parseDigest(`sha512:${hex}${hex}`))).toEqual([]);
});

test.each([
  ['asked for by name', { tags: ['one'] }],
  ['taken from the list', { tags: [], rules: ONE }],
  ['of a digest', undefined],
])('the signature tags of an image and of its children are mirrored (image: %s)', async (_name, given) => {
  const { content, image, amd64, arm64, store, sync } = await begin();
  const signatures = new Map([
    [tagFor(image.digest, 'sig'), sign(content, image.digest, 'sig', 'a')],
    [tagFor(amd64, 'att'), sign(content, amd64, 'att', 'b')],
    [tagFor(arm64, 'sbom'), sign(content, arm64, 'sbom', 'c')],
  ]);
  // A signature tag of an image that is not mirrored.
  sign(content, `sha256:${'0'.repeat(64)}`, 'sig', 'd');
  const options = given ?? { tags: [], digests: [image.digest] };
  const name = given === undefined ? image.digest : 'one';
  expect(await sync(options)).toEqual({ [`mirror.test/app:${name}`]: 'created' });
  expect(store.keys('/_tags/').filter((key) => key.includes('sha256-'))).toEqual(
    [...signatures.keys()].map((tag) => `${ROOT}_tags/${tag}`).toSorted(),
  );
  for (const [tag, { digest }] of signatures) expect(standing(store, tag)).toEqual([digest, 1]);
  // The list has the signature tags, because tools that copy this mirror lose a tag that it lacks.
  const listed = [...(given === undefined ? [] : ['one']), ...signatures.keys()].toSorted();
  expect(store.json(`${ROOT}_tags.json`)).toEqual({ name: 'mirror.test/app', tags: listed });
  expect(JSON.stringify(store.json(`${ROOT}_index.json`)).split('.sig"').length).toBe(2);
});

test('a list that was read tells which signature tags exist, and without a list each is asked for by HEAD', async () => {
  const { content, image, amd64, arm64, source, sync } = await begin();
  const signature = sign(content, amd64, 'sig', 'a');
  const digests = [image.digest, amd64, arm64];
  const every = digests.flatMap((digest) => ['sig', 'att', 'sbom'].map((suffix) => tagFor(digest, suffix)));
  const asked = () =>
    source.calls.filter((call) => call.includes(' sha256-') || call.includes(signature.digest));
  await sync({ tags: ['one'] });
  expect(asked().toSorted()).toEqual(
    [...every.map((tag) => `resolve ${tag}`), `manifest ${tagFor(amd64, 'sig')}`].toSorted(),
  );

  const listed = await begin();
  sign(listed.content, listed.amd64, 'sig', 'a');
  await listed.sync({ tags: [], rules: ONE });
  expect(listed.source.calls.filter((call) => call.includes(' sha256-'))).toEqual([
    `manifest ${tagFor(listed.amd64, 'sig')}`,
  ]);
});

test('signature tags cost the bucket nothing if there are none, and cost upstream nothing if the image is not due', async () => {
  const { source, store, sync } = await begin();
  await sync();
  expect(store.calls.filter((call) => call.includes('sha256-'))).toEqual([]);
  await sync();
  expect(source.calls).toEqual(['resolve one']);
});

test('a signature that is added moves its tag, once the image is due', async () => {
  const { content, image, store, clock, source, sync } = await begin();
  const tag = tagFor(image.digest, 'sig');
  const first = sign(content, image.digest, 'sig', 'a');
  await sync();
  const second = sign(content, image.digest, 'sig', 'a', 'b');
  clock.advance(DAY - 1);
  await sync();
  expect([source.calls, standing(store, tag)]).toEqual([['resolve one'], [first.digest, 1]]);
  clock.advance(1);
  expect(await sync()).toEqual({});
  expect(standing(store, tag)).toEqual([second.digest, 2]);
  expect(source.calls.filter((call) => call.includes(tag))).toEqual([`resolve ${tag}`]);
  clock.advance(DAY);
  await sync();
  expect(standing(store, tag)).toEqual([second.digest, 2]);
  expect(source.calls).toContain(`resolve ${tag}`);
  expect(store.calls.filter((call) => call.endsWith('.sig'))).toEqual([]);
});

test('while a signature tag moves, the index does not say where it was', async () => {
  const { content, image, store, clock, sync } = await begin();
  const tag = tagFor(image.digest, 'sig');
  sign(content, image.digest, 'sig', 'a');
  await sync();
  sign(content, image.digest, 'sig', 'a', 'b');
  clock.advance(DAY);
  const isNamed: boolean[] = [];
  store.before = (call, key) => {
    if (call !== 'put' || key !== `${ROOT}_tags/${tag}`) return;
    isNamed.push(JSON.stringify(store.json(`${ROOT}_index.json`)).includes(tag));
  };
  await sync();
  expect(isNamed).toEqual([false]);
});

test('a signature tag that refers to a manifest is in the list of referrers of that manifest too', async () => {
  const { content, image, store, sync } = await begin();
  const subject = addJson(content, OCI_MANIFEST, { name: 'elsewhere' });
  const signature = addArtifact(content, { artifactType: SPDX, subject });
  tagAs(content, signature, tagFor(image.digest, 'sbom'));
  await sync();
  expect(store.json(`${ROOT}_referrers/${subject.digest.replace(':', '/')}`)).toMatchObject({
    manifests: [{ digest: signature.digest }],
  });
});

test('a signature tag that comes after its image is found when the image is due, and one that upstream deletes stays', async () => {
  const { content, image, store, clock, sync } = await begin();
  const tag = tagFor(image.digest, 'att');
  await sync();
  const late = sign(content, image.digest, 'att', 'a');
  clock.advance(DAY);
  await sync();
  expect(standing(store, tag)).toEqual([late.digest, 1]);
  content.tags.delete(tag);
  clock.advance(DAY);
  expect(await sync()).toEqual({});
  expect(standing(store, tag)).toEqual([late.digest, 1]);
});

test.each([true, false])(
  'a signature tag that was put back by hand stays (the index knows it: %s)',
  async (isKnown) => {
    const { content, amd64, store, clock, sync } = await begin();
    const tag = parseTag(tagFor(amd64, 'sig'));
    const repository = parseRepository('mirror.test/app');
    const first = sign(content, amd64, 'sig', 'a');
    await sync();
    sign(content, amd64, 'sig', 'a', 'b');
    clock.advance(DAY);
    await sync();
    const environment = environmentFor(store, { clock });
    const state = await RepositoryState.open(environment, repository);
    await revertTag(environment, state, { repository, tag, to: undefined, reason: undefined, by: undefined });
    expect(standing(store, tag)).toEqual([first.digest, 3]);
    if (!isKnown) store.objects.delete(`${ROOT}_index.json`);

    const third = sign(content, amd64, 'sig', 'a', 'b', 'c');
    clock.advance(DAY);
    expect(await sync()).toEqual({});
    expect(standing(store, tag)).toEqual([first.digest, 3]);
    expect(await findTag({ store }, repository, tag)).toMatchObject({ hold: 'reverted by hand' });
    const index = await RepositoryState.open(environment, repository);
    expect(index.tag(tag)).toMatchObject({ digest: first.digest, hold: 'reverted by hand' });
    // The third manifest is stored, so that the tag's move to it can be approved.
    expect(store.keys(`${ROOT}_manifests/sha256/${third.digest.slice(7)}`)).toHaveLength(1);
  },
);

test('a signature tag that fails is a failure of its image, by name, and the tag of the image waits for it', async () => {
  const { content, image, source, store, sync } = await begin();
  const tag = tagFor(image.digest, 'sig');
  const { digest } = sign(content, image.digest, 'sig', 'a');
  source.before = (call, what) => {
    if (call === 'manifest' && what === tag) throw new SourceError('source.test/app is busy.');
  };
  expect(await sync()).toEqual({
    'mirror.test/app:one': `The signature tag "${tag}": source.test/app is busy.`,
  });
  expect(store.keys('/_tags/')).toEqual([]);
  source.before = () => {};
  expect(await sync()).toEqual({ 'mirror.test/app:one': 'created' });
  expect(standing(store, tag)).toEqual([digest, 1]);
});

test('a signature tag that another run moves meanwhile is decided again from what upstream says then', async () => {
  const { content, image, store, clock, sync } = await begin();
  const tag = tagFor(image.digest, 'sig');
  sign(content, image.digest, 'sig', 'a');
  await sync();
  const theirs = store.objects.get(`${ROOT}_tags/${tag}`);
  const second = sign(content, image.digest, 'sig', 'a', 'b');
  clock.advance(DAY);
  let isMoved = false;
  store.before = async (call, key) => {
    if (call !== 'put' || key !== `${ROOT}_tags/${tag}` || isMoved || theirs === undefined) return;
    isMoved = true;
    const { bytes, contentType = '' } = theirs;
    await store.put(key, Buffer.concat([bytes, Buffer.from('\n')]), { contentType });
  };
  expect(await sync()).toEqual({});
  expect([isMoved, standing(store, tag)[0]]).toEqual([true, second.digest]);
});

test('referrers: false asks for no signature tags', async () => {
  const { content, image, source, store, sync } = await begin();
  sign(content, image.digest, 'sig', 'a');
  await sync({ tags: ['one'], referrersEveryMs: false });
  expect(source.calls.filter((call) => call.includes(' sha256-'))).toEqual([]);
  expect(store.keys('/_tags/')).toEqual([`${ROOT}_tags/one`]);
});

test.each([
  ['by a pattern that begins as it does', { tags: [], rules: SIGNATURES }],
  ['by its name', 'name'],
] as const)(
  'a signature tag that is selected %s is mirrored as a tag of its own, once',
  async (_name, given) => {
    const { content, image, source, sync } = await begin();
    const tag = tagFor(image.digest, 'sig');
    sign(content, image.digest, 'sig', 'a');
    expect(await sync(given === 'name' ? { tags: ['one', tag] } : given)).toEqual({
      'mirror.test/app:one': 'created',
      [`mirror.test/app:${tag}`]: 'created',
    });
    expect(source.calls.filter((call) => call.includes(tag))).toEqual([`manifest ${tag}`]);
  },
);

test('“*” and “latest” select images, and their signatures come beside them', async () => {
  const { content, image, source, store, sync } = await begin();
  const tag = tagFor(image.digest, 'sig');
  sign(content, image.digest, 'sig', 'a');
  expect(await sync({ tags: [], rules: { ...EVERY_TAG, latest: 1 } })).toEqual({
    'mirror.test/app:one': 'created',
  });
  expect(store.keys('/_tags/')).toEqual([`${ROOT}_tags/one`, `${ROOT}_tags/${tag}`]);
  expect(source.calls.filter((call) => call.includes(tag))).toEqual([`manifest ${tag}`]);
});

test('a list that was read names all tags that belong to an image, and to what refers to it', async () => {
  const { content, image, source, store, sync } = await begin();
  const sbom = addArtifact(content, { artifactType: SPDX, subject: image });
  const tags = [tagFor(image.digest, 'vex'), fallbackTag(image.digest), tagFor(sbom.digest, 'sig')];
  tagAs(content, sbom, tags[0] ?? '');
  tagAs(content, addIndex(content, [sbom]), tags[1] ?? '');
  sign(content, sbom.digest, 'sig', 'a');
  await sync({ tags: 'all' });
  expect(store.keys('/_tags/sha256-')).toEqual(tags.map((tag) => `${ROOT}_tags/${tag}`).toSorted());
  expect(source.calls.filter((call) => call.startsWith('resolve'))).toEqual([]);
});

test('a list without any signature tag proves nothing, and each one is asked for by HEAD', async () => {
  const { content, image, amd64, arm64, source, store, sync } = await begin();
  const signed = sign(content, amd64, 'sig', 'a');
  // Some registries leave these tags out of their lists.
  source.hidden = (tag) => tag.startsWith('sha256-');
  expect(await sync({ tags: 'all' })).toEqual({ 'mirror.test/app:one': 'created' });
  expect(standing(store, tagFor(amd64, 'sig'))).toEqual([signed.digest, 1]);
  const every = [image.digest, amd64, arm64].flatMap((digest) =>
    ['sig', 'att', 'sbom'].map((suffix) => `resolve ${tagFor(digest, suffix)}`),
  );
  expect(source.calls.filter((call) => call.startsWith('resolve')).toSorted()).toEqual(every.toSorted());
  // Signature tags are not asked for while they are not due.
  await sync({ tags: 'all' });
  expect(source.calls).toEqual(['tags', 'resolve one']);
});

test('signature tags of a platform that is left out are left out too', async () => {
  const { content, amd64, arm64, store, sync } = await begin();
  sign(content, amd64, 'sig', 'a');
  sign(content, arm64, 'sig', 'b');
  await sync({ tags: ['one'], platforms: ['linux/amd64'] });
  expect(store.keys('/_tags/sha256-')).toEqual([`${ROOT}_tags/${tagFor(amd64, 'sig')}`]);
});
