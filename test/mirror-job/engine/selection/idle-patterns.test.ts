/** The job warns of patterns that match no tag upstream, because they are mostly misspelt. They fail nothing. */
import { expect, test } from 'vitest';
import { parseTag } from '../../../../core/reference.ts';
import { parseConfiguration } from '../../../../mirror-job/configuration/parse.ts';
import { idlePatterns } from '../../../../mirror-job/engine/selection/idle-patterns.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { planMirror } from '../../../../mirror-job/engine/run/plan.ts';
import { addImage, addLayer, tagAs } from '../../../support/builder.ts';
import { emptyRepository } from '../../../support/content.ts';
import { EVERY_TAG, environmentFor, imageOf } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const SIGNATURE = `sha256-${'c'.repeat(64)}.sig`;
const LISTED = ['1.27.0', '1.27.0-alpine', '1.28.0_abc', '1.2.3.4-perl', 'latest', SIGNATURE].map(parseTag);

test.each([
  ["['*']", []],
  ["['1.27*', 'x*']", ['"x*" (tags.include)']],
  ["['latest', '/^v/', 'y*']", ['"/^v/" (tags.include)', '"y*" (tags.include)']],
  ["{ semver: '>=1', suffix: ['', '-alpine', '-aplin*', '_abc'] }", ['"-aplin*" (tags.suffix)']],
  // A version of four numbers is in no range, whatever its suffix is.
  ["{ suffix: ['-perl'] }", ['"-perl" (tags.suffix)']],
  // The range is no pattern, because it may be meant for future versions.
  ["{ semver: '>=9' }", []],
  [
    "{ include: ['*'], exclude: ['*-alpine', '*.sig', 'nightly', '*-rc*'] }",
    ['"nightly" (tags.exclude)', '"*-rc*" (tags.exclude)'],
  ],
  ["{ include: ['*'], immutable: ['v*', '1.*'] }", ['"v*" (tags.immutable)']],
  ["{ include: ['1.27.0'], immutable: ['1.*', '2.*'] }", ['"2.*" (tags.immutable)']],
  // The pattern selects no signature tag, because it does not spell the beginning of such a tag.
  ["['*.sig', '1.*']", ['"*.sig" (tags.include)']],
  ["['sha256-*.sig']", []],
])('the patterns that match no listed tag are found in %s', (tags, expected) => {
  const store = 'store: { endpoint: "https://s3.example.com", bucket: lifeboat }\n';
  const [image] = parseConfiguration('f.yaml', `${store}images: [{ source: a, tags: ${tags} }]`, {}).images;
  if (image === undefined) throw new Error('There is no image.');
  expect(idlePatterns(image, image.tags.rules === undefined ? undefined : LISTED)).toEqual(expected);
});

const pattern = (text: string) => ({ text, matches: (tag: string) => tag.startsWith(text.slice(0, -1)) });

async function begin() {
  const content = emptyRepository();
  tagAs(content, addImage(content, { layers: [await addLayer(content, 'one')] }), 'one');
  const source = new MemorySource('source.test/app', content);
  const rules = { ...EVERY_TAG, include: [pattern('o*'), pattern('x*')] };
  return { source, rules };
}

const SENTENCE =
  'warn: source.test/app: no tag matches "x*" (tags.include). Check the spelling; "lifeboat plan --all" shows each tag.';

test('a run and a plan warn of a pattern that matches no tag, and fail nothing', async () => {
  const { source, rules } = await begin();
  const image = imageOf(source, 'mirror.test/app', { tags: [], rules });
  for (const work of [planMirror, runMirror]) {
    const environment = environmentFor(new MemoryStore());
    const { counts, findings } = await work(environment, 'default', [image]);
    expect([counts.created, counts.failed, findings, environment.logged]).toEqual([1, 0, [], [SENTENCE]]);
  }
});

test('a list that is not trusted, or is empty, leads to no warning about patterns', async () => {
  const { source, rules } = await begin();
  const run = async (options: object) => {
    const environment = environmentFor(new MemoryStore());
    await runMirror(environment, 'default', [
      imageOf(source, 'mirror.test/app', { tags: ['one'], ...options }),
    ]);
    return environment.logged;
  };
  expect(await run({ rules: { ...rules, minTags: 5 } })).toEqual([]);
  source.hidden = () => true;
  expect(await run({ rules })).toEqual([]);
});

test('the patterns of an image that only names tags are compared with the names', async () => {
  const { source } = await begin();
  const environment = environmentFor(new MemoryStore());
  const image = imageOf(source, 'mirror.test/app', { tags: ['one'], immutable: [pattern('v*')] });
  await runMirror(environment, 'default', [image]);
  expect(environment.logged).toEqual([
    'warn: source.test/app: no tag matches "v*" (tags.immutable). Check the spelling; "lifeboat plan --all" shows each tag.',
  ]);
});
