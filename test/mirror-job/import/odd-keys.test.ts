/** Keys of another tool's file that every object of JavaScript has: they are as unknown as any other. */
import { expect, test } from 'vitest';
import { ForeignFile } from '../../../mirror-job/import/foreign-file.ts';
import { readImageSet } from '../../../mirror-job/import/image-set.ts';
import { readRegsync } from '../../../mirror-job/import/regsync.ts';

const NAMES = ['constructor', 'toString', '__proto__', 'hasOwnProperty'];
/** As text, because `__proto__` in JavaScript's own notation is no key. */
const KEYS = NAMES.map((name) => `"${name}": "x"`).join(', ');

/** @returns the losses, without the file's name and line */
function losses(texts: readonly string[]): string[] {
  return texts.map((text) => text.replace(/^f(?::\d+)?: /, ''));
}

test('regsync: on top, in defaults, in an entry and in credentials', () => {
  const text = `{ ${KEYS}, "defaults": { ${KEYS} },
    "creds": [{ "registry": "a.b", ${KEYS} }],
    "sync": [{ "source": "a.b/c:1", "target": "d.e/c:1", "type": "image", ${KEYS} }] }`;
  const found = losses(readRegsync(new ForeignFile('f', text)).losses);
  const known = 'Lifeboat knows no such key of regsync.';
  const expected = ['', 'defaults.', 'creds[0].', 'sync[0].'].flatMap((start) =>
    NAMES.map((name) => `${start}${name}: ${known}`),
  );
  expect(found.toSorted()).toEqual(expected.toSorted());
});

test('regsync: in tags and tagSets', () => {
  const text = `{ "sync": [{ "source": "a.b/c", "target": "d.e/c", "type": "repository",
    "tags": { "allow": ["1"], ${KEYS} }, "tagSets": [{ "denny": ["2"] }] }] }`;
  const draft = readRegsync(new ForeignFile('f', text));
  const known = 'Lifeboat knows no such key of regsync.';
  expect(losses(draft.losses).toSorted()).toEqual(
    [
      ...NAMES.map((name) => `sync[0].tags.${name}: ${known}`),
      `sync[0].tagSets[0].denny: ${known}`,
    ].toSorted(),
  );
  expect(draft.images.map(({ value }) => value.tags)).toEqual([['1'], ['*']]);
});

test('regsync: a type that it does not have either', () => {
  const text = `{ "sync": [{ "source": "a.b/c", "target": "d.e/c", "type": "constructor" }] }`;
  const draft = readRegsync(new ForeignFile('f', text));
  expect(losses(draft.losses)).toEqual([
    'sync[0].type: regsync has the types repository, image and registry.',
  ]);
  expect(draft.images).toEqual([]);
});

test('oc-mirror: on top, in mirror, and in an image', () => {
  const text = `{ "apiVersion": "mirror.openshift.io/v2alpha1", "kind": "ImageSetConfiguration", ${KEYS},
    "mirror": { ${KEYS}, "additionalImages": [{ "name": "a.b/c:1", ${KEYS} }] } }`;
  const found = losses(readImageSet(new ForeignFile('f', text)).losses);
  const known = 'Lifeboat knows no such key of oc-mirror.';
  const expected = ['', 'mirror.', 'mirror.additionalImages[0].'].flatMap((start) =>
    NAMES.map((name) => `${start}${name}: ${known}`),
  );
  expect(found.toSorted()).toEqual(expected.toSorted());
});
